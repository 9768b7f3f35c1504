"""Identities at providers, and accounts without a password.

The previous release still works: if an account has no password, that release treats every password
as wrong.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RULE = "ck_users_erased_means_no_personal_data"
_BOTH = "(erased_at IS NULL) = (email IS NOT NULL) AND (erased_at IS NULL) = (name IS NOT NULL)"


def upgrade() -> None:
    op.drop_constraint(op.f(_RULE), "users")
    # `downgrade` stores '' for a missing password.
    op.execute("UPDATE users SET password_hash = NULL WHERE password_hash = ''")
    op.create_check_constraint(
        op.f(_RULE), "users", f"{_BOTH} AND (erased_at IS NULL OR password_hash IS NULL)"
    )
    op.create_table(
        "identities",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_identities"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_identities_user_id_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
    op.create_table(
        "oidc_flows",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("redirect_uri", sa.String(), nullable=False),
        sa.Column("nonce", sa.String(), nullable=False),
        sa.Column("code_verifier", sa.String(), nullable=False),
        sa.Column("return_to", sa.String(), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("session_id", sa.BigInteger()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_oidc_flows"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name="fk_oidc_flows_session_id_sessions",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_oidc_flows_session_id", "oidc_flows", ["session_id"])
    op.create_index("ix_oidc_flows_expires_at", "oidc_flows", ["expires_at"])


def downgrade() -> None:
    op.drop_table("oidc_flows")
    op.drop_table("identities")
    op.drop_constraint(op.f(_RULE), "users")
    # An empty hash matches no password.
    op.execute(
        "UPDATE users SET password_hash = '' WHERE erased_at IS NULL AND password_hash IS NULL"
    )
    op.create_check_constraint(
        op.f(_RULE), "users", f"{_BOTH} AND (erased_at IS NULL) = (password_hash IS NOT NULL)"
    )
