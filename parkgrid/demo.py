"""`parkgrid demo`: the simulated park and the controller in one go."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.run import ForOption
from parkgrid.scenario_option import ScenarioOption, scenario_from
from parkgrid.simulate import FaultsOption

if TYPE_CHECKING:
    from config.announcement import Announcement

SITE = "demo_park"
DAY_IN_TEN_MINUTES = 144.0
PARK_STARTS_WITHIN_S = 60.0
"""Far more than it takes on a slow box: the park says by itself when it cannot start."""
PARK_ENDS_WITHIN_S = 5.0


def demo(
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
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw at the end what the park did, as .png or .svg.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--summary", metavar="FILE", help="Write at the end an .html page of what it did.")
    ] = None,
) -> None:
    """Watch a simulated industrial park being measured, planned, controlled and recorded.

    It runs until Ctrl-C, or for the time given, and ends with a summary.
    """
    with tempfile.TemporaryDirectory(prefix="parkgrid-demo-") as scratch:
        found = _demo(Path(scratch), state, speed, for_s, as_json, faults, scenario, plot, page)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        from rich.console import Console

        from parkgrid.summary import shown

        Console().print(shown(found))


def _demo(
    scratch: Path,
    state: Path | None,
    speed: float,
    for_s: float | None,
    as_json: bool,
    faults: Path | None,
    scenario: str | None,
    plot: Path | None,
    page: Path | None,
) -> dict[str, Any]:
    _refuse_early(faults, scenario, plot, page)
    with _simulated_park(scratch, speed, faults, scenario) as park:
        # what takes seconds to load does so beside the park's own start
        from controller.planner import PlannerProcess

        planner = PlannerProcess()
        from config.loader import example_site, load_site
        from controller.controller import Controller
        from controller.state import StateInUse, held
        from controller.telemetry.history import SeriesStore
        from parkgrid.running import control
        from parkgrid.summary import summary

        announced = _announced(scratch, park)
        _, site = scenario_from(scenario, load_site(example_site(SITE), announced.connections))
        folder = state or scratch / "state"
        try:
            with held(folder):
                series = SeriesStore(folder / "history.sqlite")
                series.import_csv(scratch / "history.csv")
                series.close()
                controller = Controller(site, clock=announced.clock(), state=folder, planner=planner)
                totals = control(controller, for_s=for_s, quiet=as_json)
        except StateInUse as error:
            raise Failed(str(error)) from error
    try:
        truth = json.loads((scratch / "truth.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Failed(f"the simulated park ended before its time: {_said(scratch)}") from error
    if plot is not None or page is not None:
        from parkgrid.park_page import write_page
        from parkgrid.park_picture import draw_park

        if plot is not None:
            draw_park(site, truth, plot)
        if page is not None:
            write_page(site, truth, page)
    return summary(site, totals, truth)


def _refuse_early(faults: Path | None, scenario: str | None, plot: Path | None, page: Path | None) -> None:
    """What cannot be used is refused before anything starts, where every mistake can be shown."""
    from config.loader import example_site, load_site
    from parkgrid.fault import script_from

    if faults is not None:
        script_from(faults, load_site(example_site(SITE)))
    if scenario is not None:
        scenario_from(scenario, load_site(example_site(SITE)))
    for path in (plot, page):
        if path is not None and not path.parent.is_dir():
            raise Refused(f"there is no folder {path.parent} for {path.name}")
    if plot is not None:
        from parkgrid.park_picture import refuse_unknown_form

        refuse_unknown_form(plot)


@contextmanager
def _simulated_park(
    scratch: Path, speed: float, faults: Path | None, scenario: str | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The park as a process of its own session, so that Ctrl-C reaches the controller first."""
    command = [sys.executable, "-m", "parkgrid", "simulate", SITE, "--free-ports", "--speed", str(speed)]
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
