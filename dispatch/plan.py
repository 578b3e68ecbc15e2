"""What goes into dispatch and what comes out: the situation of the park, and the plan for it.

This module knows neither cvxpy nor the solver, so that the controller can hold plans without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

BusId = Literal["electricity", "heat"]
"""Where the power of one carrier must balance."""
BUSES: tuple[BusId, ...] = get_args(BusId)


class DispatchError(Exception):
    """The family of what dispatch raises: promises of the caller that were broken."""


class BadSituation(DispatchError):
    """A situation that cannot be planned from; the message names the series or state and what is wrong."""


class Method(Enum):
    """Where a plan came from; everything but OPTIMAL is a fallback and is marked so everywhere."""

    OPTIMAL = "optimal"
    SHIFTED = "shifted"
    """The previous plan, moved on to the present interval."""
    RULES = "rules"
    """Rules without a solver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that one dispatch needs to know of the present and the expected.

    Every series has shape (steps,), one value per interval, mean power in kW, never NaN.
    """

    start: datetime
    """UTC start of the first interval, on the interval grid."""
    step_h: FloatArray
    """Length of each interval in hours, shape (steps,)."""
    available_kw: Mapping[str, FloatArray]
    """By generator (PV, wind): what it could feed without curtailment."""
    load_kw: Mapping[str, FloatArray]
    """By electric load: demand."""
    heat_load_kw: Mapping[str, FloatArray]
    """By heat load: demand."""
    cop: Mapping[str, FloatArray]
    """By heat pump: heat per electric power, expected."""
    stored_kwh: Mapping[str, float]
    """By store (battery, tank): energy held now."""
    local_kw: Mapping[str, FloatArray] = field(default_factory=dict)
    """By bus (electricity, heat): what assets under local control take together, less what they give."""
    unavailable: frozenset[str] = frozenset()
    """Assets that must be planned at zero (generators, converters) or left out (stores)."""
    month_peak_kw: float = 0.0
    """Highest 15-min average import that the running month has seen, or its floor."""

    @property
    def steps(self) -> int:
        return len(self.step_h)

    def local(self, bus: str) -> FloatArray:
        """What assets under local control take from a bus, shape (steps,)."""
        found = self.local_kw.get(bus)
        return np.zeros(self.steps) if found is None else found


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPlan:
    """What dispatch wants of one asset, per interval, shape (steps,)."""

    power_kw: FloatArray
    """In the asset's carrier and the site's sign: electricity for grid, PV, wind, battery, heat pump (used) and
    electric load (used); heat for tank (+ discharge), boiler (made) and heat load (used)."""
    heat_kw: FloatArray | None = None
    """Heat made by a heat pump."""
    gas_kw: FloatArray | None = None
    """Gas burnt by a boiler, lower heating value."""
    stored_kwh: FloatArray | None = None
    """Energy of a store at the interval bounds, shape (steps + 1,)."""
    available_kw: FloatArray | None = None
    """What a generator could have fed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What dispatch wants for every asset and step of the horizon."""

    issued_at: datetime
    method: Method
    start: datetime
    step_h: FloatArray
    assets: Mapping[str, AssetPlan]
    import_price_per_kwh: FloatArray
    """What the tariff asks for import, per interval, for display and for rules."""
    cost: Mapping[str, float]
    """Expected cost over the horizon by term: energy import, export revenue (negative), demand, gas, carbon, wear."""
    marginal_per_kwh: Mapping[str, FloatArray] = field(default_factory=dict)
    """By bus: value of one more kWh in each interval, from the duals; empty when there are none."""
    note: str = ""
    """Why the plan is what it is, when it is not the optimum."""

    @property
    def steps(self) -> int:
        return len(self.step_h)

    @property
    def until(self) -> datetime:
        return self.start + timedelta(hours=float(self.step_h.sum()))

    def step_at(self, when: datetime) -> int | None:
        """The index of the interval that an aware time falls into, None outside the horizon."""
        offset_h = (when - self.start).total_seconds() / 3600
        if offset_h < 0:
            return None
        index = int(np.searchsorted(np.cumsum(self.step_h), offset_h + 1e-9, side="right"))
        return index if index < self.steps else None


@dataclass(frozen=True, slots=True)
class Solved:
    plan: Plan
    solve_s: float


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No plan keeps every limit; `reason` says what the solver found."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    limit_s: float


Outcome = Solved | Infeasible | TimedOut
