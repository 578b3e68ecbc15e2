"""Electric loads that can wait or be left out, and the transformer before all of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.asset import AssetBase, Demand
from config.base import Efficiency, Identifier

HourOfDay = Annotated[float, Field(ge=0, le=24)]
"""Local time."""


class EvChargers(AssetBase):
    """A group of charging points."""

    kind: Literal["ev_chargers"]
    stations: Annotated[int, Field(ge=1, le=500)]
    station_kw: PositiveFloat
    """Highest power of one charging point."""
    limit_kw: PositiveFloat
    """What the group may draw together; below the sum of all points, they share it."""
    efficiency: Efficiency
    """Into the vehicles' batteries."""


class ShiftableJob(AssetBase):
    """A batch that runs once a day from its start to its end, such as a kiln or a wash."""

    kind: Literal["shiftable_job"]
    power_kw: PositiveFloat
    duration_min: PositiveFloat
    earliest_h: HourOfDay
    """Where nobody says otherwise, it starts here."""
    latest_end_h: HourOfDay
    interruptible: bool = False
    """Whether it may stand still in between."""

    @model_validator(mode="after")
    def _fits(self) -> ShiftableJob:
        if self.earliest_h + self.duration_min / 60 > self.latest_end_h:
            raise ValueError("the job does not fit between earliest_h and latest_end_h")
        return self


class SheddableLoad(Demand):
    """An electric load that may be switched off for a while."""

    kind: Literal["sheddable_load"]
    shed_order: Annotated[int, Field(ge=1, le=99)]
    """The lowest is switched off first when an island is short of power."""
    lost_load_cny_per_kwh: PositiveFloat | None = None
    """What a kWh that it does not get costs; without it, it is only shed before the import limit would be broken."""


class Transformer(AssetBase):
    """Between the connection point and the park; its losses are what its meters show."""

    kind: Literal["transformer"]
    rated_kva: PositiveFloat
    no_load_kw: NonNegativeFloat
    load_kw: NonNegativeFloat
    """Losses at the rated current, without those at no load."""
    connection: Identifier | None = None
    """The grid connection that it stands behind; the only one where nothing is said."""
