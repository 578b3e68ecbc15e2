"""How commands are told a time."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from parkgrid.refusal import Refused

if TYPE_CHECKING:
    from config.site import Site


def time_of(option: str, text: str, now: datetime, site: Site) -> datetime:
    """An aware time; one without a zone is the site's, one without a date today's. Raises Refused."""
    zone = ZoneInfo(site.location.time_zone)
    try:
        if len(text) <= len("HH:MM:SS") and ":" in text:
            return datetime.combine(now.astimezone(zone).date(), time.fromisoformat(text), zone)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(f"{option} {text!r} should look like 2026-10-14T15:04, or like 15:04 for today") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
