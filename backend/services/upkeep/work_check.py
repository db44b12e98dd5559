"""What is under way: leases nobody holds any more, work nobody does, messages nobody numbers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from backend.core.clock import Clock
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.core.redis import RedisClient
from backend.services.stores import inventory
from backend.services.upkeep.heartbeat import Word, heard
from backend.services.upkeep.verdicts import Tally, Verdict

LEASES = "no lease is held by nobody"
WORK = "what waits is being worked off"
NUMBERED = "every message has its number"

# Leases last 30 s, and are taken over by the next worker who wants the camera.
_LEASE_SPARE = timedelta(minutes=5)
# The reconciler rings for it every minute.
_STUCK_AFTER = timedelta(minutes=10)
# The relays look every 30 s.
_UNNUMBERED_AFTER = timedelta(minutes=2)


class WorkCheck:
    """Looks at the ledger, and asks Redis whether workers can work: else what waits is not stuck.

    `reconcile` rings for all that waits; `relay` numbers messages.
    """

    def __init__(
        self,
        database: Database,
        redis: RedisClient,
        clock: Clock,
        *,
        reconcile: Callable[[], Awaitable[object]],
        relay: Callable[[], Awaitable[object]],
    ) -> None:
        self._database = database
        self._redis = redis
        self._clock = clock
        self._reconcile = reconcile
        self._relay = relay

    async def run(self, *, repair: bool) -> list[Verdict]:
        """What holds and what does not. Raises `Unavailable` where the database does not answer."""
        return [
            await self._leases(repair=repair),
            await self._work(repair=repair),
            await self._messages(repair=repair),
        ]

    async def _leases(self, *, repair: bool) -> Verdict:
        tally = Tally(LEASES, "gives them up")
        now, spare = self._clock.now(), _LEASE_SPARE
        async with self._database.transaction() as session:
            tally.looked_at = await inventory.count_cameras(session)
            stale = await inventory.stale_leases(session, now=now, spare=spare)
            if repair and stale:
                tally.mended = await inventory.release_stale_leases(session, now=now, spare=spare)
        tally.add(
            f"{one['slug']}: that of {one['lease_holder']}, until {one['lease_until']}"
            for one in stale
        )
        return tally.verdict

    async def _work(self, *, repair: bool) -> Verdict:
        tally = Tally(WORK, "rings for them")
        async with self._database.transaction() as session:
            tally.looked_at = await inventory.count_cameras(session)
            stuck = await inventory.stuck_cameras(
                session, now=self._clock.now(), since=_STUCK_AFTER
            )
        try:
            if not stuck or not any(map(_can_work, await heard(self._redis))):
                return tally.verdict  # where nobody can work, it waits, and is not stuck
            tally.add(
                f"{one['slug']}: {one['waiting']} frames, the oldest since {one['oldest']}"
                for one in stuck
            )
            if repair:
                await self._reconcile()
                tally.leave("they were rung for: look again in a minute")
        except Unavailable as error:
            return Verdict(WORK, tally.looked_at, hindrance=str(error))
        return tally.verdict

    async def _messages(self, *, repair: bool) -> Verdict:
        tally = Tally(NUMBERED, "numbers them")
        async with self._database.transaction() as session:
            tally.looked_at = await inventory.count_messages(session)
            before = self._clock.now() - _UNNUMBERED_AFTER
            late = await inventory.unnumbered_messages(session, before=before)
        tally.add(f"message {one['id']}, {one['kind']}" for one in late)
        if repair and late:
            await self._relay()
            async with self._database.transaction() as session:
                left = await inventory.unnumbered_messages(session, before=before)
            tally.mended = max(0, len(late) - len(left))
        return tally.verdict


def _can_work(word: Word) -> bool:
    """Whether a worker's detector is let to look: else its pictures wait for that."""
    breaker = word.breakers.get("detector")
    return breaker is None or breaker.state == "closed"
