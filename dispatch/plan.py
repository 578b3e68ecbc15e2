"""What goes into dispatch and what comes out: the situation of the park, and the plan for it.

This module knows neither cvxpy nor the solver, so that the controller can hold plans without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PlainSerializer, PlainValidator

from config.caps import KGCE_PER_KWH
from config.price_series import PriceSeries
from dispatch.reason import Reason


def _series(value: Any) -> NDArray[np.float64]:
    """An array from a saved list. Raises ValueError for what is no list of finite numbers."""
    found = np.array(value, dtype=np.float64)
    if found.ndim != 1 or not np.all(np.isfinite(found)):
        raise ValueError("a series is a list of finite numbers")
    return found


FloatArray = Annotated[
    NDArray[np.float64],
    PlainValidator(_series),
    PlainSerializer(lambda values: values.tolist(), return_type=list[float]),
]
"""A series; saved as a list, so that situations and plans can be written and read with whatever fields they have."""


def _flags(value: Any) -> NDArray[np.bool_]:
    """An array from a saved list. Raises ValueError for what is no list of true and false."""
    if not isinstance(value, list) or not all(isinstance(each, bool) for each in value):
        raise ValueError("a series of yes and no is a list of true and false")
    return np.array(value, dtype=np.bool_)


BoolArray = Annotated[
    NDArray[np.bool_],
    PlainValidator(_flags),
    PlainSerializer(lambda values: values.tolist(), return_type=list[bool]),
]
"""Yes or no, as a series."""

BusId = str
"""Where the power of one carrier must balance: the carrier's name, or that of a heat bus
(`config.asset.carrier_of`)."""
ELECTRICITY: BusId = "electricity"


class DispatchError(Exception):
    """The family of what dispatch raises: promises of the caller that were broken."""


class BadSituation(DispatchError):
    """A situation that cannot be planned from; the message names the series or state and what is wrong."""


class Method(Enum):
    """Where a plan came from; everything but OPTIMAL is a fallback and is marked so everywhere."""

    OPTIMAL = "optimal"
    SHIFTED = "shifted"
    """The previous plan, moved on to the present interval."""
    RELAXED = "relaxed"
    """The cheapest plan if units could run at any load and for any time: none with their limits was found."""
    RULES = "rules"
    """Rules without a solver."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Energy that is wanted within a window: a vehicle while it is plugged in, a job in its hours of the day."""

    from_h: float
    """Hours after the start of the first interval; below 0 when the window is open already."""
    until_h: float
    energy_kwh: float
    """Still to be taken, at the electric bus."""
    most_kw: float
    """Highest power within the window."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a unit does as the horizon begins: it carries its minimum times over from the past."""

    on: bool
    since_h: float | None = None
    """Hours before the start of the first interval at which it was switched so, below 0 when that was within it; None
    for longer ago than any minimum time."""
    ready: bool = False
    """Whether it stands by, so that its next start costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What the running month and year have used up before the first interval, for ladders and caps.

    Months and years are those of the site's calendar. Nothing of it is negative, but for heat in standard coal.
    """

    month_import_kwh: float = 0.0
    year_import_kwh: float = 0.0
    month_export_kwh: float = 0.0
    month_gas_kwh: float = 0.0
    """Lower heating value."""
    month_heat_kgce: float = 0.0
    """Standard coal of heat and steam bought, less that of what was sold; below 0 where more was sold."""
    month_co2_kg: float = 0.0
    month_available_kwh: float = 0.0
    """What PV and wind fed, and what of theirs was curtailed."""
    day_discharged_kwh: Mapping[str, float] = field(default_factory=dict)
    """By battery: what it has given within the running local day, at the AC side; one that is not known is left out."""
    day_since: datetime | None = None
    """The same as `month_since`, of the day."""
    month_since: datetime | None = None
    """From when on the month was counted, where that is not its begin: the numbers are too low then."""
    year_since: datetime | None = None

    def import_kwh(self, over: Literal["month", "year"]) -> float:
        return self.month_import_kwh if over == "month" else self.year_import_kwh

    @property
    def month_kgce(self) -> float:
        """Energy bought less energy exported, in standard coal."""
        powers_kwh = self.month_import_kwh - self.month_export_kwh + self.month_gas_kwh
        return powers_kwh * KGCE_PER_KWH + self.month_heat_kgce


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way in which the horizon may come, where it differs from what is expected."""

    name: str
    probability: float
    available_kw: Mapping[str, FloatArray] = field(default_factory=dict)
    """By source, as in the situation; whoever is not named does as expected."""
    load_kw: Mapping[str, FloatArray] = field(default_factory=dict)
    """By load, likewise."""


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
    """By source (PV, wind, waste heat, waste pressure): what it could feed without curtailment."""
    load_kw: Mapping[str, FloatArray]
    """By load of any carrier: demand, of hydrogen with its lower heating value."""
    cop: Mapping[str, FloatArray]
    """By heat pump and chiller: heat or cold per electric power at full load, expected."""
    stored_kwh: Mapping[str, float]
    """By store: energy held now, of hydrogen with its lower heating value."""
    wanted: Mapping[str, tuple[Wanted, ...]] = field(default_factory=dict)
    """By group of chargers and by job: what is wanted when."""
    local_kw: Mapping[BusId, FloatArray] = field(default_factory=dict)
    """By bus: what assets under local control take together, less what they give."""
    running: Mapping[str, Running] = field(default_factory=dict)
    """By unit: whether it runs; one that is left out has no past, so its first start is free and nothing binds it."""
    unavailable: frozenset[str] = frozenset()
    """Assets that must be planned at zero (sources, converters, chargers) or left out (stores)."""
    month_peak_kw: float = 0.0
    """Highest 15-min average import that the running month has seen, or its floor."""
    usual_peak_kw: float = 0.0
    """What any month's peak will probably be at least (`dispatch.forecast.usual_peak`): a plan does not pay for what it
    is bound to pay for in the end."""
    import_errors_kw: FloatArray = field(default_factory=lambda: np.zeros(0))
    """By how much the park's import was above what was expected of an interval at this time of day lately, of any
    length; empty where nothing is known of it or nobody asks (`control.chance`)."""
    used: Used = field(default_factory=Used)
    spot: PriceSeries | None = None
    """Prices of the spot market; where it has none, the tariff's table counts."""
    end_value_per_kwh: Mapping[BusId, float] = field(default_factory=dict)
    """By bus: what a kWh that is stored at the end is worth, where somebody settles it so; elsewhere what the prices of
    the horizon say (`dispatch.worth`)."""
    scenarios: tuple[Scenario, ...] = ()
    """Ways in which it may come, with probabilities that are 1 together; empty where it comes as expected."""

    @property
    def steps(self) -> int:
        return len(self.step_h)

    def under(self, scenario: Scenario) -> Situation:
        """The situation as one scenario has it, for certain."""
        return replace(
            self,
            available_kw={**self.available_kw, **scenario.available_kw},
            load_kw={**self.load_kw, **scenario.load_kw},
            scenarios=(),
        )

    def expected(self) -> Situation:
        """The situation with the mean over its scenarios in place of its own series, for certain."""
        if not self.scenarios:
            return self
        cases = [(scenario.probability, self.under(scenario)) for scenario in self.scenarios]
        return replace(
            self,
            available_kw={
                name: np.asarray(sum(weight * case.available_kw[name] for weight, case in cases))
                for name in self.available_kw
            },
            load_kw={
                name: np.asarray(sum(weight * case.load_kw[name] for weight, case in cases)) for name in self.load_kw
            },
            scenarios=(),
        )

    def on(self, asset: str) -> float:
        """1 for an available asset, 0 for one that must be planned at zero."""
        return 0.0 if asset in self.unavailable else 1.0

    def local(self, bus: BusId) -> FloatArray:
        """What assets under local control take from a bus, shape (steps,)."""
        found = self.local_kw.get(bus)
        return np.zeros(self.steps) if found is None else found


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPlan:
    """What dispatch wants of one asset, per interval, shape (steps,)."""

    power_kw: FloatArray
    """What its setpoint would say, in the site's sign: what a source or converter makes in its own carrier (of a heat
    pump, an electric boiler and an electrolyser the electricity used), what a load uses, + discharge of a store."""
    flows_kw: Mapping[BusId, FloatArray] = field(default_factory=dict)
    """Into each bus that it has to do with, - for what it takes."""
    gas_kw: FloatArray | None = None
    """Gas burnt, lower heating value."""
    stored_kwh: FloatArray | None = None
    """Energy of a store at the interval bounds, shape (steps + 1,)."""
    available_kw: FloatArray | None = None
    """What a source could have fed."""
    wanted_kw: FloatArray | None = None
    """What a load would use if nothing were left out."""
    running: BoolArray | None = None
    """Whether a unit runs; None for what is no unit, and in plans that leave it to the guard when one runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioPlan:
    """What dispatch would do if one scenario came for certain after the first interval."""

    name: str
    probability: float
    assets: Mapping[str, AssetPlan]
    cost: Mapping[str, float]
    """By term, as in the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What dispatch wants for every asset and step of the horizon."""

    issued_at: datetime
    method: Method
    start: datetime
    step_h: FloatArray
    assets: Mapping[str, AssetPlan]
    """Of a plan over scenarios the mean; what is decided now is the same in all of them."""
    import_price_per_kwh: FloatArray
    """What the tariff asks for import, per interval, for display and for rules."""
    cost: Mapping[str, float]
    """Expected cost over the horizon by term: energy import, export revenue (negative), demand, gas, heat, carbon,
    wear, the surcharge of a ladder where the site has one, starts of units. Over scenarios their mean,
    which the bill of the mean plan may be below: a peak that one scenario has costs money, and the mean has less of
    it."""
    marginal_per_kwh: Mapping[str, FloatArray] = field(default_factory=dict)
    """By bus: value of one more kWh in each interval, from the duals; empty when there are none."""
    stored_value_per_kwh: Mapping[str, FloatArray] = field(default_factory=dict)
    """By store: what one kWh more in it at the end of each interval would save, from the duals; empty when there are
    none."""
    scenarios: tuple[ScenarioPlan, ...] = ()
    """Of a plan over scenarios, in the situation's order."""
    reasons: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    """By asset: why it does what it does in each interval; empty until somebody has asked (`dispatch.reasons`)."""
    paid_peak_kw: float = 0.0
    """Import that costs it no demand charge in the month in which it starts."""
    note: str = ""
    """Why the plan is what it is, when it is not the optimum."""

    @property
    def steps(self) -> int:
        return len(self.step_h)

    def mean_of(self, situation: Situation) -> Situation:
        """The situation that `assets` are a plan for: over scenarios their mean."""
        return situation.expected() if self.scenarios else situation

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
