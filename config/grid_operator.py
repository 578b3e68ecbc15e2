"""What the grid operator orders from afar."""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, PositiveFloat

from config.asset import AssetBase
from config.base import Share

CONTACTS = {
    "feed_in_contact_0": 0.0,
    "feed_in_contact_30": 0.3,
    "feed_in_contact_60": 0.6,
    "feed_in_contact_100": 1.0,
}
"""The share of the installed power that each contact of a ripple-control receiver stands for."""
VALUES = ("feed_in_limit_share", "feed_in_limit_kw", "import_limit_kw")


class OperatorLimit(AssetBase):
    """A receiver of the grid operator's orders: contacts, or values. An order that cannot be read is in force."""

    kind: Literal["operator_limit"]
    control: Literal["local"] = "local"
    """Nothing is written to it, and nothing is planned for it."""
    installed_kw: PositiveFloat
    """What 100 % of the feed-in are."""
    least_feed_in_share: Share = 0.0
    """What may be fed in any case, and all that may be while orders cannot be read."""
    least_import_kw: NonNegativeFloat = 0.0
    """What may be taken in any case, and all that may be while orders cannot be read."""
