"""The analyst that needs no model: `domain.risk`, as it is."""

from zoneinfo import ZoneInfo

from backend.domain.risk import RULES_VERSION, Facts, Judgement, judge


class RulesAnalyst:
    """Judges by the rules alone; never waits, never fails."""

    name = "rules"
    version = RULES_VERSION

    def assess(self, facts: Facts, zone: ZoneInfo) -> Judgement:
        """The judgement of the rules."""
        return judge(facts, zone)
