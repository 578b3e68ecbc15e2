"""A scenario: which days the park lives through, and what is different in them.

description: A front of thick clouds crosses the park at noon
start: 2026-07-15T00:00:00     # of the site's calendar
length: 24h
clouds:
  - {at: 11h, for: 90m, depth: 0.9, ramp: 3m}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field, NonNegativeFloat

from config.base import Frozen, Share
from config.terms import Terms
from simulators.faults.kinds import AnyFault, Fault
from simulators.faults.times import Span
from simulators.scenarios.window import Slope, Window

Factor = Annotated[float, Field(ge=0, le=10)]
"""Ten times a load or a wind speed is beyond what any park could meet."""
LimitShare = Annotated[float, Field(gt=0, le=1)]


class Cloud(Slope):
    """Clouds in front of the sun, over those that the weather has anyway."""

    depth: Share
    """How much of the sun they hide: 0 nothing, 1 a closed thick cover."""


class Warmth(Slope):
    """Air that is warmer, or colder."""

    offset_k: Annotated[float, Field(ge=-40, le=40)]


class Wind(Slope):
    """More wind, or less."""

    factor: Factor
    """Of the wind's speed; a turbine's power goes with up to its third power, and is 0 above its cut-out speed."""


class LoadChange(Slope):
    """Demand that is higher or lower than recorded."""

    factor: Factor
    kinds: tuple[str, ...] = ()
    """Kinds of assets, such as electric_load; all that follow a recorded series when not given."""


class PriceChange(Window):
    """Another price of imported energy: a spike of the market, or a reduction that somebody pays for."""

    import_per_kwh: NonNegativeFloat
    """In the currency of the site's tariff, in place of what the tariff says; a call to reduce is worth what is paid
    for the reduction, on top of the price."""
    reason: Annotated[str, Field(min_length=1, max_length=60)] = "another price"


class ConnectionChange(Frozen):
    """Limits of the connection for the whole run, as the contract or the grid operator has lowered them.

    They do not come and go: a controller is told the limits of its connection once, at its start.
    """

    import_limit_share: LimitShare = 1.0
    """Of the limit in the site file."""
    export_limit_share: LimitShare = 1.0


class Order(Window):
    """What the grid operator orders, which the receivers of the site show; the strictest of several counts."""

    feed_in_share: Share = 1.0
    """Of the installed power."""
    import_share: Share = 1.0
    """Of the import limit in the site file."""


class GridOutage(Window):
    """The grid is gone: the breaker of the connection opens, and closes again at the end."""


class ScenarioFile(Frozen):
    """What a scenario file says."""

    description: Annotated[str, Field(min_length=1)]
    start: datetime | None = None
    """In the site's time zone where none is named; the site file's start when not given."""
    length: Span
    seed: int | None = None
    """Of weather, loads and what is random in faults; the site file's when not given."""
    clouds: tuple[Cloud, ...] = ()
    temperature: tuple[Warmth, ...] = ()
    wind: tuple[Wind, ...] = ()
    loads: tuple[LoadChange, ...] = ()
    prices: tuple[PriceChange, ...] = ()
    connection: ConnectionChange | None = None
    orders: tuple[Order, ...] = ()
    grid_outages: tuple[GridOutage, ...] = ()
    faults: tuple[AnyFault, ...] = ()
    """As in a fault script (`simulators.faults.script`)."""

    def windows(self) -> Iterator[tuple[tuple[str, int], Window]]:
        """Everything that lasts from a time to a time, with its place in the file."""
        for key in ("clouds", "temperature", "wind", "loads", "prices", "orders", "grid_outages"):
            for index, window in enumerate(getattr(self, key)):
                yield (key, index), window


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario of one site."""

    name: str
    file: ScenarioFile
    start: datetime
    """UTC, so that a day on which clocks change has the length that it says."""
    seed: int
    faults: tuple[Fault, ...]
    """Those of the file and its grid outages."""
    terms: Terms | None
    """Prices and limits, where they are not the site file's."""

    @property
    def length(self) -> timedelta:
        return self.file.length
