"""What all commands of operators have in common: who, why, for how long, and where the controller looks."""

from __future__ import annotations

import getpass
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from parkgrid.refusal import Refused
from parkgrid.site_argument import announcement_from, clock_from, site_from
from parkgrid.state_argument import state_folder

if TYPE_CHECKING:
    from config.clock import Clock
    from config.site import Site
    from drivers.driver import WriteResult

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str, what: str, longest: timedelta) -> timedelta:
    """The time of a text such as ``30m``, for `what` may last so. Raises Refused."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text, re.ASCII)
    if found is None:
        raise Refused(f"--for {text!r} should look like 90s, 30m, 2h or 1d")
    lasts = timedelta(seconds=int(found[1]) * UNITS_S[found[2]])
    if not timedelta(0) < lasts <= longest:
        raise Refused(f"--for {text}: {what} lasts from 1 s to {longest.days} days")
    return lasts


def site_and_clock(site: str, announcement: Path | None) -> tuple[Site, Clock]:
    """The site and its time. Raises Refused."""
    announced = announcement_from(announcement)
    return site_from(site, announced), clock_from(announced)


def known_folder(state: Path | None, site: Site) -> Path:
    """The state folder; a word of warning where no controller would look."""
    folder = state_folder(state, site)
    if not folder.is_dir():
        typer.echo(f"no controller has run with the state folder {folder} yet; --state names another", err=True)
    return folder


def put_down(
    folder: Path,
    site: Site,
    now: datetime,
    *,
    who: str,
    what: str,
    asset: str = "",
    value: float | None = None,
    why: str,
    written: WriteResult | None = None,
) -> None:
    """Add an action to the audit, before it is done, or with what became of it a write to the point `what`.

    One that cannot be added is done all the same.
    """
    from controller.auditing.chain import AuditChain, AuditError
    from controller.auditing.entry import Entry, outcome_said

    entry = Entry(
        at=now,
        kind="operator" if written is None else "write",
        who=who,
        what=what,
        asset=asset,
        value=value,
        outcome="" if written is None else outcome_said(written),
        why=why,
    )
    try:
        AuditChain(folder, site.name).append([entry])
    except AuditError as error:
        typer.echo(f"this is not in the audit: {error}", err=True)


def words(option: str, text: str) -> str:
    """The text on one line. Raises Refused when there is none."""
    words = " ".join(text.split())
    if not words:
        raise Refused(f"{option} is empty")
    return words


def login_name(option: str) -> str:
    """Who is logged in. Raises Refused, which names the option that says it instead."""
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise Refused(f"this process has no login name; say with {option} who wants it") from error


def local(when: datetime, site: Site) -> str:
    """A time as the site's clocks show it."""
    zone = ZoneInfo(site.location.time_zone)
    return f"{when.astimezone(zone):%a %Y-%m-%d %H:%M:%S} ({zone.key})"
