"""How far the spot prices of a situation reach."""

from __future__ import annotations

from datetime import UTC, datetime

from config.site import Site
from dispatch.plan import Situation


def spot_tail(site: Site, situation: Situation) -> list[str]:
    """The part of the horizon for which the market has not said a price yet, in words; empty when there is none."""
    if site.file.spot_prices is None:
        return []
    start_s = situation.start.timestamp()
    end_s = start_s + 3600.0 * float(situation.step_h.sum())
    spot = situation.spot
    known_s = start_s if spot is None else spot.known_until(start_s, end_s)
    words = []
    if spot is not None and spot.expected_from_s is not None and spot.expected_from_s < end_s:
        since_s = max(spot.expected_from_s, start_s)
        words.append(f"spot prices from {_utc(since_s)} on are expected, as on days before")
    if known_s < end_s:
        words.append(f"without spot prices from {_utc(known_s)} on: the tariff's table counts")
    return words


def _utc(posix_s: float) -> str:
    return datetime.fromtimestamp(posix_s, UTC).isoformat()
