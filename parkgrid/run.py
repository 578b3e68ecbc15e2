"""`parkgrid run`: the controller of a site."""

from __future__ import annotations

from typing import Annotated

import typer

from parkgrid.refusal import Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument, announcement_from, clock_from, site_from
from parkgrid.state_argument import StateOption, state_folder

ForOption = Annotated[
    float | None, typer.Option("--for", metavar="SECONDS", min=1, help="Stop by itself after so many real seconds.")
]


def run(
    site: SiteArgument,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="Plan and decide, but write nothing to any device.")] = False,
    for_s: ForOption = None,
) -> None:
    """Control a site until stopped; every device is left at its safe value.

    On a terminal the live table is shown, otherwise a log is written to standard error.
    """
    from controller.planner import PlannerProcess
    from controller.state import StateInUse, held
    from controller.telemetry.influx import NoToken
    from drivers.driver import DriverError

    announced = announcement_from(announcement)
    loaded = site_from(site, announced)
    folder = state_folder(state, loaded)
    clock = clock_from(announced)
    try:
        with held(folder):
            planner = PlannerProcess()  # loads its libraries beside what is imported here
            from controller.controller import Controller
            from parkgrid.running import control

            control(Controller(loaded, clock=clock, state=folder, shadow=shadow, planner=planner), for_s=for_s)
    except (StateInUse, NoToken, DriverError) as error:
        raise Refused(str(error)) from error
