"""What heat and steam that cross the park's fence cost, emit and count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from config.heat_network import NetworkConnection
from dispatch.daily_price import mean_price
from dispatch.plan import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TradedHeat:
    """By interval, each of shape (steps,)."""

    cost: FloatArray
    """Of what is bought, less what is earned with what is sold."""
    co2_kg: FloatArray
    """Of what is bought."""
    kgce: FloatArray
    """Standard coal of what is bought, less that of what is sold."""

    def __add__(self, other: TradedHeat) -> TradedHeat:
        return TradedHeat(cost=self.cost + other.cost, co2_kg=self.co2_kg + other.co2_kg, kgce=self.kgce + other.kgce)


def no_heat(steps: int) -> TradedHeat:
    """Of a park without any such connection."""
    return TradedHeat(cost=np.zeros(steps), co2_kg=np.zeros(steps), kgce=np.zeros(steps))


def traded(
    spec: NetworkConnection,
    zone: ZoneInfo,
    start: datetime,
    step_h: FloatArray,
    bought_kwh: FloatArray,
    sold_kwh: FloatArray,
) -> TradedHeat:
    """What one connection bought and sold in intervals of `step_h` hours from an aware `start` on."""
    price = mean_price(spec.import_price_per_kwh, zone, start, step_h)
    revenue = mean_price(spec.export_price_per_kwh, zone, start, step_h)
    return TradedHeat(
        cost=price * bought_kwh - revenue * sold_kwh,
        co2_kg=spec.co2_kg_per_kwh * bought_kwh,
        kgce=spec.kgce_per_kwh * (bought_kwh - sold_kwh),
    )


def traded_in(
    networks: Mapping[str, NetworkConnection],
    zone: ZoneInfo,
    start: datetime,
    hours: float,
    bought_kwh: Mapping[str, float],
    sold_kwh: Mapping[str, float],
) -> TradedHeat:
    """What all connections of a park bought and sold in one interval."""
    total, step_h = no_heat(1), np.array([hours])
    for name, spec in networks.items():
        bought, sold = np.array([bought_kwh.get(name, 0.0)]), np.array([sold_kwh.get(name, 0.0)])
        total = total + traded(spec, zone, start, step_h, bought, sold)
    return total
