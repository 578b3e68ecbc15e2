"""Seconds of a site in which anything may be, and what must hold in all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from park_builder import NOON, ParkBuilder

from config.assets import Battery
from config.site import Site
from controller.decide import decide
from controller.deciding.load_range import in_load_range, load_range_kw, ready_kw
from controller.deciding.standing import Inputs
from controller.decision import AssetDecision
from controller.demand_guard import Demand
from controller.guard import AssetGuard, guard
from controller.image import Snapshot
from controller.island import island_of
from controller.modes import Mode
from controller.override import Override
from controller.tariff_now import EnergyPrices
from dispatch.plan import Plan

LOST, STRANGE = 0.02, 0.02
"""Shares of values that cannot be read, and of numbers that no device should show."""


@dataclass
class RandomSeconds:
    """One site, second after second; the guard remembers what went before."""

    park: ParkBuilder
    random: np.random.Generator
    state: dict[str, AssetGuard]
    site_s: float = 0.0
    plan: Plan | None = None

    @classmethod
    def of(cls, site: Site, seed: int) -> RandomSeconds:
        return cls(ParkBuilder(site), np.random.default_rng(seed), {})

    def step(self) -> None:
        """Decide and guard once. Raises AssertionError for whatever must not be."""
        random, site = self.random, self.park.site
        passed_s = float(random.choice([0.2, 1.0, 1.0, 1.0, 5.0, 60.0, 900.0]))
        self.site_s += passed_s
        snapshot = self._snapshot()
        if random.random() < 0.1:
            self.plan = self._plan() if random.random() < 0.8 else None
        mode = self._mode(snapshot)
        inputs = Inputs(
            snapshot=snapshot,
            plan=self.plan,
            mode=mode,
            overrides=self._overrides(),
            not_following=frozenset(name for name in site.assets if random.random() < 0.02),
            prices=self._prices(),
            demand=self._demand(),
            held_back_kw=float(random.choice([0.0, 0.0, 300.0])),
        )
        before = self.state
        decision, self.state = guard(decide(inputs), snapshot, before)
        assert set(decision.assets) == {name for name in site.assets if site.setpoint(name) is not None}
        for name, decided in decision.assets.items():
            assert decided.owner, name
            assert decided.reason or mode in (Mode.SAFE, Mode.STOPPED), name
            if decided.setpoint_kw is not None:
                self._holds(snapshot, mode, name, decided, before.get(name), passed_s)

    # -- what must hold ------------------------------------------------------------------------------

    def _holds(
        self,
        snapshot: Snapshot,
        mode: Mode,
        name: str,
        decided: AssetDecision,
        was: AssetGuard | None,
        passed_s: float,
    ) -> None:
        site, unit, kw = self.park.site, self.park.site.assets[name], decided.setpoint_kw
        point = site.setpoint(name)
        assert kw is not None
        assert point is not None
        assert point.setpoint is not None
        allowed, where = point.setpoint, f"{site.name}.{name}: {decided}"
        assert math.isfinite(kw), where
        assert allowed.low <= kw <= allowed.high, where
        soc = snapshot.value(name, "soc")
        if isinstance(unit, Battery) and soc is not None:
            # at the edge of its window it stops, as fast as its ramp allows
            left_kw = 0.0 if was is None else max(0.0, abs(was.setpoint_kw) - unit.ramp_kw_per_s * passed_s)
            assert soc < unit.soc_max or kw >= -left_kw - allowed.resolution, where
            assert soc > unit.soc_min or kw <= left_kw + allowed.resolution, where
        if mode in (Mode.SAFE, Mode.STOPPED):
            return
        assert snapshot.available(name), where
        least_kw, _ = load_range_kw(unit)
        stands_by = ready_kw(unit) and in_load_range(kw, unit) < least_kw
        assert kw <= 0 or kw >= least_kw - allowed.resolution or stands_by, where
        if was is None or decided.owner in ("grid operator", "export limit", "transformer", "feeder", "island"):
            return
        rate = getattr(unit, "ramp_kw_per_s", site.control.ramp_kw_per_s)
        found_kw = min(max(was.setpoint_kw, allowed.low), allowed.high)
        # switching on and off jumps by the least load, and a job is only switched
        jump_kw = max(least_kw, allowed.high if unit.kind == "shiftable_job" else 0.0)
        assert abs(kw - found_kw) <= rate * passed_s + jump_kw + allowed.resolution, where

    # -- anything ------------------------------------------------------------------------------------

    def _snapshot(self) -> Snapshot:
        random, site = self.random, self.park.site
        values: dict[str, float | None] = {}
        ages_s: dict[str, float] = {}
        for name, asset in site.assets.items():
            for point in site.points[asset.device]:
                key = f"{name}.{point.name}"
                luck = random.random()
                if luck < LOST:
                    values[key] = None
                elif luck < LOST + STRANGE:
                    values[key] = float(random.choice([0.0, 1e9, -1e9, 1e-9]))
                elif point.name in ("available", "breaker_closed") or point.name.startswith("feed_in_contact"):
                    values[key] = float(random.random() < 0.9)
                elif point.name == "frequency_hz":
                    values[key] = float(random.uniform(49.0, 51.7))
                else:
                    low, high = point.valid if point.valid is not None else (0.0, 1000.0)
                    values[key] = float(random.uniform(max(low, -2e4), min(high, 2e4)))
                if random.random() < LOST and values[key] is not None:
                    ages_s[key] = float(random.uniform(0.0, 60.0))
        made = self.park.snapshot(values, at=self._now(), site_s=self.site_s, ages_s=ages_s)
        return replace(made, monotonic_s=1000.0 + self.site_s)

    def _now(self):
        return NOON + timedelta(seconds=self.site_s % 10_000.0)

    def _mode(self, snapshot: Snapshot) -> Mode:
        if self.random.random() < 0.03:
            return Mode.SAFE
        if self.random.random() < 0.15 and island_of(snapshot) is not None:
            return Mode.ISLANDED
        if snapshot.power_kw(snapshot.site.grid[0]) is None:
            return Mode.SAFE
        return Mode.OPTIMAL if self.random.random() < 0.7 else Mode.FALLBACK

    def _plan(self) -> Plan:
        random, site = self.random, self.park.site
        power_kw, stored_kwh, value = {}, {}, {}
        for name, asset in site.dispatched.items():
            point = site.setpoint(name)
            low, high = (
                (-3000.0, 3000.0)
                if point is None or point.setpoint is None
                else (
                    point.setpoint.low,
                    point.setpoint.high,
                )
            )
            power_kw[name] = random.uniform(low, high, 8)
            capacity = getattr(asset, "capacity_kwh", None)
            if capacity is not None:
                stored_kwh[name] = random.uniform(0.0, capacity, 9)
                value[name] = float(random.uniform(-0.5, 2.0))
        return self.park.plan(power_kw, stored_kwh=stored_kwh, stored_value=value if random.random() < 0.7 else None)

    def _overrides(self) -> dict[str, Override]:
        held = {}
        for name in self.park.site.assets:
            point = self.park.site.setpoint(name)
            if point is not None and point.setpoint is not None and self.random.random() < 0.02:
                kw = float(self.random.uniform(point.setpoint.low, point.setpoint.high))
                until = NOON + timedelta(days=1)
                held[name] = Override(asset=name, value_kw=kw, owner="li", reason="why", until=until)
        return held

    def _prices(self) -> EnergyPrices | None:
        if self.random.random() < 0.1:
            return None
        dear, cheap = (float(each) for each in self.random.uniform(-0.5, 2.0, 2))
        return EnergyPrices(import_per_kwh=max(dear, cheap), export_per_kwh=min(dear, cheap))

    def _demand(self) -> Demand | None:
        if self.random.random() < 0.3:
            return None
        target_kw, allowed_kw, mean_kw, reserve_kwh = (float(each) for each in self.random.uniform(0.0, 4000.0, 4))
        return Demand(target_kw=target_kw, allowed_kw=allowed_kw, mean_kw=mean_kw, per_kw=48.0, reserve_kwh=reserve_kwh)
