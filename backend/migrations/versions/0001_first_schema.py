"""The first schema: cameras, frames, detections, events, assessments, outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ignored_files", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_holder", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cameras")),
        sa.UniqueConstraint("folder", name=op.f("uq_cameras_folder")),
        sa.UniqueConstraint("slug", name=op.f("uq_cameras_slug")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("number", name=op.f("uq_outbox_number")),
    )
    op.create_index(
        "ix_outbox_unnumbered",
        "outbox",
        ["id"],
        unique=False,
        postgresql_where=sa.text("number IS NULL"),
    )
    op.create_table(
        "outbox_counter",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_outbox_counter_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_counter")),
    )
    op.create_table(
        "quarantined_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_files")),
        sa.UniqueConstraint("path", name=op.f("uq_quarantined_files_path")),
    )
    op.create_table(
        "detector_memories",
        sa.Column("camera_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("memory", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["camera_id"],
            ["cameras.id"],
            name=op.f("fk_detector_memories_camera_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("camera_id", "detector", name=op.f("pk_detector_memories")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("continues_event_id", sa.BigInteger(), nullable=True),
        sa.Column("cover_frame_id", sa.BigInteger(), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detections", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("classes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=Text()), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int4range(camera_id, camera_id, '[]')"), "&&"),
            (sa.text("tstzrange(first_at, last_at, '[]')"), "&&"),
            using="gist",
            name="ex_events_one_at_a_time",
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_events_closed")
        ),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_events_state")),
        sa.CheckConstraint("first_at <= last_at", name=op.f("ck_events_span")),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_events_score")),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_events_camera_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["continues_event_id"],
            ["events.id"],
            name=op.f("fk_events_continues_event_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(
        "ix_events_camera_id_first_at", "events", ["camera_id", "first_at", "id"], unique=False
    )
    op.create_index(
        "ix_events_continues_event_id",
        "events",
        ["continues_event_id"],
        unique=False,
        postgresql_where=sa.text("continues_event_id IS NOT NULL"),
    )
    op.create_index("ix_events_first_at", "events", ["first_at", "id"], unique=False)
    op.create_index(
        "ix_events_open",
        "events",
        ["attached_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "assessments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("upto_detection_id", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_by", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("score", sa.SmallInteger(), nullable=False),
        sa.Column("factors", postgresql.JSONB(astext_type=Text()), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 100", name=op.f("ck_assessments_score")),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_assessments_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
        sa.UniqueConstraint("event_id", "number", name=op.f("uq_assessments_event_id_number")),
    )
    op.create_table(
        "frames",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("clock_suspect", sa.Boolean(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("found_by", sa.String(), nullable=False),
        sa.Column("captured_from", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'received'"), nullable=False),
        sa.Column("detector", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("remarks", postgresql.JSONB(astext_type=Text()), nullable=True),
        sa.CheckConstraint(
            "(state = 'received') = (finished_at IS NULL)", name=op.f("ck_frames_finished")
        ),
        sa.CheckConstraint(
            "captured_from IN ('exif', 'mtime', 'received')", name=op.f("ck_frames_captured_from")
        ),
        sa.CheckConstraint("found_by IN ('watch', 'scan')", name=op.f("ck_frames_found_by")),
        sa.CheckConstraint(
            "state IN ('received', 'attached', 'empty', 'quarantined', 'buried')",
            name=op.f("ck_frames_state"),
        ),
        sa.CheckConstraint("length(content_hash) = 32", name=op.f("ck_frames_content_hash")),
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f("fk_frames_camera_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_frames_event_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frames")),
        sa.UniqueConstraint(
            "camera_id", "path", "content_hash", name=op.f("uq_frames_camera_id_path_content_hash")
        ),
    )
    op.create_index(
        "ix_frames_camera_id_captured_at",
        "frames",
        ["camera_id", "captured_at", "id"],
        unique=False,
    )
    op.create_index("ix_frames_captured_at", "frames", ["captured_at", "id"], unique=False)
    op.create_index(
        "ix_frames_event_id",
        "frames",
        ["event_id"],
        unique=False,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_index(
        "ix_frames_live",
        "frames",
        ["camera_id", "received_at"],
        unique=False,
        postgresql_where=sa.text("state = 'received' AND found_by = 'watch'"),
    )
    op.create_index(
        "ix_frames_waiting",
        "frames",
        ["camera_id", "captured_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_table(
        "detections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("frame_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.REAL(), nullable=False),
        sa.Column("x", sa.REAL(), nullable=False),
        sa.Column("y", sa.REAL(), nullable=False),
        sa.Column("width", sa.REAL(), nullable=False),
        sa.Column("height", sa.REAL(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("alternatives", postgresql.JSONB(astext_type=Text()), nullable=True),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_detections_confidence")),
        sa.CheckConstraint(
            "x >= 0 AND y >= 0 AND width > 0 AND height > 0", name=op.f("ck_detections_box")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["events.id"], name=op.f("fk_detections_event_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["frame_id"], ["frames.id"], name=op.f("fk_detections_frame_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_detections")),
    )
    op.create_index("ix_detections_event_id", "detections", ["event_id", "id"], unique=False)
    op.create_index("ix_detections_frame_id", "detections", ["frame_id"], unique=False)
    op.execute("INSERT INTO outbox_counter (id, last_number) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_index("ix_detections_frame_id", table_name="detections")
    op.drop_index("ix_detections_event_id", table_name="detections")
    op.drop_table("detections")
    op.drop_index(
        "ix_frames_waiting", table_name="frames", postgresql_where=sa.text("state = 'received'")
    )
    op.drop_index(
        "ix_frames_event_id", table_name="frames", postgresql_where=sa.text("event_id IS NOT NULL")
    )
    op.drop_index("ix_frames_camera_id_captured_at", table_name="frames")
    op.drop_index(
        "ix_frames_live",
        table_name="frames",
        postgresql_where=sa.text("state = 'received' AND found_by = 'watch'"),
    )
    op.drop_index("ix_frames_captured_at", table_name="frames")
    op.drop_table("frames")
    op.drop_table("assessments")
    op.drop_index("ix_events_open", table_name="events", postgresql_where=sa.text("state = 'open'"))
    op.drop_index("ix_events_first_at", table_name="events")
    op.drop_index(
        "ix_events_continues_event_id",
        table_name="events",
        postgresql_where=sa.text("continues_event_id IS NOT NULL"),
    )
    op.drop_index("ix_events_camera_id_first_at", table_name="events")
    op.drop_table("events")
    op.drop_table("detector_memories")
    op.drop_table("quarantined_files")
    op.drop_table("outbox_counter")
    op.drop_index(
        "ix_outbox_unnumbered", table_name="outbox", postgresql_where=sa.text("number IS NULL")
    )
    op.drop_table("outbox")
    op.drop_table("cameras")
