"""The site: what a site file says (`SiteFile`) and what it means with profiles and tariffs (`Site`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, Field, NonNegativeFloat, PositiveFloat, model_validator

from config.asset import AssetBase
from config.assets import Asset, GridConnection
from config.base import Frozen, Identifier
from config.calendar import SiteCalendar
from config.caps import Caps
from config.connection import Connection
from config.point import Point
from config.points import NEEDS, REACTIVE_SETPOINT, RECONNECTION_RELEASE
from config.price_series import PriceSeries, SpotPrices
from config.profile import ModbusProfile
from config.reserve import Reserve
from config.tariff import Tariff, ZoneName
from config.weather import WeatherForecast

SLOW_S = 5.0
"""How often slow points are read where a site does not say: several times in a planning interval of any length."""
MISSED = 3
"""Periods after which a value is too old, at the earliest: one lost answer, and one more, must not matter."""

AssetT = TypeVar("AssetT", bound=AssetBase)


class Location(Frozen):
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    altitude_m: float = 0.0
    time_zone: ZoneName


class Risk(Frozen):
    """How much the dear scenarios of a plan count beyond their probability."""

    cvar: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Weight of the mean cost of the dearest scenarios, against the mean of all; below 1, or nothing would hold the
    others to a sensible plan."""
    tail: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Share of the probability that the dearest scenarios have together."""


class PastDays(Frozen):
    """Scenarios from the park's own past days."""

    most: Annotated[int, Field(ge=2, le=16)] = 8
    """How many there are at most; the mean of the days and the envelope are among them."""
    spread: Annotated[float, Field(ge=0, le=3)] = 1.0
    """How far the days lie from their mean, against how far they lay."""
    envelope_weight: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability of one more scenario: every load as high and every source as low as on any of the days."""
    lateness: Annotated[float, Field(ge=1)] = 1.0
    """How much more a kW of the month's peak costs that is found out late than one that is decided now."""
    decay_h: PositiveFloat = 4.0
    """How fast the present error of a day loses its say."""


class Forecasting(Frozen):
    """How loads and sources are forecast."""

    boosting: bool = False
    """Whether gradient boosting is among the ways that are tried; it takes a second for each series each week."""


class Control(Frozen):
    """The rhythm of the controller."""

    cycle_s: Annotated[float, Field(ge=0.2, le=10)] = 1.0
    interval_min: Literal[5, 10, 15, 30, 60] = 15
    horizon_h: Annotated[int, Field(ge=2, le=48)] = 24
    solver: Literal["highs", "clarabel"] = "highs"
    """HiGHS goes on from its last basis; Clarabel starts anew each time, by another algorithm."""
    solver_time_limit_s: PositiveFloat = 20.0
    commitment: bool = False
    """Whether plans say when units run and when they stand still, with their least loads, minimum times and starts."""
    commitment_gap: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    """How far above the cheapest plan one with units may be, as a share of its cost: no search goes on below it."""
    commitment_time_limit_s: PositiveFloat = 5.0
    """How long the search for when units run may take; the best plan that was found until then counts."""
    kept_solves: Annotated[int, Field(ge=0, le=1000)] = 8
    """How many of the last solves lie in the state folder, for `parkgrid plan --replay`: two hours of quarters, at some
    100 kB each."""
    ramp_kw_per_s: PositiveFloat = 100.0
    """How fast a setpoint may move where the asset names no ramp of its own."""
    scenarios: PastDays | None = None
    """Without, a plan is made for what is expected."""
    forecast: Forecasting = Forecasting()
    risk: Risk = Risk()
    chance: bool = False
    """Whether a plan's first interval is weighed with what the intervals of the last weeks brought beyond what was
    expected of them: for setpoints that stand through it."""

    @property
    def horizon_steps(self) -> int:
        """How many intervals a plan has."""
        return self.horizon_h * 60 // self.interval_min


class Telemetry(Frozen):
    period_s: PositiveFloat = 5.0
    """How often measured values are recorded; decisions and alarms are recorded when they change."""
    retention_days: PositiveFloat = 30.0
    """How long records stay in the local store once they are forwarded."""
    spool_limit: Annotated[int, Field(ge=1000)] = 20_000_000
    """Records that may wait for InfluxDB; beyond it the oldest are dropped, counted and alarmed."""


class InfluxDb(Frozen):
    """InfluxDB 2, or anything that speaks its write API."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+/?$")]
    org: str
    bucket: str
    token_env: str
    """Name of the environment variable that holds the token: secrets are never in a site file."""


class Device(Frozen):
    """One thing with an address that speaks a protocol."""

    connection: Identifier
    profile: Identifier
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    """Modbus unit id; unused by the other protocols."""
    parameters: dict[str, float | str] = Field(default_factory=dict)
    fast_s: PositiveFloat | None = None
    """How often points of the fast read class are read; in every cycle when not given, and never more often."""
    slow_s: PositiveFloat | None = None
    """How often those of the slow class are read, counters and temperatures that steer nothing within seconds."""
    max_age_s: PositiveFloat = 10.0
    """A reading older than this, and than three of its periods, is not used any more: two reads may fail."""
    write: tuple[str, ...] = ()
    """The points that the controller may write: nothing unless named here."""

    @property
    def slow_period_s(self) -> float:
        return max(SLOW_S, self.fast_s or 0.0) if self.slow_s is None else self.slow_s

    @model_validator(mode="after")
    def _slow_is_not_faster(self) -> Device:
        if self.fast_s is not None and self.slow_period_s < self.fast_s:
            raise ValueError(f"slow_s should be at least fast_s, which is {self.fast_s:g}, not {self.slow_s:g}")
        return self


class SeriesSource(Frozen):
    """Which recorded series a simulated asset follows: column * scale."""

    file: str
    column: str
    scale: PositiveFloat
    reactive_column: str | None = None
    """Reactive power in kvar beside it, + when it is taken, with the same scale; else a power factor of 0.92."""


class Simulation(Frozen):
    """What the simulated park needs to know beyond the nameplates."""

    start: AwareDatetime
    seed: int = 1
    series: dict[Identifier, SeriesSource] = Field(default_factory=dict)
    """By asset that follows one: loads, sources of waste heat, flows through a turbine."""
    mean_wind_m_per_s: PositiveFloat = 6.0
    initial_soc: dict[Identifier, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)


class SiteFile(Frozen):
    """A site file, key by key."""

    site: Identifier
    description: str = ""
    language: Literal["en", "zh"] = "en"
    """Of what alarms say to the operator."""
    location: Location
    calendar: SiteCalendar = SiteCalendar()
    control: Control = Control()
    telemetry: Telemetry = Telemetry()
    influxdb: InfluxDb | None = None
    tariffs: Annotated[tuple[str, ...], Field(min_length=1)]
    month_peak_floor_kw: NonNegativeFloat = 0.0
    """A monthly peak that is paid in any case, such as a contracted minimum."""
    caps: Caps = Caps()
    reserve: Reserve | None = None
    spot_prices: SpotPrices | None = None
    weather: WeatherForecast | None = None
    certificates: str = "certificates"
    """Folder of the OPC UA certificates, ours and those that are trusted; taken from the site file's own folder."""
    connections: dict[Identifier, Connection]
    devices: dict[Identifier, Device]
    assets: dict[Identifier, Asset]
    simulation: Simulation | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """A site that has passed every check, with its profiles resolved to points and its tariffs loaded."""

    path: Path
    file: SiteFile
    points: Mapping[str, tuple[Point, ...]]
    """By device."""
    tariffs: tuple[Tariff, ...]
    modbus: Mapping[str, ModbusProfile] = field(default_factory=dict)
    """The profiles of its Modbus devices, by device."""
    spot: PriceSeries | None = None
    """Spot prices as they were when the site was loaded."""

    @property
    def name(self) -> str:
        return self.file.site

    @property
    def assets(self) -> Mapping[str, Asset]:
        return self.file.assets

    @property
    def devices(self) -> Mapping[str, Device]:
        return self.file.devices

    @property
    def connections(self) -> Mapping[str, Connection]:
        return self.file.connections

    @property
    def certificates(self) -> Path:
        """The folder of the OPC UA certificates; it need not be there yet."""
        return self.file_named(self.file.certificates)

    def file_named(self, name: str) -> Path:
        """A file or folder that the site file names: beside it, unless the name is a whole path."""
        return self.path.parent / name

    @property
    def location(self) -> Location:
        return self.file.location

    @property
    def control(self) -> Control:
        return self.file.control

    def of_kind(self, kind: type[AssetT]) -> dict[str, AssetT]:
        """The assets of one kind, by name, in the file's order; also those under local control."""
        return {name: asset for name, asset in self.assets.items() if isinstance(asset, kind)}

    @cached_property
    def dispatched(self) -> dict[str, Asset]:
        """The assets that dispatch plans, by name, in the file's order."""
        return {name: asset for name, asset in self.assets.items() if asset.control == "dispatch"}

    @cached_property
    def measured(self) -> dict[str, Asset]:
        """The assets under local control, by name: they are measured, and nothing is planned for or written to them."""
        return {name: asset for name, asset in self.assets.items() if name not in self.dispatched}

    def dispatched_of(self, kind: type[AssetT]) -> dict[str, AssetT]:
        """The assets of one kind that dispatch plans, by name, in the file's order."""
        return {name: asset for name, asset in self.dispatched.items() if isinstance(asset, kind)}

    @property
    def grid(self) -> tuple[str, GridConnection]:
        """Name and data of the connection point; the first where a site, which nobody runs then, has several."""
        return next(iter(self.grids.items()))

    @property
    def grids(self) -> dict[str, GridConnection]:
        """All connections by name. The controller and the simulated park know one."""
        return self.of_kind(GridConnection)

    def point(self, asset: str, name: str) -> Point | None:
        """The point that an asset has under a standard name, None when its device has none. Raises KeyError."""
        return self._points_of[asset].get(name)

    @cached_property
    def _points_of(self) -> dict[str, dict[str, Point]]:
        """By asset and name; of two points with one name the first."""
        by_device = {device: {point.name: point for point in reversed(found)} for device, found in self.points.items()}
        return {name: by_device[asset.device] for name, asset in self.assets.items()}

    def setpoint(self, asset: str) -> Point | None:
        """The point that is written for an asset; None when only measured or not allowed. Raises KeyError."""
        return self._setpoints[asset]

    def reactive_setpoint(self, asset: str) -> Point | None:
        """The point that an asset's reactive power is written to; None when it may not be. Raises KeyError."""
        return self._reactive_setpoints[asset]

    @cached_property
    def _reactive_setpoints(self) -> dict[str, Point | None]:
        return {name: self._written(name, REACTIVE_SETPOINT) for name in self.assets}

    @cached_property
    def release(self) -> Point | None:
        """The point that lets the breaker of the connection close again; None where the relay does not wait for it."""
        return self._written(self.grid[0], RECONNECTION_RELEASE)

    @cached_property
    def asset_of_written(self) -> dict[str, str]:
        """By the key of every point that may be written for an asset: the asset."""
        found = {
            point.key: name
            for name in self.assets
            for point in (self.setpoint(name), self.reactive_setpoint(name))
            if point is not None
        }
        return found if self.release is None else {**found, self.release.key: self.grid[0]}

    @cached_property
    def _setpoints(self) -> dict[str, Point | None]:
        return {name: self._written(name, NEEDS[asset.kind].setpoint) for name, asset in self.assets.items()}

    def _written(self, name: str, wanted: str | None) -> Point | None:
        """An asset's point, where the controller may write it."""
        asset = self.assets[name]
        told = asset.control != "local" and wanted in self.devices[asset.device].write
        return self.point(name, wanted) if told and wanted is not None else None

    def max_age_s(self, point: Point) -> float:
        """How old a value of a point may be: no less than three of the periods that its device is given for it."""
        device = self.devices[point.device]
        period_s = device.slow_period_s if point.read == "slow" else device.fast_s or 0.0
        return max(device.max_age_s, MISSED * period_s)

    def all_points(self) -> Iterator[Point]:
        for points in self.points.values():
            yield from points
