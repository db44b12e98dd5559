"""The one oracle: is every picture there once, and does everything fit together?"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import text

from backend.core.config import get_settings
from backend.core.database import Database
from backend.core.redis import RedisClient
from backend.migrations.run import newest
from backend.services.upkeep.fsck import Wishes
from backend.tests.fixtures.product import Drop
from backend.wiring import make_fsck

_FRAMES = """
    SELECT c.folder || '/' || f.path AS place, f.state, f.finished_at IS NOT NULL AS final,
        encode(f.content_hash, 'hex') AS hash, count(d.id) AS things
    FROM frames f JOIN cameras c ON c.id = f.camera_id LEFT JOIN detections d ON d.frame_id = f.id
    GROUP BY c.folder, f.path, f.id
"""
# Each event is opened once, and each judgement is told once. Its last message is that it was
# closed, if it is over; before that it may have been closed, and have grown by a late picture.
_TOLD_WRONGLY = """
    WITH told AS (SELECT event_id, count(*) FILTER (WHERE kind = 'event.opened') AS opened,
        count(*) FILTER (WHERE kind = 'event.assessed') AS assessed,
        (array_agg(kind ORDER BY number DESC))[1] AS last,
        count(*) FILTER (WHERE kind = 'event.closed' AND before = 'event.closed') AS closed_again
        FROM (SELECT *, lag(kind) OVER (PARTITION BY event_id ORDER BY number) AS before
            FROM outbox) AS o GROUP BY event_id)
    SELECT format('event %s (%s): opened %s, assessed %s times, last %s, closed again %s', e.id,
        e.state, coalesce(opened, 0), coalesce(assessed, 0), last, closed_again) AS what
    FROM events e LEFT JOIN told t ON t.event_id = e.id
    WHERE opened IS DISTINCT FROM 1 OR closed_again > 0
        OR (last = 'event.closed') IS DISTINCT FROM (e.state = 'closed')
        OR assessed IS DISTINCT FROM (SELECT count(*) FROM assessments WHERE event_id = e.id)
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many pictures were looked for, are missing, or are there more than once; what is wrong
    besides."""

    pictures: int
    lost: Sequence[str]
    twice: Sequence[str]
    wrong: Sequence[str]

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing twice, nothing wrong."""
        return not (self.lost or self.twice or self.wrong)

    @property
    def in_words(self) -> str:
        """What is not good, the first few of each."""
        return f"lost {self.lost[:5]}, twice {self.twice[:5]}, wrong {self.wrong[:10]}"


@dataclass(slots=True)
class Oracle:
    """Looks at a ledger and its data folder; `redis_url` is where its bells are."""

    database: Database
    redis_url: str
    data: Path

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database answers."""
        async with self.database.transaction() as session:
            return [dict(row) for row in (await session.execute(text(query))).mappings()]

    async def count(self, query: str) -> int:
        """The one number that the database answers."""
        (row,) = await self.rows(query)
        (number,) = row.values()
        return int(number)

    async def judge(
        self,
        dropped: Sequence[Drop],
        *,
        may_skip: bool = False,
        anew: Set[str] = frozenset(),
    ) -> Verdict:
        """Compare the ledger with what was dropped, of which each shows one thing.

        With `may_skip`, a picture may have been skipped, with nothing found. `anew` are the rules
        of `hsi fsck` whose files were deleted on purpose: those alone it may have to repair.
        """
        fates = {("attached", 1)} | ({("skipped", 0)} if may_skip else set())
        found = await self.rows(_FRAMES)
        places = Counter(row["place"] for row in found)
        final = {row["place"] for row in found if row["final"]}
        expected = {f"{one.folder}/{one.name}": sha256(one.data).hexdigest() for one in dropped}
        twice = [place for place, times in places.items() if times > 1]
        twice += [f"{row['place']}: {row['things']} things" for row in found if row["things"] > 1]
        wrong = [f"{place}: nobody dropped it" for place in places.keys() - expected.keys()]
        for row in found:
            fate = (row["state"], row["things"])
            if row["final"] and fate not in fates and row["things"] < 2:
                wrong.append(f"{row['place']}: {row['state']} with {row['things']} things")
            if row["hash"] != expected.get(row["place"], row["hash"]):
                wrong.append(f"{row['place']}: another picture")
        wrong += [row["what"] for row in await self.rows(_TOLD_WRONGLY)]
        wrong += await self._check(anew)
        return Verdict(len(dropped), sorted(expected.keys() - final), twice, wrong)

    async def _check(self, anew: Set[str]) -> list[str]:
        """What `hsi fsck` finds wrong in ledger, files and work."""
        settings = get_settings().model_copy(update={"data": self.data})
        redis = RedisClient(self.redis_url, prefix=settings.redis.prefix)
        fsck = make_fsck(settings, self.database, redis, newest_migration=newest())
        try:
            found = await fsck.run(Wishes(repair=bool(anew), thorough=True), lambda *_: None)
        finally:
            await redis.close()
        return [
            f"{one.name}: {one.wrong} wrong: {one.hindrance or one.left or one.examples}"
            for one in found
            if not (one.is_clean if one.name in anew else one.wrong == 0 and not one.hindrance)
        ]
