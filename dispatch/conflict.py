"""Which limits are in the way of a plan that leaves something unmet, and by how much they would have to give."""

from __future__ import annotations

import time
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Inputs
from dispatch.checker import unmet
from dispatch.forms.demand import Demand
from dispatch.forms.source import Source
from dispatch.forms.windowed import Windowed
from dispatch.plan import FloatArray, Plan, Situation
from dispatch.registry import forms_of
from dispatch.relief import Gives, Relieved, relieved
from dispatch.solving import Optimal, solve_plainly

WAYS = 2
"""The easiest way, and one without the limits of the first: somebody may not be able to give just that."""
NAMED = 0.1
"""kW, kWh or units of a cap below which a limit does not count as one that gives: ten times a meter's rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Give:
    """One limit of a way."""

    gives: Gives
    whose: str
    limit: float
    unit: str
    more: FloatArray
    """By how much it must give, in its unit: by interval, or one number for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Why a plan is short."""

    short: tuple[str, ...]
    """Loads and chargers that get less than they want in the plan; none where a limit is exceeded for their sake."""
    ways: tuple[tuple[Give, ...], ...]
    """Each of them would be enough, the easiest first; none where no limit can help."""
    rest: tuple[str, ...]
    """Those that stay short whatever gives in the first way."""


def conflict(site: Site, situation: Situation, inputs: Inputs, plan: Plan, limit_s: float) -> Conflict | None:
    """Searches with a problem in which limits may give, for `limit_s` seconds at most besides building it.

    None for a plan that leaves nothing unmet but what a price allows, and where the search finds nothing in time.
    `inputs` are those that the plan was solved with.
    """
    if not unmet(site, situation, plan, priced=False):
        return None
    found = relieved(site, inputs, plan)
    found.park.assign(found.inputs)
    deadline_s = time.perf_counter() + limit_s
    ways: list[tuple[Give, ...]] = []
    rest: tuple[str, ...] = ()
    for number in range(WAYS):
        if not _solves(found, deadline_s - time.perf_counter()):
            break
        gives, still = tuple(_gives(found)), _still_short(found)
        if number == 0:
            rest = still
        if not gives or not set(still) <= set(rest):
            break
        ways.append(gives)
        _shut(found, gives)
    if not ways and not rest:
        return None
    return Conflict(short=_short(site, found.inputs.situation, plan), ways=tuple(ways), rest=rest)


def _solves(found: Relieved, left_s: float) -> bool:
    """A search that fails leaves a plan without an explanation, and the park with its plan."""
    try:
        return left_s > 0.0 and isinstance(solve_plainly(found.park.problem, "highs", left_s), Optimal)
    except cp.SolverError:
        return False


def _short(site: Site, situation: Situation, plan: Plan) -> tuple[str, ...]:
    """Of what the search wants to serve: in its situation, loads that are shed for their price want no more."""
    return tuple(
        name
        for name, form in forms_of(site).items()
        if isinstance(form, Demand | Windowed) and any(form.unmet(name, situation, plan.assets[name]))
    )


def _gives(found: Relieved) -> list[Give]:
    """The limits that give in the last solution."""
    gives = []
    for relief in found.reliefs:
        more = np.asarray(relief.amount.value, dtype=np.float64)
        if float(np.max(more)) > NAMED:
            gives.append(Give(relief.gives, relief.whose, relief.limit, relief.unit, np.where(more > NAMED, more, 0.0)))
    return gives


def _still_short(found: Relieved) -> tuple[str, ...]:
    """Assets of which something is left undone in the last solution, whatever gives."""
    situation = found.inputs.situation
    return tuple(
        block.asset
        for block in found.park.blocks
        if isinstance(form := found.forms[block.asset], Demand | Windowed | Source)
        and any(form.unmet(block.asset, situation, block.extract()))
    )


def _shut(found: Relieved, gives: tuple[Give, ...]) -> None:
    """Let the limits of a way give nothing in the next."""
    used = {(give.gives, give.whose) for give in gives}
    for relief in found.reliefs:
        if (relief.gives, relief.whose) in used:
            relief.most.value = 0.0
