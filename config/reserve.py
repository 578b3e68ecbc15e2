"""What batteries keep back: for an outage of the grid, and for calls of demand response."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Frozen, Identifier, Share
from config.tariff import Hours


class OutageReserve(Frozen):
    """Energy for the loads that must not stop while the grid is away."""

    hours: Annotated[float, Field(gt=0, le=24)]
    critical: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    """Electric loads."""
    sure: dict[Identifier, Share] = Field(default_factory=dict)
    """By generator: the share of what is forecast of it that may be relied on."""


class DemandResponse(Frozen):
    """Power by which the park's import can be changed at any time within the windows, and held for a while."""

    up_kw: NonNegativeFloat = 0.0
    """Less import, or more export."""
    down_kw: NonNegativeFloat = 0.0
    """More import, or less export."""
    duration_h: PositiveFloat
    windows: Annotated[tuple[Hours, ...], Field(min_length=1)]
    """Hours of every local day."""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.up_kw + self.down_kw <= 0.0:
            raise ValueError("up_kw and down_kw are both 0: nothing would be kept")
        return self


class Reserve(Frozen):
    outage: OutageReserve | None = None
    demand_response: DemandResponse | None = None
