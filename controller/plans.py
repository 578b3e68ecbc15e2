"""Which plan is in force: takes the planner's answers, checks them, and falls back in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from config.site import Site
from controller.planner_process import PlanAnswer
from dispatch.checker import check_plan, unmet
from dispatch.fallback import shifted
from dispatch.plan import Method, Plan

FRESH_INTERVALS = 3
"""A plan of the optimiser counts as fresh for this many intervals: two answers may be missed before the mode
says so."""


@dataclass(slots=True)
class PlanBook:
    """The plan in force and how it came about."""

    site: Site
    plan: Plan | None = None
    failure: str = ""
    """Why the last answer was no optimal plan; empty when it was."""
    refused: str = ""
    """Why the last plan was refused by the checker; empty when it was not."""
    short: str = ""
    """What the last plan leaves open because no plan could meet it; empty when all is met."""
    solve_s: float = 0.0
    counts: dict[str, int] = field(
        default_factory=lambda: {"optimal": 0, "shifted": 0, "relaxed": 0, "rules": 0, "refused": 0}
    )
    """Answers by what became of them."""

    def take(self, answer: PlanAnswer, now: datetime) -> bool:
        """Take an answer in. True when another plan is in force after it."""
        self.solve_s = answer.took_s
        self.failure, self.refused, self.short = answer.failure, "", ""
        holds = answer.plan is not None and self._holds(answer, answer.plan)
        if holds and answer.plan is not None and answer.plan.method is Method.OPTIMAL:
            self.plan = answer.plan
            self.counts["optimal"] += 1
            return True
        if answer.plan is not None and not holds:
            self.counts["refused"] += 1
            self.failure = "the plan broke its own balance"
        older = shifted(self.plan, now, self._interval) if self.plan is not None else None
        if older is not None:
            self.plan = older
            self.counts["shifted"] += 1
            return True
        if holds and answer.plan is not None:
            self.plan = answer.plan
            self.counts["relaxed"] += 1
            return True
        if answer.rules is not None and self._holds(answer, answer.rules):
            self.plan = answer.rules
            self.counts["rules"] += 1
            return True
        return False

    def fresh(self, now: datetime) -> bool:
        """True when a recent plan of the optimiser covers the present interval."""
        plan = self.plan
        if plan is None or plan.method is not Method.OPTIMAL or plan.step_at(now) is None:
            return False
        return now - plan.issued_at <= FRESH_INTERVALS * self._interval

    @property
    def _interval(self) -> timedelta:
        return timedelta(minutes=self.site.control.interval_min)

    def _holds(self, answer: PlanAnswer, plan: Plan) -> bool:
        """Whether a plan is right in itself; what no plan could serve, and this one leaves open, does not count."""
        assert answer.situation is not None
        violations = check_plan(self.site, answer.situation, plan)
        if violations and plan.assets.keys() >= self.site.dispatched.keys():
            left_open = unmet(self.site, answer.situation, plan)
            violations = [violation for violation in violations if violation not in left_open]
            self.short = f"{left_open[0]} ({len(left_open)} in all)" if left_open else ""
        if violations:
            self.refused = f"{len(violations)} violations, first: {violations[0]}"
        return not violations
