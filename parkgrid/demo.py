"""`parkgrid demo`: the simulated park and the controller in one go."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.park_output import ParkOutput, PlotOption, SummaryOption
from parkgrid.refusal import Failed, Refused
from parkgrid.run import ForOption
from parkgrid.scenario_option import ScenarioOption, scenario_from
from parkgrid.simulate import FaultsOption
from parkgrid.site_argument import site_from

if TYPE_CHECKING:
    from config.announcement import Announcement
    from config.site import Site
    from controller.status import Totals
    from simulators.scenarios.scenario import Scenario

SITE = "demo_park"
DAY_IN_TEN_MINUTES = 144.0
PARK_STARTS_WITHIN_S = 60.0
"""Far more than it takes on a slow box: the park says by itself when it cannot start."""
PARK_ENDS_WITHIN_S = 5.0


def demo(
    name: Annotated[
        str, typer.Argument(metavar="[SITE]", help="Site file, or the name of an example such as steel_plant.")
    ] = SITE,
    speed: Annotated[
        float,
        typer.Option(min=0.1, max=1000, help="Seconds of the park's time per real second; 144: a day in ten minutes."),
    ] = DAY_IN_TEN_MINUTES,
    for_s: ForOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object, and nothing else.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the controller's state and telemetry here.")
    ] = None,
    faults: FaultsOption = None,
    scenario: ScenarioOption = None,
    plot: PlotOption = None,
    page: SummaryOption = None,
) -> None:
    """Watch a simulated industrial park being measured, planned, controlled and recorded.

    It runs until Ctrl-C, for the time given, or to the end of its scenario, and ends with a summary.
    """
    output = ParkOutput(plot, page)
    lived = _checked(name, faults, scenario)
    if lived is not None:
        for_s = min(for_s or math.inf, lived.length.total_seconds() / speed)
    with tempfile.TemporaryDirectory(prefix="parkgrid-demo-") as scratch:
        with _simulated_park(name, Path(scratch), speed, faults, scenario) as park:
            site, totals = _controlled(name, Path(scratch), park, state, for_s, as_json)
        found = _summed_up(Path(scratch), site, totals, output)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        from rich.console import Console

        from parkgrid.summary import shown

        Console().print(shown(found))


def _checked(name: str, faults: Path | None, scenario: str | None) -> Scenario | None:
    """What cannot be used is refused before anything starts, where every mistake can be shown."""
    if name == SITE and faults is None and scenario is None:
        return None  # and a newcomer does not wait for it
    from parkgrid.fault import script_from

    site = site_from(name)
    if site.file.simulation is None:
        raise Refused(f"site {site.name} has no 'simulation'")
    if faults is not None:
        script_from(faults, site)
    return scenario_from(scenario, site)


def _controlled(
    name: str, scratch: Path, park: subprocess.Popen[bytes], state: Path | None, for_s: float | None, quiet: bool
) -> tuple[Site, Totals]:
    """Control the park to the end. Returns the site as it was controlled, and what was done."""
    # what takes seconds to load does so beside the park's own start
    from controller.planner import PlannerProcess

    planner = PlannerProcess()
    from controller.controller import Controller
    from controller.state import StateInUse, held
    from controller.telemetry.history import SeriesStore
    from parkgrid.running import control

    announced = _announced(scratch, park)
    site = site_from(name, announced)
    folder = state or scratch / "state"
    try:
        with held(folder):
            series = SeriesStore(folder / "history.sqlite")
            series.import_file(scratch / "history.csv")
            series.close()
            controller = Controller(site, clock=announced.clock(), state=folder, planner=planner)
            return site, control(controller, for_s=for_s, quiet=quiet)
    except StateInUse as error:
        raise Failed(str(error)) from error


def _summed_up(scratch: Path, site: Site, totals: Totals, output: ParkOutput) -> dict[str, Any]:
    from parkgrid.summary import summary

    try:
        truth = json.loads((scratch / "truth.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Failed(f"the simulated park ended before its time: {_said(scratch)}") from error
    output.write(site, truth)
    return summary(site, totals, truth)


@contextmanager
def _simulated_park(
    name: str, scratch: Path, speed: float, faults: Path | None, scenario: str | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The park as a process of its own session, so that Ctrl-C reaches the controller first."""
    command = [sys.executable, "-m", "parkgrid", "simulate", name, "--free-ports", "--speed", str(speed)]
    for option in ("announce", "truth", "history"):
        suffix = "csv" if option == "history" else "json"
        command += [f"--{option}", str(scratch / f"{option}.{suffix}")]
    command += [] if faults is None else ["--faults", str(faults)]
    command += [] if scenario is None else ["--scenario", scenario]
    with (scratch / "park.log").open("wb") as log:
        park = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield park
    finally:
        park.terminate()
        try:
            park.wait(PARK_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            park.kill()
            park.wait()


def _announced(scratch: Path, park: subprocess.Popen[bytes]) -> Announcement:
    from config.announcement import read_announcement

    announcement = scratch / "announce.json"
    until_s = time.monotonic() + PARK_STARTS_WITHIN_S
    while not announcement.exists():
        if park.poll() is not None or time.monotonic() > until_s:
            raise Failed(f"the simulated park did not start: {_said(scratch)}")
        time.sleep(0.05)
    return read_announcement(announcement)


def _said(scratch: Path) -> str:
    """The last words of the simulated park."""
    lines = (scratch / "park.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
