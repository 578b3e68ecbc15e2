"""`parkgrid why`: one sentence about a setpoint, with its numbers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument, announcement_from, clock_from, site_from
from parkgrid.state_argument import StateOption, state_folder
from parkgrid.time_argument import time_of

if TYPE_CHECKING:
    from config.site import Site
    from controller.telemetry.decisions import Explained

SILENT = timedelta(seconds=60)
"""A controller that has recorded nothing for so long does not run, or cannot write."""


def why(
    site: SiteArgument,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Name in the site file.", show_default=False)],
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="ISO 8601, or HH:MM of today at the site.  [default: now]", show_default=False
        ),
    ] = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """Say why a setpoint is what it is, or what it was at a time.

    The answer comes from the controller's own records in the state folder; the site file says how long they are kept.
    """
    from controller.telemetry.decisions import NoDecisions, explained

    announced = announcement_from(announcement)
    loaded, clock = site_from(site, announced), clock_from(announced)
    _require_setpoint(asset, loaded)
    now = clock.now()
    when = now if at is None else time_of("--at", at, now, loaded)
    path = state_folder(state, loaded) / "telemetry.sqlite"
    if not path.exists():
        raise Failed(f"no controller has recorded anything in {path.parent} yet; --state names another folder")
    try:
        found = explained(path, asset, when)
    except NoDecisions as error:
        raise Failed(str(error)) from error
    if as_json:
        typer.echo(json.dumps(_data(asset, when, found), ensure_ascii=False))
    else:
        typer.echo(_sentence(asset, loaded, when, found))


def _require_setpoint(asset: str, site: Site) -> None:
    from config.loader import nearest

    if asset not in site.assets:
        raise Refused(f"there is no asset {asset!r}; {nearest(asset, site.assets)}")
    if site.setpoint(asset) is None:
        told = [name for name in site.assets if site.setpoint(name) is not None]
        raise Refused(f"{asset} is told nothing; what is told something is {', '.join(told) or 'nothing'}")


def _sentence(asset: str, site: Site, when: datetime, found: Explained) -> str:
    zone = ZoneInfo(site.location.time_zone)
    fields = found.record.fields
    since = f"{found.since.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    told = fields.get("setpoint_kw")
    words = f"{asset} is told nothing since {since}" if told is None else f"{asset}: {told:+.1f} kW since {since}"
    words += f", by {fields['owner']}: {fields['reason']}"
    if (planned := fields.get("planned_kw")) is not None and fields["owner"] != "plan":
        words += f"; the plan wants {planned:+.1f} kW"
    if "low_kw" in fields and "high_kw" in fields:
        words += f"; allowed {fields['low_kw']:.0f} to {fields['high_kw']:.0f} kW"
    if told is not None and fields["written"] not in ("confirmed", "held"):
        words += f"; the device has not taken it ({fields['written']})"
    if when - found.last_cycle > SILENT:
        words += f". The controller recorded nothing after {found.last_cycle.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return words


def _data(asset: str, when: datetime, found: Explained) -> dict[str, Any]:
    return {
        "asset": asset,
        "at": when.isoformat(),
        "since": found.since.isoformat(),
        "last_cycle": found.last_cycle.isoformat(),
        **found.record.fields,
    }
