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
    name: str | None,
    site: Site,
    start: datetime | None = None,
    seed: int | None = None,
    *,
    own_broker: bool = True,
) -> Scenario | None:
    """The scenario of this name. Raises Refused with every mistake, and for what the site does not have."""
    if name is None:
        return None
    from config.loader import SiteError
    from simulators.scenarios.loading import load_scenario, scenario_path

    try:
        return load_scenario(scenario_path(name), site, start=start, seed=seed, own_broker=own_broker)
    except (SiteError, ValueError) as error:
        raise Refused(str(error)) from error


def priced(site: Site, scenario: Scenario | None) -> Site:
    """The site with the prices and limits of a scenario: what its bill and its picture go by."""
    from config.terms import on_terms

    return site if scenario is None else on_terms(site, scenario.terms)


def lasting_from(text: str | None) -> timedelta | None:
    """The time of ``--for 24h``. Raises Refused."""
    if text is None:
        return None
    from simulators.faults.times import lasting

    try:
        return lasting(text)
    except ValueError as error:
        raise Refused(f"--for {error}") from error
