"""A store of any carrier: between two levels, with losses on the way in, on the way out and while it waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dispatch.findings import ENERGY_KWH, between, same
from dispatch.forms.form import Form, Need
from dispatch.plan import AssetPlan, FloatArray, Situation
from dispatch.store import kept

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Form):
    """E[t+1] = keep[t] * E[t] + (eta_c * charge[t] - discharge[t] / eta_d) * dt[t],   keep[t] = (1 - loss) ** dt[t]

    power = discharge - charge; E within the SOC window, or on the way back into it.
    """

    capacity_kwh: float
    soc_min: float
    soc_max: float
    max_charge_kw: float
    max_discharge_kw: float
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    loss_per_h: float = 0.0
    """Share of what is stored that is lost each hour."""
    wear_per_kwh: float = 0.0
    """Money per kWh discharged."""
    signed: bool = False
    """Energy goes in and out as it is and wears nothing, so that one signed power says it all."""

    @property
    def need(self) -> Need | None:
        return "stored_kwh"

    @property
    def decided(self) -> bool:
        return not self.signed

    @property
    def follows(self) -> bool:
        return self.signed

    def kept(self, step_h: FloatArray) -> FloatArray:
        """Share of the stored energy that is still there after each interval, shape (steps,)."""
        return kept(self.loss_per_h, step_h)

    def change_kwh(self, power_kw: FloatArray, step_h: FloatArray) -> FloatArray:
        """What a power in one direction at a time adds to the stored energy, shape (steps,)."""
        charged_kw = np.maximum(-power_kw, 0.0) * self.charge_efficiency
        return (charged_kw - np.maximum(power_kw, 0.0) / self.discharge_efficiency) * step_h

    def block(self, name: str, grid: TimeGrid) -> Block:
        from dispatch.blocks.battery import battery_block
        from dispatch.blocks.lossless_store import lossless_store_block

        return (lossless_store_block if self.signed else battery_block)(name, self, grid)

    def check(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        on, power_kw, stored = situation.on(name), asset.power_kw, asset.stored_kwh
        yield from between(name, power_kw, -self.max_charge_kw * on, self.max_discharge_kw * on)
        if name not in situation.stored_kwh or stored is None:
            return
        start, keep = situation.stored_kwh[name], self.kept(situation.step_h)
        if abs(stored[0] - start) > ENERGY_KWH:
            by = abs(stored[0] - start)
            yield f"{name}, step 0: starts with {stored[0]:.2f} kWh, {by:.2f} off the measured {start:.2f}"
        after = keep * stored[:-1] + self.change_kwh(power_kw, situation.step_h)
        yield from same(name, "stored_kwh after it", stored[1:], after, ENERGY_KWH)
        alone = start * np.cumprod(keep)
        low = np.minimum(self.soc_min * self.capacity_kwh, alone)
        high = np.maximum(self.soc_max * self.capacity_kwh, alone)
        yield from between(name, stored[1:], low, high, "stored_kwh after it", ENERGY_KWH)

    def wear(self, asset: AssetPlan, step_h: FloatArray) -> float:
        return self.wear_per_kwh * float(np.maximum(asset.power_kw, 0.0) @ step_h)
