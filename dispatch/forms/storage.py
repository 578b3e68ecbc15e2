"""A store of any carrier: between two levels, with losses on the way in, on the way out and while it waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dispatch.battery_curves import DepthWear, PowerCurve, Taper
from dispatch.findings import ENERGY_KWH, between, same
from dispatch.forms.form import Form, Need
from dispatch.plan import AssetPlan, FloatArray, Situation
from dispatch.store import kept

if TYPE_CHECKING:
    from dispatch.block import Block, TimeGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLimit:
    """How much may be discharged in each local day."""

    most_kwh: float
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage(Form):
    """E[t+1] = keep[t] * E[t] + (eta_c * charge[t] - discharge[t] / eta_d) * dt[t],   keep[t] = (1 - loss) ** dt[t]

    power = discharge - charge; E within the SOC window, or on the way back into it. A battery may have curves in the
    place of its efficiencies, a taper of its power towards full and empty, wear by the depth of its cycles and a limit
    of what it discharges in a day.
    """

    capacity_kwh: float
    soc_min: float
    soc_max: float
    max_charge_kw: float
    max_discharge_kw: float
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    charge_curve: PowerCurve | None = None
    discharge_curve: PowerCurve | None = None
    charge_taper: Taper | None = None
    discharge_taper: Taper | None = None
    loss_per_h: float = 0.0
    """Share of what is stored that is lost each hour."""
    wear_per_kwh: float = 0.0
    """Money per kWh discharged."""
    depth_wear: DepthWear | None = None
    daily: DailyLimit | None = None
    comfort_kwh: float = 0.0
    """Below this people notice it."""
    comfort_per_kwh_h: float = 0.0
    """What a kWh less than that costs for an hour; on no bill."""
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

    @property
    def curved(self) -> bool:
        """Whether its losses are a curve, which a plan may exceed up to those at full power."""
        return self.charge_curve is not None or self.discharge_curve is not None

    def start_kwh(self, name: str, situation: Situation) -> float:
        """What it holds at first; an unavailable store whose energy is unknown stands in mid-window."""
        return situation.stored_kwh.get(name, (self.soc_min + self.soc_max) / 2.0 * self.capacity_kwh)

    def too_full(self, name: str, situation: Situation) -> bool:
        """Whether it starts above its window."""
        return self.start_kwh(name, situation) > self.soc_max * self.capacity_kwh + ENERGY_KWH

    def kept(self, step_h: FloatArray) -> FloatArray:
        """Share of the stored energy that is still there after each interval, shape (steps,)."""
        return kept(self.loss_per_h, step_h)

    def change_kwh(self, power_kw: FloatArray, step_h: FloatArray) -> FloatArray:
        """What a power in one direction at a time adds to the stored energy, shape (steps,)."""
        charged_kw, drained_kw = np.maximum(-power_kw, 0.0), np.maximum(power_kw, 0.0)
        into_kw = charged_kw * self.charge_efficiency if self.charge_curve is None else self.charge_curve.at(charged_kw)
        out_of_kw = (
            drained_kw / self.discharge_efficiency
            if self.discharge_curve is None
            else self.discharge_curve.at(drained_kw)
        )
        change: FloatArray = (into_kw - out_of_kw) * step_h
        return change

    def most_discharge_kw(self, give_kwh: float, stored_kwh: float, hours: float) -> float:
        """The most that it can hold through an interval, when it may give so much of what is stored."""
        cells_kw = give_kwh / hours
        curve, most_kw = self.discharge_curve, self.max_discharge_kw
        most_kw = min(most_kw, cells_kw * self.discharge_efficiency if curve is None else curve.reverse(cells_kw))
        if self.discharge_taper is not None:
            soc_per_kw = -hours / (self.discharge_efficiency * self.capacity_kwh)
            soc = stored_kwh / self.capacity_kwh
            most_kw = min(most_kw, self.discharge_taper.most_kw(self.max_discharge_kw, soc, soc_per_kw))
        return most_kw

    def most_charge_kw(self, take_kwh: float, stored_kwh: float, hours: float) -> float:
        """The most that it can hold through an interval, when it has so much room."""
        cells_kw = take_kwh / hours
        curve, most_kw = self.charge_curve, self.max_charge_kw
        most_kw = min(most_kw, cells_kw / self.charge_efficiency if curve is None else curve.reverse(cells_kw))
        if self.charge_taper is not None:
            best = self.charge_efficiency if curve is None else curve.lines[0].slope
            soc = stored_kwh / self.capacity_kwh
            most_kw = min(most_kw, self.charge_taper.most_kw(self.max_charge_kw, soc, best * hours / self.capacity_kwh))
        return most_kw

    def day_of_step(self, situation: Situation) -> NDArray[np.int64]:
        """The local day that each interval begins in, 0 for the first's, shape (steps,)."""
        assert self.daily is not None
        begins_h = np.concatenate(([0.0], np.cumsum(situation.step_h)[:-1]))
        dates = [(situation.start + timedelta(hours=h)).astimezone(self.daily.zone).date() for h in begins_h.tolist()]
        return np.array([(date - dates[0]).days for date in dates])

    def left_of_days_kwh(self, name: str, situation: Situation, days: int) -> FloatArray:
        """What each local day still allows to be discharged, never negative."""
        assert self.daily is not None
        left_kwh = np.full(days, self.daily.most_kwh)
        left_kwh[0] = max(0.0, left_kwh[0] - situation.used.day_discharged_kwh.get(name, 0.0))
        return left_kwh

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
        if self.curved:
            worst = replace(self, charge_curve=None, discharge_curve=None).change_kwh(power_kw, situation.step_h)
            least = keep * stored[:-1] + worst
            yield from between(name, stored[1:], least, after, "stored_kwh after it", ENERGY_KWH)
        else:
            yield from same(name, "stored_kwh after it", stored[1:], after, ENERGY_KWH)
        alone = start * np.cumprod(keep)
        low = np.minimum(self.soc_min * self.capacity_kwh, alone)
        high = np.maximum(self.soc_max * self.capacity_kwh, alone)
        yield from between(name, stored[1:], low, high, "stored_kwh after it", ENERGY_KWH)
        yield from self._tapered(name, power_kw, stored[1:] / self.capacity_kwh)

    def _tapered(self, name: str, power_kw: FloatArray, soc: FloatArray) -> Iterator[str]:
        low = np.full_like(power_kw, -self.max_charge_kw)
        high = np.full_like(power_kw, self.max_discharge_kw)
        if self.charge_taper is not None:
            low = low * self.charge_taper.share(soc)
        if self.discharge_taper is not None:
            high = high * self.discharge_taper.share(soc)
        if self.charge_taper is not None or self.discharge_taper is not None:
            yield from between(name, power_kw, low, high, "power_kw near full or empty")

    def unmet(self, name: str, situation: Situation, asset: AssetPlan) -> Iterator[str]:
        if self.daily is None:
            return
        day = self.day_of_step(situation)
        discharged_kwh = np.maximum(asset.power_kw, 0.0) * situation.step_h
        days = int(day[-1]) + 1
        over_kwh = np.bincount(day, weights=discharged_kwh) - self.left_of_days_kwh(name, situation, days)
        for each in np.flatnonzero(over_kwh > ENERGY_KWH):
            yield f"{name}, day {each}: {over_kwh[each]:.2f} kWh are discharged beyond its cycles of a day"

    def wear(self, asset: AssetPlan, step_h: FloatArray) -> float:
        by_depth = 0.0
        if self.depth_wear is not None and asset.stored_kwh is not None:
            by_depth = self.depth_wear.cost(asset.stored_kwh)
        return self.wear_per_kwh * float(np.maximum(asset.power_kw, 0.0) @ step_h) + by_depth


def cycles_counted_late(forms: Mapping[str, Form], situation: Situation) -> list[str]:
    """What must be known of a plan whose cycles of a day rest on an incomplete count, in words."""
    limited = [name for name, form in forms.items() if isinstance(form, Storage) and form.daily is not None]
    used = situation.used
    unknown = [name for name in limited if name not in used.day_discharged_kwh]
    words = [f"{name}: what it has discharged today is not known and was taken for nothing" for name in unknown]
    if used.day_since is not None and len(unknown) < len(limited):
        words.append(f"what the day has used is counted only from {used.day_since.isoformat()} on")
    return words
