"""The power-factor adjustment of a month's bill."""

from __future__ import annotations

from itertools import pairwise
from math import hypot
from typing import Annotated

from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, model_validator

from config.base import Frozen


def _in_hundredths(factor: float) -> float:
    if abs(100.0 * factor - round(100.0 * factor)) > 1e-9:
        raise ValueError(f"{factor:g} should have two decimals: power factors are rounded to them")
    return factor


Factor = Annotated[float, Field(gt=0, le=1), AfterValidator(_in_hundredths)]


class Penalty(Frozen):
    """What power factors below a value cost, up to the next."""

    below: Factor
    per_hundredth: PositiveFloat
    """Share of the bill on top for each hundredth."""


class PowerFactor(Frozen):
    """What is taken off the basic and the energy charge of a month, or put on top, by its power factor."""

    standard: Factor
    """At this power factor nothing is."""
    bonus_per_hundredth: NonNegativeFloat
    """Share of the bill that each hundredth above the standard takes off."""
    most_bonus: NonNegativeFloat
    """Share of the bill that is taken off at most."""
    penalties: Annotated[tuple[Penalty, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _falls_from_the_standard(self) -> PowerFactor:
        if self.penalties[0].below != self.standard:
            raise ValueError(f"the first of the penalties must be below the standard of {self.standard:g}")
        for upper, lower in pairwise(self.penalties):
            if lower.below >= upper.below:
                raise ValueError(f"penalties must fall, and {lower.below:g} follows {upper.below:g}")
        return self

    def adjustment(self, import_kwh: float, reactive_kvarh: float) -> float | None:
        """The share of basic and energy charge on top, negative for a bonus; None without any import.

        The power factor is that of the energies, rounded to hundredths. Reactive energy counts whichever way it flows.
        """
        if import_kwh <= 0.0:
            return None
        hundredths, standard = round(100.0 * import_kwh / hypot(import_kwh, reactive_kvarh)), round(100 * self.standard)
        if hundredths >= standard:
            return -min((hundredths - standard) * self.bonus_per_hundredth, self.most_bonus)
        share = 0.0
        for each, after in zip(self.penalties, (*self.penalties[1:], None), strict=True):
            lowest = 0 if after is None else round(100 * after.below)
            share += each.per_hundredth * max(0, round(100 * each.below) - max(hundredths, lowest))
        return share
