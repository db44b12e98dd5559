"""Dead letters, the mark of the pictures' folder, frames passed over, and further times."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("frames", sa.Column("completed_at", _MOMENT, nullable=True))
    op.drop_constraint(op.f("ck_frames_state"), "frames", type_="check")
    op.create_check_constraint(
        op.f("ck_frames_state"),
        "frames",
        "state IN ('received', 'attached', 'empty', 'skipped', 'quarantined', 'buried')",
    )
    op.add_column("events", sa.Column("told_at", _MOMENT, nullable=True))
    op.add_column(
        "cameras",
        sa.Column("skipped_frames", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("cameras", sa.Column("skipped_at", _MOMENT, nullable=True))
    op.create_table(
        "picture_store",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("marked_at", _MOMENT, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_picture_store_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture_store")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("replays", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'dead'"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("stage IN ('detection')", name=op.f("ck_dead_letters_stage")),
        sa.CheckConstraint(
            "state IN ('dead', 'replayed', 'discarded')", name=op.f("ck_dead_letters_state")
        ),
        sa.CheckConstraint("first_at <= last_at", name=op.f("ck_dead_letters_span")),
        sa.CheckConstraint("tries > 0", name=op.f("ck_dead_letters_tries")),
        sa.ForeignKeyConstraint(
            ["frame_id"],
            ["frames.id"],
            name=op.f("fk_dead_letters_frame_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint("frame_id", name=op.f("uq_dead_letters_frame_id")),
    )
    op.create_index(
        "ix_dead_letters_dead",
        "dead_letters",
        ["last_at", "id"],
        postgresql_where=sa.text("state = 'dead'"),
    )
    # What was given up before letters were kept.
    op.execute(
        """
        INSERT INTO dead_letters (frame_id, first_at, last_at, tries, stage, reason)
        SELECT id, finished_at, finished_at, greatest(attempts, 1), 'detection',
            coalesce(nullif(reason, ''), 'no reason was kept')
        FROM frames WHERE state = 'buried' ORDER BY finished_at, id
        """
    )


def downgrade() -> None:
    op.drop_table("dead_letters")
    op.drop_table("picture_store")
    op.drop_column("cameras", "skipped_at")
    op.drop_column("cameras", "skipped_frames")
    op.drop_column("events", "told_at")
    op.execute("UPDATE frames SET state = 'empty' WHERE state = 'skipped'")
    op.drop_constraint(op.f("ck_frames_state"), "frames", type_="check")
    op.create_check_constraint(
        op.f("ck_frames_state"),
        "frames",
        "state IN ('received', 'attached', 'empty', 'quarantined', 'buried')",
    )
    op.drop_column("frames", "completed_at")
