"""Tracks and what belongs to the scene, zones, lines, privacy masks, suppressions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_NUMBERS: sa.ARRAY[float] = sa.ARRAY(sa.Double())
_JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "tracks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("still_since", _MOMENT, nullable=False),
        sa.Column("sightings", sa.Integer(), nullable=False),
        sa.Column("stirred", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sa.Column("longest_missed", sa.Integer(), nullable=False),
        sa.Column("seen_moving", sa.Boolean(), nullable=False),
        sa.Column("watched", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("first_box", _NUMBERS, nullable=False),
        sa.Column("last_box", _NUMBERS, nullable=False),
        sa.Column("rest", _NUMBERS, nullable=False),
        sa.Column("print", sa.LargeBinary(), nullable=False),
        sa.Column("votes", _JSON, nullable=False),
        sa.Column("path", _JSON, nullable=False),
        sa.Column("within", _JSON, nullable=False),
        sa.Column("crossed", _JSON, nullable=False),
        sa.CheckConstraint(
            "state IN ('live', 'scene', 'left', 'ended')", name=op.f("ck_tracks_state")
        ),
        sa.CheckConstraint("first_at <= last_at", name=op.f("ck_tracks_span")),
        sa.CheckConstraint("sightings > 0", name=op.f("ck_tracks_sightings")),
        *_of_camera("tracks"),
    )
    op.create_index(
        "ix_tracks_open", "tracks", ["camera_id"], postgresql_where=sa.text("state <> 'ended'")
    )
    op.create_index("ix_tracks_camera_id_last_at", "tracks", ["camera_id", "last_at"])
    op.create_index(
        "ix_tracks_over",
        "tracks",
        [
            sa.text("int4range(camera_id, camera_id, '[]')"),
            sa.text("tstzrange(first_at, last_at, '[]')"),
        ],
        postgresql_using="gist",
        postgresql_where=sa.text("state = 'ended'"),
    )
    op.create_table(
        "zones",
        *_drawn(),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("weight", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("share", sa.Double(), nullable=True),
        sa.Column("colour", sa.String(), nullable=False),
        sa.Column("hours", sa.String(), nullable=True),
        sa.Column("classes", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "type IN ('entry_point', 'driveway', 'sidewalk', 'yard', 'other')",
            name=op.f("ck_zones_type"),
        ),
        sa.CheckConstraint("weight BETWEEN -50 AND 50", name=op.f("ck_zones_weight")),
        sa.CheckConstraint("priority BETWEEN 0 AND 100", name=op.f("ck_zones_priority")),
        sa.CheckConstraint("share > 0 AND share <= 1", name=op.f("ck_zones_share")),
        *_of_camera("zones"),
        sa.UniqueConstraint("camera_id", "name", name=op.f("uq_zones_camera_id_name")),
    )
    op.create_table(
        "lines",
        *_drawn(),
        sa.Column("inwards", sa.String(), nullable=False),
        sa.Column("outwards", sa.String(), nullable=False),
        sa.Column("classes", sa.ARRAY(sa.Text()), nullable=False),
        *_of_camera("lines"),
        sa.UniqueConstraint("camera_id", "name", name=op.f("uq_lines_camera_id_name")),
    )
    op.create_table(
        "masks",
        *_drawn(),
        *_of_camera("masks"),
        sa.UniqueConstraint("camera_id", "name", name=op.f("uq_masks_camera_id_name")),
    )
    op.create_table(
        "suppressions",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("track_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("undone_at", _MOMENT, nullable=True),
        sa.Column("hidden_at", _MOMENT, nullable=True),
        sa.Column("hidden", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("box", _NUMBERS, nullable=False),
        sa.Column("print", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint("ends_at > created_at", name=op.f("ck_suppressions_span")),
        *_of_camera("suppressions"),
    )
    op.create_index("ix_suppressions_camera_id", "suppressions", ["camera_id", "id"])
    op.add_column("cameras", sa.Column("masks_changed_at", _MOMENT, nullable=True))
    op.add_column("detections", sa.Column("track_id", sa.BigInteger(), nullable=True))
    op.add_column("detections", sa.Column("signs", _JSON, nullable=True))
    op.add_column("detections", sa.Column("enrichment", _JSON, nullable=True))
    op.add_column(
        "events",
        sa.Column("zones", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.execute("UPDATE events SET facts = jsonb_build_object('seen', facts)")


def downgrade() -> None:
    op.execute("UPDATE events SET facts = facts -> 'seen'")
    op.drop_column("events", "zones")
    for column in ("enrichment", "signs", "track_id"):
        op.drop_column("detections", column)
    op.drop_column("cameras", "masks_changed_at")
    for table in ("suppressions", "masks", "lines", "zones", "tracks"):
        op.drop_table(table)


def _drawn() -> list[sa.Column[object]]:
    """What all has that people draw on a picture."""
    return [
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("camera_id", sa.Integer(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("points", _JSON, nullable=False),
    ]


def _of_camera(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["camera_id"], ["cameras.id"], name=op.f(f"fk_{table}_camera_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
