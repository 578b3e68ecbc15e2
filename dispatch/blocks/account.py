"""What is added up over many intervals and all assets: the ladder on import, and caps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np

from config.site import Site
from dispatch.block import Block, Inputs, TimeGrid
from dispatch.caps import CAP_TOLERANCE, CapTerms, cap_terms, excess_in_words
from dispatch.given import Given
from dispatch.ladder import PERIODS, ladder_steps
from dispatch.plan import FloatArray

HEAT_OF = {"carbon": "heat_co2_kg_per_h", "energy_budget": "heat_kgce_per_h"}
"""What counts of bought and sold heat, by cap; each connection has factors of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A part of the problem that belongs to no asset."""

    constraints: Sequence[cp.Constraint]
    cost: Mapping[str, cp.Expression] = field(default_factory=dict)
    """Money by term of the bill."""
    penalty: cp.Expression = field(default_factory=lambda: cp.Constant(0.0))
    assign: Callable[[Inputs], None] = field(default=lambda inputs: None)
    meter: Block | None = None
    """What all connections are together, where there are several."""
    cap: str = ""
    """The key that the site file has for it; empty for what is no cap."""
    excess: cp.Expression | None = None
    """By how much a cap is exceeded, in its unit, shape (PERIODS,)."""
    feeder: str = ""
    """The feeder that it is for; empty for what is none."""
    beyond: Sequence[cp.Expression] = ()
    """Of a feeder: how far it goes beyond its import and its export limit, in kW, each of shape (steps,)."""
    words: Callable[[], list[str]] = list
    """What the last solution exceeds, one sentence each."""


def accounts_of(site: Site, blocks: Sequence[Block], grid: TimeGrid) -> tuple[Account, ...]:
    """The ladder and the caps of a site; none for most."""
    found: list[Account] = []
    if caps := cap_terms(site):
        flows = {what: flow for what in ("import", "export") if (flow := _counted(blocks, f"{what}_kw")) is not None}
        if (gas_kw := _counted(blocks, "gas_kw")) is not None:
            flows["gas"] = cp.Variable(grid.steps, name="caps.gas_kw")
            found.append(Account(constraints=[flows["gas"] == gas_kw]))
        for key, terms in caps.items():
            heat = _counted(blocks, HEAT_OF[key]) if key in HEAT_OF else None
            found.append(_cap(key, terms, flows if heat is None else {**flows, "heat": heat}, grid))
    if steps := ladder_steps(site.tariffs):
        found.append(_ladder(steps, blocks, grid))
    return tuple(found)


def _ladder(steps: int, blocks: Sequence[Block], grid: TimeGrid) -> Account:
    """import(p) - room[p, j] <= excess[p, j],  excess >= 0;  cost = sum over p and j of rise[p, j] * excess[p, j]

    in kWh, for the steps j of the ladder and the periods p that the horizon touches: import(p) is the sum over the
    intervals of p, room what the period may import until step j counts. rise is never negative, which makes it an LP.
    """
    imported_kw = _counted(blocks, "import_kw")
    assert imported_kw is not None  # every site has a connection
    hours = [Given(grid.steps, nonneg=True, name=f"ladder.hours_{period}") for period in range(PERIODS)]
    room = [Given((steps,), nonneg=True, name=f"ladder.room_{period}_kwh") for period in range(PERIODS)]
    rise = [Given((steps,), nonneg=True, name=f"ladder.rise_{period}_per_kwh") for period in range(PERIODS)]
    excess = [cp.Variable(steps, bounds=[0, None], name=f"ladder.excess_{period}_kwh") for period in range(PERIODS)]

    def assign(inputs: Inputs) -> None:
        ladder = inputs.prices.ladder
        assert ladder is not None
        room_kwh = ladder.room_kwh(inputs.situation.used)
        for period in range(PERIODS):
            hours[period].value = (ladder.period == period) * grid.step_h
            room[period].value = room_kwh[period]
            rise[period].value = ladder.rise_per_kwh[period]

    return Account(
        constraints=[hours[each] @ imported_kw - room[each] <= excess[each] for each in range(PERIODS)],
        cost={"ladder": sum(rise[each] @ excess[each] for each in range(PERIODS))},
        assign=assign,
    )


def _cap(key: str, terms: CapTerms, flows: Mapping[str, cp.Expression], grid: TimeGrid) -> Account:
    """(a . import + b . export + c . gas + heat)(p) <= left[p] + excess[p],  excess >= 0;  penalty = price * excess

    in the cap's unit, for the periods p that the horizon touches; a, b and c in units per kWh times the length of
    each interval, zero outside of p; heat counts in the cap's unit already. gas is a variable of its own, because what
    a converter burns per share is given, too. A hard cap has the highest price in the problem.
    """
    weights = {
        what: [Given(grid.steps, name=f"{key}.{what}_{period}_per_kw") for period in range(PERIODS)] for what in flows
    }
    left = [Given(nonneg=True, name=f"{key}.left_{period}") for period in range(PERIODS)]
    excess = cp.Variable(PERIODS, bounds=[0, None], name=f"{key}.excess")
    price = terms.price if terms.price is not None else grid.worth.hard_cap_per_kwh / terms.least_per_kwh

    def assign(inputs: Inputs) -> None:
        numbers = inputs.caps[key]
        per_kwh: dict[str, FloatArray] = {
            "import": numbers.import_per_kwh,
            "export": numbers.export_per_kwh,
            "gas": numbers.gas_per_kwh,
            "heat": np.ones(grid.steps),
        }
        for period in range(PERIODS):
            for what, given in weights.items():
                given[period].value = per_kwh[what] * grid.step_h * (numbers.period == period)
            left[period].value = float(numbers.left[period])

    def words() -> list[str]:
        amounts = np.asarray(excess.value)
        return [
            excess_in_words(terms, float(amounts[period]), float(left[period].value), int(period))
            for period in np.flatnonzero(amounts > CAP_TOLERANCE)
        ]

    constraints = []
    for period in range(PERIODS):
        sums = [weights[what][period] @ flow for what, flow in flows.items()]
        constraints.append(sum(sums[1:], start=sums[0]) <= left[period] + excess[period])
    return Account(
        constraints=constraints, penalty=price * cp.sum(excess), cap=key, excess=excess, assign=assign, words=words
    )


def _counted(blocks: Sequence[Block], what: str) -> cp.Expression | None:
    """The sum of a flow over all assets that have it, shape (steps,)."""
    flows = [block.counted[what] for block in blocks if what in block.counted]
    return sum(flows[1:], start=flows[0]) if flows else None
