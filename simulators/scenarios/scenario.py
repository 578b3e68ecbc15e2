"""A scenario file: which day the park lives through, and what is different in it.

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
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, NonNegativeFloat, TypeAdapter

import config
from config.assets import Asset, PvPlant, WindTurbine
from config.base import Frozen, Share
from config.document import Document, read_document
from config.document import Fault as Mistake
from config.faults import SiteError, nearest, validate
from config.site import Site
from simulators.faults.times import Span
from simulators.scenarios.window import Slope, Window
from simulators.surroundings import simulation_of

_SCENARIOS = Path(config.__file__).parent / "scenarios"

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
    reason: str = "another price"


class ConnectionChange(Frozen):
    """Limits of the connection for the whole scenario, as the contract or the grid operator has lowered them."""

    import_limit_share: LimitShare = 1.0
    """Of the limit in the site file."""
    export_limit_share: LimitShare = 1.0


class ScenarioFile(Frozen):
    """What a scenario file says."""

    description: str
    start: datetime | None = None
    """In the site's time zone where none is named; the site file's start when not given."""
    length: Span
    seed: int | None = None
    """Of weather and loads; the site file's when not given."""
    clouds: tuple[Cloud, ...] = ()
    temperature: tuple[Warmth, ...] = ()
    wind: tuple[Wind, ...] = ()
    loads: tuple[LoadChange, ...] = ()
    prices: tuple[PriceChange, ...] = ()
    connection: ConnectionChange | None = None

    def windows(self) -> Iterator[tuple[tuple[str, int], Window]]:
        """Everything that has a time, with its place in the file."""
        for key in ("clouds", "temperature", "wind", "loads", "prices"):
            for index, window in enumerate(getattr(self, key)):
                yield (key, index), window


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario of one site."""

    name: str
    file: ScenarioFile
    start: datetime
    """Aware, in the site's time zone."""
    seed: int

    @property
    def length(self) -> timedelta:
        return self.file.length

    @property
    def end(self) -> datetime:
        return self.start + self.length


_FILE: TypeAdapter[ScenarioFile] = TypeAdapter(ScenarioFile)


def example_scenarios() -> list[str]:
    """The names of the scenarios that come with parkgrid."""
    return sorted(path.stem for path in _SCENARIOS.glob("*.yaml"))


def scenario_path(name: str) -> Path:
    """The path of a scenario, given as a path or as the name of one that comes with parkgrid. Raises ValueError."""
    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    if name not in example_scenarios():
        raise ValueError(f"there is no file {name}, and no scenario of this name; {nearest(name, example_scenarios())}")
    return _SCENARIOS / f"{name}.yaml"


def load_scenario(path: Path, site: Site, *, start: datetime | None = None, seed: int | None = None) -> Scenario:
    """Read a scenario and lay it on a site. `start`, aware, and `seed` replace what the file says.

    Raises SiteError with every mistake, also for what the site does not have.
    """
    document = read_document(path)
    mistakes = list(document.faults)
    if document.data is None:
        raise SiteError(mistakes)
    file: ScenarioFile | None = validate(document, _FILE, ScenarioFile, mistakes)
    if file is not None:
        mistakes += _misfits(document, file, site)
    if mistakes or file is None:
        raise SiteError(mistakes)
    simulation = simulation_of(site)
    zone = ZoneInfo(site.location.time_zone)
    begin = start or file.start or simulation.start
    return Scenario(
        name=path.stem,
        file=file,
        start=begin.replace(tzinfo=zone) if begin.tzinfo is None else begin.astimezone(zone),
        seed=next(of for of in (seed, file.seed, simulation.seed) if of is not None),
    )


def _misfits(document: Document, file: ScenarioFile, site: Site) -> Iterator[Mistake]:
    """What the scenario changes and the site does not have, and times outside of the scenario."""
    for key, kind, what in (("clouds", PvPlant, "PV plant"), ("wind", WindTurbine, "wind turbine")):
        if getattr(file, key) and not any(isinstance(asset, kind) for asset in site.assets.values()):
            yield document.fault((key,), f"site {site.name} has no {what}")
    recorded = {asset.kind for name, asset in site.assets.items() if name in simulation_of(site).series}
    for index, change in enumerate(file.loads):
        for position, kind_name in enumerate(change.kinds):
            if kind_name not in recorded:
                place = ("loads", index, "kinds", position)
                what = f"site {site.name} has no {kind_name} with a recorded series; {nearest(kind_name, recorded)}"
                yield document.fault(place, what)
        if not recorded:
            yield document.fault(("loads", index), f"site {site.name} has no load with a recorded series")
    for where, window in file.windows():
        if window.at >= file.length:
            yield document.fault((*where, "at"), "begins after the scenario's end")
        if isinstance(window, Slope):
            lasts = min(window.for_ or file.length, file.length - window.at)
            if window.ramp * 2 > lasts:
                yield document.fault((*where, "ramp"), "should be at most half as long as the window")


def changed_loads(change: LoadChange, site: Site) -> dict[str, Asset]:
    """The assets whose recorded series a change of loads concerns."""
    series = simulation_of(site).series
    return {
        name: asset
        for name, asset in site.assets.items()
        if name in series and (not change.kinds or asset.kind in change.kinds)
    }
