"""How commands are told which scenario the simulated park lives through, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.refusal import Refused

if TYPE_CHECKING:
    from config.site import Site
    from simulators.scenarios.scenario import Scenario

ScenarioOption = Annotated[
    str | None,
    typer.Option(
        "--scenario", metavar="NAME", help="What the park lives through: a file, or a name such as cloud_front."
    ),
]


def scenario_from(
    name: str | None, site: Site, start: datetime | None = None, seed: int | None = None
) -> tuple[Scenario | None, Site]:
    """The scenario of this name, and the site with its prices and limits. Raises Refused with every mistake."""
    if name is None:
        return None, site
    from config.loader import SiteError
    from simulators.scenarios.market import site_in
    from simulators.scenarios.scenario import load_scenario, scenario_path

    try:
        scenario = load_scenario(scenario_path(name), site, start=start, seed=seed)
        return scenario, site_in(scenario, site)
    except (SiteError, ValueError) as error:
        raise Refused(str(error)) from error


def lasting_from(text: str | None) -> timedelta | None:
    """The time of ``--for 24h``. Raises Refused."""
    if text is None:
        return None
    from simulators.faults.times import lasting

    try:
        return lasting(text)
    except ValueError as error:
        raise Refused(f"--for {error}") from error
