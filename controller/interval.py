"""An interval of the ledger, closed or running, and what is added to it between two snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.bill import Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One interval of the ledger, closed."""

    start: datetime
    covered_s: float
    """Seconds of it that were measured."""
    energy_kwh: Mapping[str, float]
    """By asset, signed as its power."""
    import_kwh: float
    export_kwh: float
    gas_kwh: float
    curtailed_kwh: float
    """What generators could have fed above their limits, as far as the plan's forecast tells."""
    bought_heat_kwh: float
    """Heat and steam from networks."""
    sold_heat_kwh: float
    bill: Bill | None
    """None when no tariff covers the day: energy is counted all the same."""
    tce: float
    peak_kw: float
    """Mean import over the interval."""
    mean_kw: Mapping[str, float | None]
    """By series for the forecasts: mean power, None where a limit hid what could have been."""


@dataclass(slots=True)
class Running:
    """The one that is running."""

    start: datetime
    until: datetime
    """When it was last added to."""
    covered_s: float = 0.0
    measured_s: dict[str, float] = field(default_factory=dict)
    """By asset: seconds in which its power was known."""
    energy_kwh: dict[str, float] = field(default_factory=dict)
    import_kwh: float = 0.0
    export_kwh: float = 0.0
    gas_kwh: float = 0.0
    curtailed_kwh: float = 0.0
    bought_kwh: dict[str, float] = field(default_factory=dict)
    """By connection to a heat network."""
    sold_kwh: dict[str, float] = field(default_factory=dict)
    discharged_kwh: dict[str, float] = field(default_factory=dict)
    """By battery."""
    limited: set[str] = field(default_factory=set)
    outdoor_degc_s: float = 0.0
    outdoor_s: float = 0.0
    factor_kwh: float = 0.0
    factor_kvarh: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """What flowed between two snapshots."""

    seconds: float
    energy_kwh: Mapping[str, float]
    import_kwh: float
    export_kwh: float
    gas_kwh: float
    curtailed_kwh: float
    limited: frozenset[str]
    outdoor_degc: float | None
    factor_kwh: float
    """Import while active and reactive power are both known, and the reactive energy of the same time."""
    factor_kvarh: float
