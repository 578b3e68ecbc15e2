"""`parkgrid override`: a person holds an asset at a value for a while, and gives it back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parkgrid.operating import duration, known_folder, local, login_name, put_down, site_and_clock, words
from parkgrid.refusal import Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument
from parkgrid.state_argument import StateOption

if TYPE_CHECKING:
    from config.point import SetpointRange
    from config.site import Site
    from controller.override import Override

LONGEST = timedelta(days=7)
"""Nobody remembers an older one; what should hold for longer belongs into the site file."""

override = typer.Typer(
    help="Hold an asset at a value for a while, give it back, or list what is held.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
AssetArgument = Annotated[str, typer.Argument(metavar="ASSET", help="Name in the site file.", show_default=False)]


# unknown options are taken as values, so that -200 is a number; a mistyped option is then one value too many
@override.command("set", context_settings={"ignore_unknown_options": True})
def set_(
    site: SiteArgument,
    asset: AssetArgument,
    value: Annotated[
        float,
        typer.Argument(
            metavar="VALUE",
            help="kW in the setpoint's sign: a battery's is + for discharge; of a connection 1 lets its breaker close.",
        ),
    ],
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 90s, 30m, 2h or 1d; 7 days at most.")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why: it stands in every decision that follows it.")],
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who wants it.  [default: the login name]", show_default=False)
    ] = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """Hold an asset at a value; it replaces what held the asset before.

    Ratings, the SOC window and the connection's limits stand above it. The time counts by the wall clock; a
    simulated park has a clock of its own, which --announcement gives.
    """
    from controller.override import Override, OverrideFolder

    loaded, clock = site_and_clock(site, announcement)
    span, unit = setpoint_range(asset, loaded), _unit(asset, loaded)
    if not span.low <= value <= span.high:
        raise Refused(f"{value:g}{unit} is outside the setpoint of {asset}: {span.low:g} to {span.high:g} kW")
    lasts = duration(for_, "an override", LONGEST)
    why, who = words("--reason", reason), words("--owner", login_name("--owner") if owner is None else owner)
    now, folder = clock.now(), known_folder(state, loaded)
    until = now + lasts
    held = Override(asset=asset, value_kw=value, owner=who, reason=why, until=until)
    what = f"override set for {for_}"
    put_down(folder, loaded, now, who=who, what=what, asset=asset, value=value, why=why)
    OverrideFolder(folder).put(held)
    typer.echo(f"{asset} is held at {value:g}{unit} until {local(until, loaded)} for {who}: {why}")


@override.command("clear")
def clear(
    site: SiteArgument,
    asset: AssetArgument,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who does it.  [default: the login name]", show_default=False)
    ] = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """Give an asset back to the controller, whether its override is still in force or not."""
    from config.loader import nearest
    from controller.override import OverrideFolder

    loaded, clock = site_and_clock(site, announcement)
    path = known_folder(state, loaded)
    folder = OverrideFolder(path)
    found, damaged = folder.read()
    # an override may be older than the site file, and name an asset that is no more
    known = {*loaded.assets, *(held.asset for held in found), *(Path(name).stem for name in damaged)}
    if asset not in known:
        raise Refused(f"there is no asset {asset!r}; {nearest(asset, known)}")
    who = words("--owner", login_name("--owner") if owner is None else owner)
    put_down(path, loaded, clock.now(), who=who, what="override cleared", asset=asset, why="")
    given_back = folder.clear(asset)
    typer.echo(f"{asset} is given back to the controller" if given_back else f"{asset} was not held")


@override.command("list")
def list_(
    site: SiteArgument,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """List the overrides of a site, also those that have expired."""
    from controller.override import OverrideFolder

    loaded, clock = site_and_clock(site, announcement)
    found, damaged = OverrideFolder(known_folder(state, loaded)).read()
    now = clock.now()
    if as_json:
        typer.echo(json.dumps(_data(loaded, found, damaged, now), indent=2, ensure_ascii=False))
    else:
        _show(loaded, found, now)
    for name in damaged:
        typer.echo(f"{name} cannot be read and is not in force; parkgrid override clear removes it", err=True)


def setpoint_range(asset: str, site: Site) -> SetpointRange:
    """What may be written to an asset. Raises Refused for one that is unknown or that nothing may be written to."""
    from config.loader import nearest
    from config.points import NEEDS, RECONNECTION_RELEASE

    if asset not in site.assets:
        raise Refused(f"there is no asset {asset!r}; {nearest(asset, site.assets)}")
    point = site.release if asset == site.grid[0] else site.setpoint(asset)
    if point is not None and point.setpoint is not None:
        return point.setpoint
    wanted = RECONNECTION_RELEASE if asset == site.grid[0] else NEEDS[site.assets[asset].kind].setpoint
    why = "it is only measured" if wanted is None else f"the site file does not let its {wanted} be written"
    settable = [name for name in site.assets if site.setpoint(name) is not None]
    raise Refused(f"{asset} cannot be held: {why}; what can is {', '.join(settable) or 'nothing'}")


def _unit(asset: str, site: Site) -> str:
    return "" if asset == site.grid[0] else " kW"


def _data(site: Site, found: Iterable[Override], damaged: list[str], now: datetime) -> dict[str, Any]:
    return {
        "site": site.name,
        "now": now.isoformat(),
        "overrides": [
            held.model_dump(mode="json")
            | {"in_force": now < held.until, "left_s": round(max(0.0, (held.until - now).total_seconds()), 1)}
            for held in found
        ],
        "damaged": damaged,
    }


def _show(site: Site, found: list[Override], now: datetime) -> None:
    if not found:
        typer.echo(f"nothing of {site.name} is held")
        return
    from rich.table import Table

    from parkgrid.page import page

    console = page()
    table = Table(title=f"{site.name}: overrides", title_justify="left", title_style="bold")
    for column in ("asset", "value", "state", "until", "owner", "reason"):
        table.add_column(column, justify="right" if column == "value" else "left", overflow="fold")
    for held in found:
        state = "in force" if now < held.until else "expired"
        table.add_row(
            held.asset,
            f"{held.value_kw:g}{_unit(held.asset, site)}",
            state,
            local(held.until, site),
            held.owner,
            held.reason,
        )
    console.print(table, markup=False)
