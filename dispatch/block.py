"""What one asset brings into the optimisation problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from dispatch.caps import CapNumbers
from dispatch.choice import Choice
from dispatch.plan import AssetPlan, BusId, FloatArray, Situation
from dispatch.reserve import ReserveNeed
from dispatch.tariff import Prices
from dispatch.worth import EndValue, Worth


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """The intervals of the problem and the slack prices on them; all are constants of one build."""

    step_h: FloatArray
    """Length of each interval in hours, shape (steps,)."""
    worth: Worth
    surplus_may_cost: bool = False
    """Whether a kWh more may ever cost the park something, so that burning it in losses pays."""
    windows: int = 1
    """How many windows of energy each asset may have that are planned by themselves."""

    @property
    def steps(self) -> int:
        return len(self.step_h)

    @property
    def progress(self) -> FloatArray:
        """0 at the first interval, towards 1 at the last, shape (steps,): for tie-breaks by time."""
        return np.arange(self.steps) / self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All numbers of one solve, from which each block assigns its parameters."""

    situation: Situation
    prices: Prices
    peaks_kw: FloatArray
    """The peak so far of each month that the horizon touches."""
    end_value: Mapping[BusId, EndValue]
    caps: Mapping[str, CapNumbers]
    """By the key that the site file has for a cap."""
    reserve: ReserveNeed | None
    taken_first: Mapping[str, FloatArray]
    """By converter that takes no command: its least share of full load, shape (steps,)."""
    exporting: NDArray[np.bool_]
    """Intervals in which the park is taken to export, shape (steps,); matters where export pays more than import."""


@dataclass(frozen=True, slots=True)
class Slack:
    """What must not happen and yet may, at a steep price; named in the plan's note when it does."""

    what: str
    unit: str
    amount: cp.Expression
    """Never negative, shape (steps,), or that of the first steps where it can only be there."""
    limit: float | None = None
    """The limit that it goes beyond, where it is one; None where it is something that is left undone."""


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The stored energy of one asset as others in the problem may use it."""

    kwh: cp.Expression
    """At the interval bounds, shape (steps + 1,)."""
    recursion: cp.Constraint
    """Energy after each interval == what was there and what came, shape (steps,): its dual is what a kWh is worth."""
    end_cost: cp.Expression
    """What it costs that less is there at the end than at the start, below zero for more; part of the penalty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One asset in the optimisation problem.

    cvxpy counts a variable whose bounds are parameters as parametrised, and the product of two parametrised
    things is outside DPP. So each variable has either parameters in its bounds or parameters as its factors.
    """

    asset: str
    flows: Mapping[BusId, cp.Expression]
    """kW into each bus, shape (steps,)."""
    constraints: Sequence[cp.Constraint] = ()
    cost: Mapping[str, cp.Expression] = field(default_factory=dict)
    """Money by term of the bill."""
    counted: Mapping[str, cp.Expression] = field(default_factory=dict)
    """What ladders and caps add up: `import_kw`, `export_kw`, `gas_kw`, `heat_co2_kg_per_h`, `heat_kgce_per_h`, each of
    shape (steps,)."""
    penalty: cp.Expression = field(default_factory=lambda: cp.Constant(0.0))
    """Slack prices, end values and tie-breaks: steers the plan, is paid by nobody."""
    slacks: Sequence[Slack] = ()
    added_peak_kw: Sequence[cp.Expression] = ()
    """Of the connection: what the plan adds to the peak of each month."""
    choices: Sequence[Choice] = ()
    """What must be yes or no."""
    stored: StoredRows | None = None
    """Of a store."""
    decided: Sequence[cp.Expression] = ()
    """What a setpoint says, each of shape (steps,): the same in the first interval whatever comes. All else follows."""
    assign: Callable[[Inputs], None]
    """Gives every parameter of the block its value for the next solve."""
    extract: Callable[[], AssetPlan]
    """The asset's part of the plan, from the last solution."""


def solved(expression: cp.Expression) -> FloatArray:
    """The value of an expression in the last solution, as a new array.

    Raises RuntimeError before the first solution.
    """
    if expression.value is None:
        raise RuntimeError(f"{expression} has no value: the problem was not solved")
    return np.array(expression.value, dtype=np.float64)
