"""Is the database what it must be? Looks at everything, and leaves all as it is."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from backend.core.database import Database, Session
from backend.core.errors import Conflict, Unavailable
from backend.services.stores import consistency, schema

ANSWERS = "the database answers"
NEWEST = "the newest migration has been run"
SCHEMA = "tables, constraints and indexes are those of the models"
CONSTRAINTS = "what must not be is refused"
LEDGER = tuple(consistency.RULES)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold: how often it does not, with examples; or why nobody could look."""

    name: str
    wrong: int = 0
    examples: Sequence[str] = ()
    hindrance: str | None = None

    @property
    def passed(self) -> bool:
        """Whether it was looked at, and holds."""
        return self.wrong == 0 and self.hindrance is None


async def examine(database: Database, *, newest: str) -> list[Check]:
    """Check a database, which may be in use; `newest` is the newest migration.

    Nothing that this writes is ever committed. Where the database does not answer, or does not
    let us in, that is the only check.
    """
    try:
        async with database.transaction() as session:
            await schema.hold_still(session)
            return [Check(ANSWERS), *await _examine(session, newest)]
    except (Unavailable, Conflict) as error:
        return [Check(ANSWERS, hindrance=str(error))]


async def _examine(session: Session, newest: str) -> list[Check]:
    return [
        await _check(NEWEST, _not_newest(session, newest)),
        await _check(SCHEMA, schema.differences(session)),
        await _check(CONSTRAINTS, schema.accepted(session)),
        *[await _contradictions(session, rule) for rule in LEDGER],
    ]


async def _check(name: str, look: Awaitable[Sequence[str]]) -> Check:
    try:
        problems = await look
    except Conflict as error:
        return Check(name, hindrance=str(error))
    return Check(name, len(problems), problems)


async def _contradictions(session: Session, rule: str) -> Check:
    try:
        wrong, examples = await consistency.contradictions(session, rule)
    except Conflict as error:
        return Check(rule, hindrance=str(error))
    return Check(rule, wrong, examples)


async def _not_newest(session: Session, newest: str) -> Sequence[str]:
    stamps = await schema.stamps(session)
    if stamps == [newest]:
        return []
    return [f"it is at {', '.join(stamps) or 'none'}, the newest is {newest}"]
