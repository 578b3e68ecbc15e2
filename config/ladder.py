"""Ladder tariffs: a surcharge on import that grows with what the month or the year has imported already."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Frozen


class LadderStep(Frozen):
    """One step, up to the next."""

    above_kwh: NonNegativeFloat
    """Import of the period from which the step counts."""
    surcharge_per_kwh: PositiveFloat
    """On top of the price, for each kWh above it; the whole surcharge, not what it is more than the step before."""


class Ladder(Frozen):
    """Surcharges by cumulative import."""

    over: Literal["month", "year"]
    """The local calendar period after which the count starts again."""
    steps: Annotated[tuple[LadderStep, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rises(self) -> Ladder:
        for lower, upper in pairwise(self.steps):
            if upper.above_kwh <= lower.above_kwh:
                raise ValueError(
                    f"above_kwh must rise from step to step, and {upper.above_kwh:g} follows {lower.above_kwh:g}"
                )
            if upper.surcharge_per_kwh <= lower.surcharge_per_kwh:
                raise ValueError(
                    f"surcharge_per_kwh must rise from step to step, and above {upper.above_kwh:g} kWh it falls from "
                    f"{lower.surcharge_per_kwh:g} to {upper.surcharge_per_kwh:g}: a ladder that gets cheaper for "
                    "whoever uses more cannot be planned"
                )
        return self

    def surcharge_of(self, more_kwh: float, before_kwh: float) -> float:
        """What more import costs on top in a period that has imported `before_kwh` already."""
        return self.surcharge(before_kwh + more_kwh) - self.surcharge(before_kwh)

    def surcharge(self, imported_kwh: float) -> float:
        """What a period costs on top that has imported so much."""
        cost, before = 0.0, 0.0
        for step in self.steps:
            cost += (step.surcharge_per_kwh - before) * max(0.0, imported_kwh - step.above_kwh)
            before = step.surcharge_per_kwh
        return cost
