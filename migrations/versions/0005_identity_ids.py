"""For each identity: an id, the session in which it was linked, and the time of its last use.

The previous release still works: it writes none of the new columns, and the database generates the
ids. This migration rewrites the table, which has one short row for each identity.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "-- squawk-ignore adding-field-with-default\n"
        "ALTER TABLE identities ADD COLUMN id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL"
    )
    op.add_column("identities", sa.Column("session_id", sa.BigInteger()))
    op.add_column("identities", sa.Column("last_used_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for column in ("last_used_at", "session_id", "id"):
        op.drop_column("identities", column)
