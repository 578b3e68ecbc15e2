"""`parkgrid alarms`: what needs a person, and what he does about it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from parkgrid.operating import duration, known_folder, local, login_name, put_down, site_and_clock, words
from parkgrid.refusal import Failed, Refused
from parkgrid.site_argument import AnnouncementOption, SiteArgument
from parkgrid.state_argument import StateOption, state_folder

if TYPE_CHECKING:
    from config.site import Site
    from controller.alarming.alarm import Alarm

LONGEST = timedelta(days=1)
"""A shelf hides an alarm from the next shifts, too: what is to be hidden for longer is out of service."""

alarms = typer.Typer(
    help="List the alarms of a site, and acknowledge, reset, shelve them or take them out of service.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
AlarmsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ALARM]...", help="Such as asset_unavailable:battery.  [default: all that are shown]"),
]
AlarmArgument = Annotated[
    str, typer.Argument(metavar="ALARM", help="Such as asset_unavailable:battery.", show_default=False)
]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does it.  [default: the login name]", show_default=False)
]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why nobody needs to see it.")]


@alarms.command("list")
def list_(
    site: SiteArgument,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as one JSON object.")] = False,
) -> None:
    """List every alarm that is not normal, the most urgent first, with what it means and what to do."""
    from parkgrid.alarm_list import print_alarms, print_json

    loaded, clock = site_and_clock(site, announcement)
    found, saved_at = _alarms_of(state_folder(state, loaded), loaded)
    show = print_json if as_json else print_alarms
    show(loaded, found, saved_at, clock.now())


@alarms.command("ack")
def ack(
    site: SiteArgument,
    alarm: AlarmsArgument = None,
    by: ByOption = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """Say that you have seen alarms."""
    _ask("acknowledge", site, alarm or [], by, state, announcement)


@alarms.command("reset")
def reset(
    site: SiteArgument,
    alarm: AlarmsArgument = None,
    by: ByOption = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """End alarms that are latched, once their cause has gone and been looked at."""
    _ask("reset", site, alarm or [], by, state, announcement)


@alarms.command("shelve")
def shelve(
    site: SiteArgument,
    alarm: AlarmArgument,
    reason: ReasonOption,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="How long, such as 90s, 30m or 2h; a day at most.")
    ],
    by: ByOption = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """Put an alarm aside for a time, whether it stands or not."""
    lasts = duration(for_, "a shelf", LONGEST)
    _ask("shelve", site, [alarm], by, state, announcement, reason=words("--reason", reason), lasts=lasts)


@alarms.command("out-of-service")
def out_of_service(
    site: SiteArgument,
    alarm: AlarmArgument,
    reason: ReasonOption,
    by: ByOption = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """Put an alarm aside until it is put back."""
    _ask("out_of_service", site, [alarm], by, state, announcement, reason=words("--reason", reason))


@alarms.command("put-back")
def put_back(
    site: SiteArgument,
    alarm: AlarmArgument,
    by: ByOption = None,
    state: StateOption = None,
    announcement: AnnouncementOption = None,
) -> None:
    """Show an alarm again that was shelved or out of service."""
    _ask("put_back", site, [alarm], by, state, announcement)


def _ask(
    do: Literal["acknowledge", "reset", "shelve", "out_of_service", "put_back"],
    site: str,
    named: list[str],
    by: str | None,
    state: Path | None,
    announcement: Path | None,
    *,
    reason: str = "",
    lasts: timedelta | None = None,
) -> None:
    """Leave a request for the controller, which answers in its next cycle."""
    from controller.alarming.requests import AlarmRequest, RequestFolder

    loaded, clock = site_and_clock(site, announcement)
    keys = tuple(_key(name, loaded) for name in named)
    who = words("--by", login_name("--by") if by is None else by)
    now = clock.now()
    until = None if lasts is None else now + lasts
    folder = known_folder(state, loaded)
    what = ", ".join(named) or "all that are shown"
    action = f"alarms: {do.replace('_', ' ')} {what}"
    put_down(folder, loaded, now, who=who, what=action, why=reason)
    RequestFolder(folder).put(AlarmRequest(do=do, alarms=keys, by=who, reason=reason, at=now, until=until))
    when = "" if until is None else f" until {local(until, loaded)}"
    typer.echo(f"{do.replace('_', ' ')} {what}{when}, by {who}: the controller does it in its next cycle")


def _key(name: str, site: Site) -> tuple[str, str]:
    """Kind and place of an alarm as a person names it. Raises Refused."""
    from config.loader import nearest
    from controller.alarming.kinds import KINDS

    kind, _, asset = name.partition(":")
    if kind not in KINDS:
        raise Refused(f"there is no alarm {kind!r}; {nearest(kind, KINDS)}")
    places = {*site.assets, *site.connections}
    if asset and asset not in places:
        raise Refused(f"there is no asset and no connection {asset!r}; {nearest(asset, places)}")
    return kind, asset


def _alarms_of(folder: Path, site: Site) -> tuple[list[Alarm], str]:
    """The alarms as the controller saved them last, and when that was. Raises Failed."""
    from pydantic import ValidationError

    from controller.memory import saved_alarms
    from controller.state import SavedState

    path = folder / "state.json"
    try:
        saved = SavedState.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Failed(f"no controller has run with the state folder {folder} yet; --state names another") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise Failed(f"{path} cannot be read; the controller moves it aside when it starts") from error
    return saved_alarms(saved), local(saved.saved_at, site)
