"""Scenario files, read for one site: refused with every mistake at once, and where the site lacks what they change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import config
from config.assets import PvPlant, WindTurbine
from config.document import Document, read_document
from config.document import Fault as Mistake
from config.faults import SiteError, nearest, validate
from config.grid_operator import OperatorLimit
from config.site import Site
from simulators.faults.fit import resolved_at
from simulators.faults.kinds import BreakerOpen, Fault
from simulators.faults.script import script_mistakes
from simulators.scenarios.market import BadPrice, terms_in
from simulators.scenarios.scenario import Scenario, ScenarioFile
from simulators.scenarios.window import Slope
from simulators.surroundings import simulation_of

SCENARIOS = Path(config.__file__).parent / "scenarios"

_FILE: TypeAdapter[ScenarioFile] = TypeAdapter(ScenarioFile)


def example_scenarios() -> list[str]:
    """The names of the scenarios that come with parkgrid."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def scenario_path(name: str) -> Path:
    """The path of a scenario, given as a path or as the name of one that comes with parkgrid. Raises ValueError."""
    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    if name not in example_scenarios():
        raise ValueError(f"there is no file {name}, and no scenario of this name; {nearest(name, example_scenarios())}")
    return SCENARIOS / f"{name}.yaml"


def load_scenario(
    path: Path, site: Site, *, start: datetime | None = None, seed: int | None = None, own_broker: bool = True
) -> Scenario:
    """Read a scenario and lay it on a site. `start`, aware, and `seed` replace what the file says.

    Raises SiteError with every mistake, also for what the site does not have; ValueError for a site that cannot be
    simulated.
    """
    simulation = simulation_of(site)
    document = read_document(path)
    mistakes = list(document.faults)
    if document.data is None:
        raise SiteError(mistakes)
    file: ScenarioFile | None = validate(document, _FILE, ScenarioFile, mistakes)
    mistakes += script_mistakes(document, site, own_broker=own_broker, breaker=True)
    if file is None:
        raise SiteError(mistakes)
    begin = _utc(start or file.start or simulation.start, site)
    mistakes += _misfits(document, file, site)
    mistakes += _mistimed(document, file, site, begin)
    terms = None
    try:
        terms = terms_in(file, begin, site)
    except BadPrice as error:
        mistakes.append(document.fault(("prices", error.index, "import_per_kwh"), str(error)))
    if mistakes:
        raise SiteError(mistakes)
    return Scenario(
        name=path.stem,
        file=file,
        start=begin,
        seed=next(given for given in (seed, file.seed, simulation.seed) if given is not None),
        faults=(*file.faults, *_outages(file, site)),
        terms=terms,
    )


def _utc(when: datetime, site: Site) -> datetime:
    return resolved_at(site, when).astimezone(UTC)


def _outages(file: ScenarioFile, site: Site) -> Iterator[Fault]:
    """Open breakers at the connection point, whatever its meter is called at this site."""
    for number, outage in enumerate(file.grid_outages, 1):
        given: dict[str, Any] = {"kind": "breaker_open", "target": site.grid[1].device, "id": f"grid_outage_{number}"}
        # an outage that is open at its end is over with the scenario
        yield BreakerOpen.model_validate({**given, "at": outage.at, "for": outage.for_ or file.length - outage.at})


def _misfits(document: Document, file: ScenarioFile, site: Site) -> Iterator[Mistake]:
    """What the scenario changes and the site does not have."""
    for key, kind, what in (("clouds", PvPlant, "PV plant"), ("wind", WindTurbine, "wind turbine")):
        if getattr(file, key) and not site.of_kind(kind):
            yield document.fault((key,), f"site {site.name} has no {what}")
    if file.orders and not site.of_kind(OperatorLimit):
        yield document.fault(("orders",), f"site {site.name} has no operator_limit that could show them")
    recorded = {asset.kind for name, asset in site.assets.items() if name in simulation_of(site).series}
    for index, change in enumerate(file.loads):
        for position, kind_name in enumerate(change.kinds):
            if kind_name not in recorded:
                place = ("loads", index, "kinds", position)
                what = f"site {site.name} has no {kind_name} with a recorded series; {nearest(kind_name, recorded)}"
                yield document.fault(place, what)
        if not recorded:
            yield document.fault(("loads", index), f"site {site.name} has no load with a recorded series")


def _mistimed(document: Document, file: ScenarioFile, site: Site, begin: datetime) -> Iterator[Mistake]:
    """What would never happen, or could not come and go in its time."""
    late = f"begins when the scenario is over, after {_hours(file.length.total_seconds())}"
    for where, window in file.windows():
        if window.at >= file.length:
            yield document.fault((*where, "at"), late)
        elif isinstance(window, Slope):
            lasts = min(window.for_ or file.length, file.length - window.at)
            if window.ramp * 2 > lasts:
                what = f"should be at most half as long as its window, which lasts {_hours(lasts.total_seconds())}"
                yield document.fault((*where, "ramp"), what)
    for index, fault in enumerate(file.faults):
        match fault.at:
            case None:
                continue
            case datetime() as at:
                since = _utc(at, site) - begin
            case since:
                pass
        if not 0 <= since.total_seconds() < file.length.total_seconds():
            what = late if since.total_seconds() > 0 else "begins before the scenario does"
            yield document.fault(("faults", index, "at"), what)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:g} h"
