"""Spent refresh tokens, sessions with a cookie, and the time of a session's last use.

The previous release still works: the columns that it does not know are nullable or have a default.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("sessions", "refresh_token_hash", nullable=True)
    op.add_column("sessions", sa.Column("cookie_hash", sa.LargeBinary()))
    op.add_column("sessions", sa.Column("user_agent", sa.String()))
    op.add_column(
        "sessions",
        sa.Column(
            "last_used_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )
    op.create_unique_constraint("uq_sessions_cookie_hash", "sessions", ["cookie_hash"])
    op.create_check_constraint(
        op.f("ck_sessions_one_secret"),
        "sessions",
        "num_nonnulls(refresh_token_hash, cookie_hash) = 1",
    )
    op.create_index("ix_sessions_last_used_at", "sessions", ["last_used_at"])
    op.create_index("ix_sessions_user_id_id", "sessions", ["user_id", "id"])
    op.drop_index("ix_sessions_user_id", "sessions")
    op.create_table(
        "spent_refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_spent_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name="fk_spent_refresh_tokens_session_id_sessions",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_spent_refresh_tokens_session_id", "spent_refresh_tokens", ["session_id"])


def downgrade() -> None:
    op.drop_table("spent_refresh_tokens")
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.drop_index("ix_sessions_user_id_id", "sessions")
    # The previous release does not know cookie sessions and could not end them.
    op.execute("DELETE FROM sessions WHERE refresh_token_hash IS NULL")
    op.drop_constraint("ck_sessions_one_secret", "sessions")
    op.drop_column("sessions", "last_used_at")
    op.drop_column("sessions", "user_agent")
    op.drop_column("sessions", "cookie_hash")
    op.alter_column("sessions", "refresh_token_hash", nullable=False)
