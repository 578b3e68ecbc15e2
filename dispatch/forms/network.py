"""A connection to a network outside of the park that sells and takes back: district heat, steam."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from config.heat_network import NetworkConnection
from dispatch.daily_price import mean_price
from dispatch.findings import between
from dispatch.forms.form import Form
from dispatch.plan import AssetPlan, FloatArray, Situation
from dispatch.traded_heat import TradedHeat, no_heat, traded

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid
    from dispatch.tariff import Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(Form):
    """power = bought - sold,   -export limit <= power <= import limit."""

    spec: NetworkConnection
    zone: ZoneInfo
    """By whose clocks its prices change."""

    def limits_kw(self, name: str, situation: Situation) -> tuple[float, float]:
        """What it may buy and sell at most; nothing while it is unavailable."""
        on = situation.on(name)
        return on * self.spec.import_limit_kw, on * self.spec.export_limit_kw

    def prices_per_kwh(self, situation: Situation) -> tuple[FloatArray, FloatArray]:
        """What a kWh costs and brings in each interval, each of shape (steps,)."""
        start, step_h = situation.start, situation.step_h
        return (
            mean_price(self.spec.import_price_per_kwh, self.zone, start, step_h),
            mean_price(self.spec.export_price_per_kwh, self.zone, start, step_h),
        )

    def import_cost_per_kwh(self, situation: Situation, prices: Prices) -> FloatArray:
        """What one more kWh bought costs, carbon included, shape (steps,)."""
        return self.prices_per_kwh(situation)[0] + prices.carbon_per_kg * self.spec.co2_kg_per_kwh

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.network import network_block

        return network_block(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        most_in_kw, most_out_kw = self.limits_kw(name, situation)
        yield from between(name, asset.power_kw, -most_out_kw, most_in_kw)

    def heat(self, situation: Situation, asset: AssetPlan) -> TradedHeat:
        """What its plan costs, emits and counts."""
        bought_kwh = np.maximum(asset.power_kw, 0.0) * situation.step_h
        sold_kwh = np.maximum(-asset.power_kw, 0.0) * situation.step_h
        return traded(self.spec, self.zone, situation.start, situation.step_h, bought_kwh, sold_kwh)


def heat_of(forms: Mapping[str, Form], situation: Situation, assets: Mapping[str, AssetPlan]) -> TradedHeat:
    """What all connections of a park trade in a plan."""
    found = (form.heat(situation, assets[name]) for name, form in forms.items() if isinstance(form, Network))
    return sum(found, start=no_heat(situation.steps))
