"""Times as fault scripts, scenarios and the command line write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

LONGEST = timedelta(days=3660)
"""Ten years: longer than any park is simulated, and far from the ends of the calendar."""

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBER = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([smhd])", re.ASCII)
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d)", re.ASCII)


def span_of(value: Any) -> timedelta:
    """The time of ``120s``, ``30m``, ``2h``, ``1d`` or ``00:10:00``. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    text = value if isinstance(value, str) else ""
    if (found := _NUMBER.fullmatch(text)) is not None:
        lasts = timedelta(seconds=float(found[1]) * _UNITS_S[found[2]])
    elif (found := _CLOCK.fullmatch(text)) is not None:
        lasts = timedelta(hours=int(found[1]), minutes=int(found[2]), seconds=int(found[3]))
    else:
        raise ValueError(f"is {value!r}, should look like 90s, 30m, 2h, 1d or 00:10:00")
    if lasts > LONGEST:
        raise ValueError(f"is {value!r}, should be at most {LONGEST.days} days")
    return lasts


def lasting(value: Any) -> timedelta:
    """A time that is longer than nothing. Raises ValueError."""
    lasts = span_of(value)
    if not lasts:
        raise ValueError(f"is {value!r}, should be longer than nothing")
    return lasts


def _moment_of(value: Any) -> timedelta | datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and "-" in value:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"is {value!r}, should look like 2026-10-14T16:00:00 or be a time since the start"
            ) from None
    return span_of(value)


def span_text(lasts: timedelta) -> str:
    return f"{lasts.total_seconds():g}s"


Span = Annotated[timedelta, BeforeValidator(lasting), PlainSerializer(span_text)]
"""How long, in the park's time."""

Since = Annotated[timedelta, BeforeValidator(span_of), PlainSerializer(span_text)]
"""Since a start, in the park's time; nothing is allowed."""

Moment = Annotated[timedelta | datetime, BeforeValidator(_moment_of)]
"""Since the park's start, or in the site's calendar: in its time zone where none is named."""
