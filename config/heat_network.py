"""Heat and steam that are bought from a network outside of the park, and sold to it."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import NonNegativeFloat, model_validator

from config.asset import HEAT_BUS, AssetBase, HeatBus
from config.caps import KGCE_PER_KWH
from config.daily_price import DailyPrice, by_minute
from config.tariff import clock


class NetworkConnection(AssetBase):
    """Where heat comes in and goes out, through one meter; + is towards the park."""

    import_limit_kw: NonNegativeFloat
    export_limit_kw: NonNegativeFloat
    import_price_per_kwh: DailyPrice
    export_price_per_kwh: DailyPrice
    """What a kWh given to the network brings."""
    supply_degc: float
    """Temperature of what comes in."""
    co2_kg_per_kwh: NonNegativeFloat
    """Of a kWh bought; what is sold does not lower the park's own."""
    kgce_per_kwh: NonNegativeFloat = KGCE_PER_KWH
    """Standard coal of a kWh bought, or sold."""

    @model_validator(mode="after")
    def _is_of_use(self) -> Self:
        if self.import_limit_kw + self.export_limit_kw <= 0.0:
            raise ValueError("import_limit_kw and export_limit_kw are both 0: nothing could flow")
        return self

    @model_validator(mode="after")
    def _no_gain_in_a_circle(self) -> Self:
        """Otherwise the cheapest plan would buy and sell the same heat at once."""
        gap = by_minute(self.export_price_per_kwh) - by_minute(self.import_price_per_kwh)
        if np.any(gap > 0.0):
            minute = int(np.argmax(gap > 0.0))
            raise ValueError(
                f"export_price_per_kwh is above import_price_per_kwh at {clock(minute)}: "
                "the same heat would be bought and sold"
            )
        return self


class HeatConnection(NetworkConnection):
    """District heat."""

    kind: Literal["heat_connection"]
    heat_bus: HeatBus = HEAT_BUS


class SteamConnection(NetworkConnection):
    """Steam of a neighbour or of a power station."""

    kind: Literal["steam_connection"]
