"""How commands are told which site they work on, and where its devices listen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parkgrid.refusal import Refused

if TYPE_CHECKING:
    from config.announcement import Announcement
    from config.clock import Clock
    from config.site import Site

SiteArgument = Annotated[
    str,
    typer.Argument(metavar="SITE", help="Site file, or the name of an example such as demo_park.", show_default=False),
]
AnnouncementOption = Annotated[
    Path | None,
    typer.Option(
        "--announcement",
        metavar="FILE",
        help="Use the addresses and the clock of a simulated park that wrote this file.",
    ),
]


def site_path(name: str) -> Path:
    """The path of a site file, given as a path or as the name of an example site. Raises Refused."""
    from config.loader import example_site, example_sites, nearest

    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    if name not in example_sites():
        raise Refused(f"there is no file {name}, and no example site of this name; {nearest(name, example_sites())}")
    return example_site(name)


def site_from(name: str, announcement: Announcement | None = None) -> Site:
    """Load a site, with the addresses, prices and limits of a simulated park if there is one.

    Raises Refused with every fault, and for a site with several grid connections, which can only be planned.
    """
    from config.loader import SiteError, load_site
    from config.terms import on_terms

    try:
        site = load_site(site_path(name), announcement.connections if announcement is not None else None)
    except SiteError as error:
        raise Refused(str(error)) from error
    if len(site.grids) > 1:
        raise Refused(
            f"{site.name} has {len(site.grids)} grid connections, {', '.join(site.grids)}: it can be planned "
            "(parkgrid plan), but controller and simulated park follow one"
        )
    return site if announcement is None else on_terms(site, announcement.terms)


def planned_site_from(name: str, *, whole: bool) -> Site:
    """Load a site to plan it, `whole` as if dispatch had all of its assets. Raises Refused with every fault."""
    from config.loader import SiteError, load_site
    from config.whole_site import whole_site

    try:
        site = load_site(site_path(name))
    except SiteError as error:
        raise Refused(str(error)) from error
    return whole_site(site) if whole else site


def announcement_from(path: Path | None) -> Announcement | None:
    """What a simulated park wrote down. Raises Refused when that is not there or not readable."""
    if path is None:
        return None
    from pydantic import ValidationError

    from config.announcement import read_announcement

    try:
        return read_announcement(path)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; is the simulated park running?") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is not the announcement of a simulated park") from error


def clock_from(announcement: Announcement | None) -> Clock:
    """The time of a simulated park, or the machine's. Raises Refused for a park that is stepped."""
    from config.announcement import SteppedTime
    from config.clock import SystemClock

    try:
        return SystemClock() if announcement is None else announcement.clock()
    except SteppedTime as error:
        raise Refused(str(error)) from error
