"""Messages to users, the links in these messages, and the queue of jobs that sends them.

The previous release still works: it does not use the new tables, and the new columns of `users`
have defaults or are nullable. `migrations/sql/` contains the queue's schema, which is a copy of the
schema of the library.

Revision ID: 0006
Revises: 0005
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_QUEUE = Path(__file__).parents[1] / "sql" / "procrastinate-3.10.0.sql"
_LINK_KINDS = ("confirm-email", "confirm-new-email", "reset-password")
_MESSAGES = """
CREATE TABLE messages (
    id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
    user_id BIGINT,
    address VARCHAR,
    -- squawk-ignore prefer-text-field
    kind VARCHAR(22) NOT NULL,
    provider VARCHAR,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    failure VARCHAR,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT ck_messages_address_of_a_user CHECK ((user_id IS NULL) = (address IS NULL)),
    CONSTRAINT ck_messages_kind CHECK (kind IN (
        'confirm-email', 'confirm-new-email', 'reset-password', 'email-change-requested',
        'email-changed', 'password-changed', 'identity-linked', 'identity-removed',
        'refresh-token-reused'
    )),
    CONSTRAINT fk_messages_user_id_users
        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
)
"""
# To insert a job, a role also needs a privilege on the sequences of the queue. Each role with the
# privilege to insert users gets this privilege.
_GRANT_SEQUENCES = """
DO $$
DECLARE
    service name;
    counter name;
BEGIN
    FOR service IN
        SELECT DISTINCT grantee FROM information_schema.role_table_grants
        WHERE table_schema = current_schema() AND table_name = 'users'
            AND privilege_type = 'INSERT' AND grantee NOT IN (current_user, 'PUBLIC')
    LOOP
        FOR counter IN
            SELECT sequencename FROM pg_sequences
            WHERE schemaname = current_schema() AND sequencename LIKE 'procrastinate%'
        LOOP
            EXECUTE format('GRANT USAGE ON SEQUENCE %I TO %I', counter, service);
        END LOOP;
    END LOOP;
END;
$$
"""


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("email_confirmed", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("users", sa.Column("disabled_at", sa.DateTime(timezone=True)))
    op.execute(_MESSAGES)
    op.create_index(op.f("ix_messages_user_id_kind"), "messages", ["user_id", "kind"])
    op.create_index(op.f("ix_messages_created_at"), "messages", ["created_at"])
    op.create_index(op.f("ix_messages_sent_at"), "messages", ["sent_at"])
    op.create_index(
        "uq_messages_link",
        "messages",
        ["user_id", "kind"],
        unique=True,
        postgresql_where=sa.column("kind").in_(_LINK_KINDS),
    )
    op.create_table(
        "links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_links_message_id_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_message_id"), "links", ["message_id"])
    op.execute(_QUEUE.read_text(encoding="utf-8"))
    op.execute(_GRANT_SEQUENCES)


def downgrade() -> None:
    for table in ("periodic_defers", "events", "jobs", "workers"):
        op.execute(f"DROP TABLE procrastinate_{table} CASCADE")
    op.execute(_DROP_QUEUE)
    op.drop_table("links")
    op.drop_table("messages")
    for column in ("disabled_at", "email_confirmed"):
        op.drop_column("users", column)


_DROP_QUEUE = """
DO $$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT oid FROM pg_proc
        WHERE proname LIKE 'procrastinate%' AND pronamespace = current_schema()::regnamespace
    LOOP
        EXECUTE 'DROP FUNCTION ' || routine || ' CASCADE';
    END LOOP;
END;
$$;
DROP TYPE procrastinate_job_to_defer_v1;
DROP TYPE procrastinate_job_event_type;
DROP TYPE procrastinate_job_status;
"""
