"""An index by which frames with a content are found."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_frames_content_hash", "frames", ["content_hash"], postgresql_using="hash")


def downgrade() -> None:
    op.drop_index("ix_frames_content_hash", "frames")
