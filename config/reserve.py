"""What batteries keep back: for an outage of the grid, and for calls of demand response."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Frozen, Identifier, Share
from config.document import Location, shown
from config.faults import nearest
from config.tariff import Hours

CRITICAL_KINDS = ("electric_load", "sheddable_load")
"""What an outage must not stop; others have no forecast of their own, or can wait."""
SURE_KINDS = ("pv_plant", "wind_turbine")


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


def misnamed(reserve: Mapping[str, Any], assets: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[Location, str]]:
    """What is wrong with the names in a reserve, given the raw data: where, and in words.

    Critical loads and generators must be planned ones, and a battery must be there to keep the reserve.
    """
    planned = {name: asset for name, asset in assets.items() if asset.get("control", "dispatch") == "dispatch"}

    def of_kinds(*kinds: str) -> set[str]:
        return {name for name, asset in planned.items() if asset.get("kind") in kinds}

    if not of_kinds("battery"):
        yield ("reserve",), "needs a battery that the controller plans: nothing else keeps a reserve"
    outage = reserve.get("outage")
    if not isinstance(outage, dict):
        return
    critical, sure = outage.get("critical"), outage.get("sure")
    loads, generators = of_kinds(*CRITICAL_KINDS), of_kinds(*SURE_KINDS)
    for index, name in enumerate(critical if isinstance(critical, list) else ()):
        if name not in loads:
            what = f"{shown(name)} is no electric load that the controller plans; {nearest(str(name), loads)}"
            yield ("reserve", "outage", "critical", index), what
    for name in sure if isinstance(sure, dict) else ():
        if name not in generators:
            what = f"is no generator that the controller plans; {nearest(str(name), generators)}"
            yield ("reserve", "outage", "sure", name), what
