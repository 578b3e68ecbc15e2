"""How far the spot prices of a situation reach."""

from __future__ import annotations

from datetime import UTC, datetime

from config.site import Site
from dispatch.plan import Situation


def spot_tail(site: Site, situation: Situation) -> list[str]:
    """The part of the horizon for which a site that has spot prices has none, in words; empty when there is none."""
    if site.file.spot_prices is None:
        return []
    start_s = situation.start.timestamp()
    end_s = start_s + 3600.0 * float(situation.step_h.sum())
    known_s = start_s if situation.spot is None else situation.spot.known_until(start_s, end_s)
    if known_s >= end_s:
        return []
    return [
        f"without spot prices from {datetime.fromtimestamp(known_s, UTC).isoformat()} on: the tariff's table counts"
    ]
