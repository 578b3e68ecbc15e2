"""A recorded solve, solved again: does the same come out, and if not, what differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from config.site import Site
from dispatch.dispatcher import SAMPLED_GAP, Dispatcher
from dispatch.findings import ENERGY_KWH, POWER_KW
from dispatch.plan import FloatArray, Infeasible, Plan, Solved, TimedOut
from dispatch.registry import has_choices
from dispatch.solve_record import SOLVED_WITH, SolveRecord, fingerprint_of, version_of

COST_SHARE = 1e-5
"""Two costs are the same when they differ by less than this share of the money turned over: ten times what a solution
may miss its optimum by (`dispatch.compiled.TOLERANCE`), because either of the two may."""
COST = 0.01
"""Or by less than the smallest coin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of solving again."""

    same: bool
    """The same cost within tolerance, or no plan then and now."""
    cost_then: float | None
    """None where there was no plan."""
    cost_now: float | None
    differences: tuple[str, ...]
    """One sentence each. Where `same`, they are another way to the same cost: many plans may be the cheapest."""
    circumstances: tuple[str, ...]
    """What is not as it was: versions, the site file."""


def replayed(site: Site, record: SolveRecord) -> Replay:
    """Solves what was recorded with what is installed now.

    Raises DispatchError when the site, as it is now, cannot be planned from the recorded situation.
    """
    circumstances = tuple(_circumstances(site, record))
    now: Plan | None = None
    failure = ""
    match Dispatcher(site, record.situation.steps).plan(record.situation, record.issued_at):
        case Solved(plan=plan):
            now = plan
        case Infeasible(reason=reason):
            failure = reason
        case TimedOut(limit_s=limit_s):
            failure = f"nothing was found within {limit_s:g} s"
    then = record.plan
    if then is None or now is None:
        differences = [
            f"{when} there is no plan: {why}"
            for when, found, why in (("in the record", then, record.failure), ("now", now, failure))
            if found is None and (then is not None or now is not None)
        ]
        same = then is None and now is None
    else:
        tolerance = cost_tolerance(site, then)
        same = abs(total(now) - total(then)) <= tolerance
        differences = [*_costs(then, now, tolerance), *_powers(then, now)]
    return Replay(
        same=same,
        cost_then=None if then is None else total(then),
        cost_now=None if now is None else total(now),
        differences=tuple(differences),
        circumstances=circumstances,
    )


def total(plan: Plan) -> float:
    return sum(plan.cost.values())


def cost_tolerance(site: Site, plan: Plan) -> float:
    """By how much the cost of another optimum may differ; with units, also that of another plan within the gap."""
    share = COST_SHARE
    if has_choices(site):
        share = max(site.control.commitment_gap, SAMPLED_GAP if plan.scenarios else 0.0)
    return max(COST, share * sum(abs(cost) for cost in plan.cost.values()))


def _circumstances(site: Site, record: SolveRecord) -> Iterator[str]:
    if record.fingerprint != fingerprint_of(site):
        yield "assets, tariffs or limits of the site are others than they were"
    for name in SOLVED_WITH:
        then, now = record.versions.get(name, "unknown"), version_of(name)
        if then != now:
            yield f"{name} was {then} and is {now}"


def _costs(then: Plan, now: Plan, tolerance: float) -> Iterator[str]:
    if abs(total(now) - total(then)) > tolerance:
        yield f"cost: {total(then):.2f} in the record, {total(now):.2f} now"
    for term in dict.fromkeys([*then.cost, *now.cost]):
        was, is_ = then.cost.get(term, 0.0), now.cost.get(term, 0.0)
        if abs(was - is_) > tolerance:
            yield f"cost of {term}: {was:.2f} in the record, {is_:.2f} now"


def _powers(then: Plan, now: Plan) -> Iterator[str]:
    for name in sorted(then.assets.keys() ^ now.assets.keys()):
        yield f"{name} is planned only {'in the record' if name in then.assets else 'now'}"
    for name in (name for name in then.assets if name in now.assets):
        before, after = then.assets[name], now.assets[name]
        yield from _series(f"{name}: power", "kW", before.power_kw, after.power_kw, POWER_KW)
        if before.stored_kwh is not None and after.stored_kwh is not None:
            yield from _series(f"{name}: stored energy", "kWh", before.stored_kwh, after.stored_kwh, ENERGY_KWH)


def _series(what: str, unit: str, then: FloatArray, now: FloatArray, tolerance: float) -> Iterator[str]:
    if then.shape != now.shape:
        yield f"{what} has {len(then)} values in the record and {len(now)} now"
        return
    off = np.abs(now - then)
    steps = int(np.count_nonzero(off > tolerance))
    if steps:
        worst = int(np.argmax(off))
        where = f"{then[worst]:.2f} {unit} in the record, {now[worst]:.2f} now"
        yield f"{what} differs in {steps} of {len(then)} values, most in step {worst}: {where}"
