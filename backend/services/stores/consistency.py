"""What the ledger's rows must not say of one another, and no constraint can forbid."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.schema import taken_back

# By what must hold, a query for the rows (`what`) that say otherwise.
RULES = {
    "a frame is attached if, and only if, it has an event": """
        SELECT format('frame %s: %s, event %s', id, state, coalesce(event_id::text, 'none')) AS what
        FROM frames WHERE (state = 'attached') <> (event_id IS NOT NULL)
    """,
    "a frame is attached if, and only if, it has detections": """
        SELECT format('frame %s: %s, %s detections', f.id, f.state, count(d.id)) AS what
        FROM frames f LEFT JOIN detections d ON d.frame_id = f.id
        GROUP BY f.id HAVING (f.state = 'attached') <> (count(d.id) > 0)
    """,
    "a frame and its event are of one camera": """
        SELECT format('frame %s of camera %s, event %s of camera %s',
            f.id, f.camera_id, e.id, e.camera_id) AS what
        FROM frames f JOIN events e ON e.id = f.event_id WHERE e.camera_id <> f.camera_id
    """,
    "a detection and its frame are in one event": """
        SELECT format('detection %s: event %s, its frame: event %s',
            d.id, d.event_id, coalesce(f.event_id::text, 'none')) AS what
        FROM detections d JOIN frames f ON f.id = d.frame_id
        WHERE f.event_id IS DISTINCT FROM d.event_id
    """,
    "a detection's track is there, and of its camera": """
        SELECT format('detection %s of camera %s: track %s of camera %s',
            d.id, f.camera_id, d.track_id, coalesce(t.camera_id::text, 'none')) AS what
        FROM detections d JOIN frames f ON f.id = d.frame_id LEFT JOIN tracks t ON t.id = d.track_id
        WHERE d.track_id IS NOT NULL AND t.camera_id IS DISTINCT FROM f.camera_id
    """,
    "a track was in sight when its detections were taken": """
        SELECT format('track %s from %s to %s: detection %s of %s',
            t.id, t.first_at, t.last_at, d.id, f.captured_at) AS what
        FROM detections d JOIN frames f ON f.id = d.frame_id JOIN tracks t ON t.id = d.track_id
        WHERE f.captured_at NOT BETWEEN t.first_at AND t.last_at
    """,
    "a track is of the class with the most votes": """
        SELECT format('track %s: %s, voted %s', t.id, t.class_name, coalesce(v.name, 'none'))
            AS what
        FROM tracks t LEFT JOIN LATERAL (
            SELECT vote ->> 0 AS name FROM jsonb_array_elements(t.votes) AS vote
            ORDER BY CAST(vote ->> 1 AS double precision) DESC, (vote ->> 0) COLLATE "C" DESC
            LIMIT 1
        ) AS v ON true
        WHERE v.name IS DISTINCT FROM t.class_name
    """,
    "a suppression is of the camera of its track": """
        SELECT format('suppression %s of camera %s, track %s of camera %s',
            s.id, s.camera_id, t.id, t.camera_id) AS what
        FROM suppressions s JOIN tracks t ON t.id = s.track_id WHERE t.camera_id <> s.camera_id
    """,
    "a frame that is given up has its reason": """
        SELECT format('frame %s: %s', id, state) AS what FROM frames
        WHERE state IN ('quarantined', 'buried') AND coalesce(reason, '') = ''
    """,
    "a buried frame has its dead letter": """
        SELECT format('frame %s: letter %s', f.id, coalesce(l.state, 'none')) AS what
        FROM frames f LEFT JOIN dead_letters l ON l.frame_id = f.id
        WHERE f.state = 'buried' AND coalesce(l.state, '') NOT IN ('dead', 'discarded')
    """,
    "what a dead letter tells of is buried": """
        SELECT format('dead letter %s: %s, frame %s: %s', l.id, l.state, f.id, f.state) AS what
        FROM dead_letters l JOIN frames f ON f.id = l.frame_id
        WHERE l.state <> 'replayed' AND f.state <> 'buried'
    """,
    "a dead letter knows what was decided of it": """
        SELECT format('dead letter %s: %s, %s replays, decided at %s',
            id, state, replays, coalesce(decided_at::text, 'no time')) AS what
        FROM dead_letters WHERE replays < 0 OR (state = 'replayed' AND replays = 0)
            OR (decided_at IS NULL) <> (state = 'dead' AND replays = 0)
    """,
    "a dead letter has its reason": """
        SELECT format('dead letter %s', id) AS what FROM dead_letters WHERE reason = ''
    """,
    "attempts are counted up from nothing": """
        SELECT format('frame %s: %s attempts', id, attempts) AS what FROM frames WHERE attempts < 0
    """,
    "a file is a frame or in quarantine, and not both": """
        SELECT format('frame %s: %s', f.id, q.path) AS what
        FROM quarantined_files q
        JOIN frames f USING (size, mtime_ns, inode) JOIN cameras c ON c.id = f.camera_id
        WHERE q.released_at IS NULL AND q.path = c.folder || '/' || f.path
    """,
    "an event sums up its frames and detections": """
        WITH at_once AS (
            SELECT event_id, class_name, count(*) AS things, max(confidence) AS best
            FROM detections GROUP BY event_id, class_name, frame_id
        ), seen AS (
            SELECT event_id, class_name, sum(things) AS things, jsonb_build_object(
                'frames', count(*), 'most', max(things),
                'confidence', CAST(max(best) AS double precision)) AS summed
            FROM at_once GROUP BY event_id, class_name
        ), found AS (
            SELECT event_id, sum(things) AS detections,
                jsonb_object_agg(class_name, summed) AS seen,
                array_agg(CAST(class_name AS text) ORDER BY class_name COLLATE "C") AS classes
            FROM seen GROUP BY event_id
        ), shown AS (
            SELECT event_id, count(*) AS frames, min(captured_at) AS first_at,
                max(captured_at) AS last_at
            FROM frames WHERE event_id IS NOT NULL GROUP BY event_id
        ), wrong AS (
            SELECT e.id, concat_ws(', ',
                CASE WHEN e.detections IS DISTINCT FROM f.detections THEN format(
                    '%s detections, counted %s', e.detections, coalesce(f.detections, 0)) END,
                CASE WHEN e.frames IS DISTINCT FROM s.frames THEN format(
                    '%s frames, counted %s', e.frames, coalesce(s.frames, 0)) END,
                CASE WHEN e.first_at IS DISTINCT FROM s.first_at THEN format(
                    'first at %s, its frames at %s', e.first_at, s.first_at) END,
                CASE WHEN e.last_at IS DISTINCT FROM s.last_at THEN format(
                    'last at %s, its frames at %s', e.last_at, s.last_at) END,
                CASE WHEN e.classes IS DISTINCT FROM f.classes THEN format(
                    'classes %s, found %s', e.classes, f.classes) END,
                CASE WHEN e.facts -> 'seen' IS DISTINCT FROM f.seen THEN format(
                    'facts %s, found %s', e.facts -> 'seen', f.seen) END) AS how
            FROM events e LEFT JOIN found f ON f.event_id = e.id
            LEFT JOIN shown s ON s.event_id = e.id
        )
        SELECT format('event %s: %s', id, how) AS what FROM wrong WHERE how <> ''
    """,
    "an event's score is that of its current assessment": """
        SELECT format('event %s: %s, assessed %s', e.id, e.score, coalesce(a.score::text, 'never'))
            AS what
        FROM events e LEFT JOIN LATERAL (SELECT score FROM assessments
            WHERE event_id = e.id ORDER BY number DESC LIMIT 1) AS a ON true
        WHERE a.score IS DISTINCT FROM e.score
    """,
    "assessments are numbered without gaps": """
        SELECT format('event %s: numbers %s to %s, %s of them',
            event_id, min(number), max(number), count(*)) AS what
        FROM assessments GROUP BY event_id HAVING min(number) <> 1 OR max(number) <> count(*)
    """,
    "the factors of an assessment add up to its score": """
        SELECT format('assessment %s: score %s, points %s', a.id, a.score, points) AS what
        FROM assessments a CROSS JOIN LATERAL (SELECT coalesce(sum(CAST(f ->> 'points' AS int)), 0)
            AS points FROM jsonb_array_elements(a.factors) AS f) AS p
        WHERE points <> a.score
    """,
    "what an assessment knew is in its event": """
        SELECT format('assessment %s: detection %s', a.id, a.upto_detection_id) AS what
        FROM assessments a WHERE NOT EXISTS (SELECT FROM detections d
            WHERE d.id = a.upto_detection_id AND d.event_id = a.event_id)
    """,
    "an event's cover is one of its frames": """
        SELECT format('event %s: frame %s', e.id, coalesce(e.cover_frame_id::text, 'none')) AS what
        FROM events e LEFT JOIN frames f ON f.id = e.cover_frame_id
        WHERE f.event_id IS DISTINCT FROM e.id
    """,
    "an event continues an earlier one of its camera": """
        SELECT format('event %s continues %s', later.id, earlier.id) AS what
        FROM events later JOIN events earlier ON earlier.id = later.continues_event_id
        WHERE earlier.camera_id <> later.camera_id OR earlier.first_at >= later.first_at
    """,
    "of a deleted camera only its tombstone is kept": """
        SELECT format('camera %s', id) AS what FROM cameras c WHERE deleted_at IS NOT NULL
        AND (EXISTS (SELECT FROM frames WHERE camera_id = c.id)
            OR EXISTS (SELECT FROM events WHERE camera_id = c.id)
            OR EXISTS (SELECT FROM detector_memories WHERE camera_id = c.id)
            OR EXISTS (SELECT FROM tracks WHERE camera_id = c.id))
    """,
    "a lease has a holder and an end": """
        SELECT format('camera %s', id) AS what FROM cameras
        WHERE (lease_holder IS NULL) <> (lease_until IS NULL)
    """,
    "messages are numbered without gaps, up to the counter": """
        SELECT format('numbers %s to %s, %s of them, counter %s', coalesce(lowest::text, 'none'),
            coalesce(highest::text, 'none'), given, coalesce(last_number::text, 'none')) AS what
        FROM (SELECT min(number) AS lowest, max(number) AS highest, count(number) AS given
            FROM outbox) AS o LEFT JOIN outbox_counter ON true
        WHERE last_number IS NULL OR highest <> last_number OR highest - lowest + 1 <> given
    """,
    "a message and its event are of one camera": """
        SELECT format('message %s of camera %s, event %s of camera %s',
            o.id, o.camera_id, e.id, e.camera_id) AS what
        FROM outbox o JOIN events e ON e.id = o.event_id WHERE e.camera_id <> o.camera_id
    """,
}


async def contradictions(session: AsyncSession, rule: str) -> tuple[int, list[str]]:
    """How many rows break one of the `RULES`, and the first three in words."""
    async with taken_back(session):
        row = (
            await session.execute(
                text(
                    "SELECT count(*) AS wrong, (array_agg(what ORDER BY what))[1:3] AS examples "
                    f"FROM ({RULES[rule]}) AS rows"
                )
            )
        ).one()
    return row.wrong, row.examples or []
