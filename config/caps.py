"""Caps on what a park emits, uses and exports, each at a price or hard."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from config.base import Frozen

KGCE_PER_KWH = 0.1229
"""Standard coal per kWh of electricity at its equivalent value, and of gas at its lower heating value
(3.6 MJ / 29.3076 MJ): GB/T 2589-2020."""


class _Cap(Frozen):
    over: Literal["horizon", "month"]
    """What is added up: the planned horizon, or the local month with what it has used already."""


class CarbonCap(_Cap):
    """On CO2 of imported power and of gas, by the factors of the tariff."""

    most_kg: NonNegativeFloat
    price_per_kg: PositiveFloat | None = None
    """Of each kg above the cap; without it the cap is hard."""


class EnergyBudget(_Cap):
    """On energy bought, less energy exported, in standard coal at the equivalent value of electricity."""

    most_tce: NonNegativeFloat
    price_per_tce: PositiveFloat | None = None
    """Of each tonne above the budget; without it the budget is hard."""


class ExportShare(_Cap):
    """On export, as a share of what PV and wind feed or could have fed."""

    most: Annotated[float, Field(ge=0, le=1)]
    price_per_kwh: PositiveFloat | None = None
    """Of each kWh exported above the share; without it the cap is hard."""


class Caps(Frozen):
    """A plan keeps a hard cap before anything else: it cuts off loads sooner than it exceeds one."""

    carbon: CarbonCap | None = None
    energy_budget: EnergyBudget | None = None
    export_share: ExportShare | None = None
