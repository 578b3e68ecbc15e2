"""A price by the hours of the local day."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, NonNegativeFloat

from config.tariff import MINUTES_PER_DAY, Hours, clock, minutes_of, owners

WHOLE_DAY = "00:00-24:00"


def _by_hours(price: object) -> object:
    """A number holds all day; true and false have become texts before, which are no numbers."""
    return {WHOLE_DAY: price} if isinstance(price, int | float | str) else price


def _every_minute_once(price: dict[str, float]) -> dict[str, float]:
    owner = owners({hours: (hours,) for hours in price})
    if None in owner:
        raise ValueError(f"{clock(owner.index(None))} has no price; the hours must cover the whole day")
    return price


DailyPrice = Annotated[dict[Hours, NonNegativeFloat], BeforeValidator(_by_hours), AfterValidator(_every_minute_once)]
"""A price per kWh by hours such as ``"08:00-22:00"``, every minute of the day once; in a site file also one number."""


def by_minute(price: dict[str, float]) -> NDArray[np.float64]:
    """The price in each minute of the local day, shape (1440,)."""
    return _by_minute(tuple(price.items()))


@cache
def _by_minute(price: tuple[tuple[str, float], ...]) -> NDArray[np.float64]:
    minutes = np.empty(MINUTES_PER_DAY)
    for hours, per_kwh in price:
        start, end = minutes_of(hours)
        minutes[start:end] = per_kwh
    minutes.flags.writeable = False
    return minutes
