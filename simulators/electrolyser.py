"""An electrolyser.

    hydrogen = (P - P_aux) / (e * (1 - OVER + OVER * x)),   P_aux = AUX * P_max,   x = (P - P_aux) / (P_max - P_aux)
    heat     = recovery * (P - hydrogen * LHV)

    P       electric power, 0 or between the least and the full power, after its start and on its ramp
    e       energy of the stack per kg at full load, so that the whole unit needs its rated kWh/kg there
    OVER    share of it that overvoltage takes and that falls with the load: best between a third and half

Off it first stands by, warm and under pressure, then cools down; a cold start takes longer than a hot one. Told a
power from its standby power to below its least load it stands by for as long as it is told so; a cold one is warm
after as long as a cold start takes. It begins as one that has just stood by.
"""

from __future__ import annotations

from config.asset import KWH_PER_KG_HYDROGEN
from config.hydrogen_assets import Electrolyser
from simulators.account import Account
from simulators.model import Moment, Seat, Wired
from simulators.thermostat import Thermostat
from simulators.unit import ROUNDING, PowerUnit, RunTimes

AUX = 0.04
"""Pumps, purification, control and cooling: what runs whatever the load."""
OVER = 0.15
STANDBY_S = 1800.0
"""It stands by for half an hour before it lets go of its pressure."""
FULL_SOC, FREE_SOC = 0.97, 0.9
"""A full tank stops it until there is room again."""
LOW_SOC, ENOUGH_SOC = 0.2, 0.35
"""A tank that runs empty makes it run at full load, whatever the power costs."""
OFF, RUNNING, STARTING, STANDING_BY = 1.0, 2.0, 3.0, 4.0


class ElectrolyserModel(PowerUnit):
    """One electrolyser. On its own it follows what the park has to spare, and keeps the tank from running empty."""

    def __init__(self, spec: Electrolyser) -> None:
        super().__init__(spec, RunTimes(start_s=spec.cold_start_s))
        self.spec = spec
        self.idle_kw = 0.0
        """What it uses while it makes nothing."""
        self.hydrogen_kg_per_h = 0.0
        self.heat_kw = 0.0
        self._off_s = 0.0
        self._warming_s = 0.0
        self._full = Thermostat(FREE_SOC, FULL_SOC)
        self._low = Thermostat(LOW_SOC, ENOUGH_SOC)
        stack_kw = spec.max_power_kw * (1.0 - AUX)
        self._stack_kw = stack_kw
        self._stack_kwh_per_kg = spec.rated_kwh_per_kg * stack_kw / spec.max_power_kw
        self._used_kwh = self._hydrogen_kg = self._heat_kwh = 0.0

    @property
    def electric_kw(self) -> float:
        return self.power_kw + self.idle_kw

    def kg_per_h(self, power_kw: float) -> float:
        """Hydrogen at a power."""
        stack_kw = max(power_kw - AUX * self.spec.max_power_kw, 0.0)
        return stack_kw / (self._stack_kwh_per_kg * (1.0 - OVER + OVER * stack_kw / self._stack_kw))

    def own_kw(self, spare_kw: float, soc: float | None) -> float:
        """What its own control wants: `spare_kw` is what the park has left beside what it uses now."""
        if soc is not None and not self._full.calls(soc):
            return 0.0
        if soc is not None and self._low.calls(soc):
            return self.spec.max_power_kw
        return max(self.power_kw + spare_kw, 0.0)

    def step(self, own_kw: float, dt_s: float) -> tuple[float, float, float]:
        """Go `dt_s` on; returns electricity used, hydrogen made and heat recovered in kWh."""
        hours = dt_s / 3600
        if not self.times.on:
            cold = self._off_s >= self.spec.cools_after_s
            self.times.start_s = self.spec.cold_start_s if cold else self.spec.hot_start_s
        mean_kw = self.move(own_kw, dt_s)
        told = self._told_to_stand_by
        self._warming_s = self._warming_s + dt_s if told else 0.0
        if self.power_kw > 0 or (told and (self._off_s < self.spec.cools_after_s or self._has_warmed_up)):
            self._off_s = 0.0
        else:
            self._off_s += dt_s
        warm = self.running and (self.times.starting or told or 0 < self._off_s <= STANDBY_S)
        self.idle_kw = self.spec.standby_kw if warm and self.power_kw == 0 else 0.0
        kg = self.kg_per_h(mean_kw) * hours
        hydrogen_kwh = kg * KWH_PER_KG_HYDROGEN
        used_kwh = (mean_kw + self.idle_kw) * hours
        # what keeps it warm heats nothing else
        heat_kwh = self.spec.heat_recovery * (mean_kw * hours - hydrogen_kwh)
        self.hydrogen_kg_per_h = self.kg_per_h(self.power_kw)
        self.heat_kw = self.spec.heat_recovery * (self.power_kw - self.hydrogen_kg_per_h * KWH_PER_KG_HYDROGEN)
        self._used_kwh += used_kwh
        self._hydrogen_kg += kg
        self._heat_kwh += heat_kwh
        return used_kwh, hydrogen_kwh, heat_kwh

    @property
    def _told_to_stand_by(self) -> bool:
        told_kw = self.setpoint_kw
        least_kw = ROUNDING * self.spec.min_power_kw
        return self.running and told_kw is not None and ROUNDING * self.spec.standby_kw <= told_kw < least_kw

    @property
    def _has_warmed_up(self) -> bool:
        return self._warming_s >= self.spec.cold_start_s

    def account(self) -> Account:
        hydrogen_kwh = self._hydrogen_kg * KWH_PER_KG_HYDROGEN
        return Account(
            electricity_used_kwh=self._used_kwh,
            hydrogen_fed_kwh=hydrogen_kwh,
            heat_fed_kwh=self._heat_kwh,
            lost_kwh=self._used_kwh - hydrogen_kwh - self._heat_kwh,
        )

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.electric_kw,
            "hydrogen_kg_per_h": self.hydrogen_kg_per_h,
            "energy_kwh": self._used_kwh,
            "hydrogen_kg": self._hydrogen_kg,
            "heat_power_kw": self.heat_kw,
            "supply_degc": self.spec.supply_degc,
            "available": float(self.running),
            "status": self._status(),
            "power_setpoint_kw": self.shown_setpoint_kw(),
        }

    def _status(self) -> float:
        if self.power_kw > 0:
            return RUNNING
        if self.times.starting:
            return STARTING
        return STANDING_BY if self.idle_kw > 0 else OFF


def wire_electrolyser(spec: Electrolyser, seat: Seat) -> Wired:
    model, electricity = ElectrolyserModel(spec), seat.electricity
    hydrogen, heat = seat.bus("hydrogen"), seat.bus(spec.heat_bus) if spec.heat_recovery > 0 else None

    def advance(now: Moment) -> None:
        own_kw = model.own_kw(-electricity.grid.power_kw, hydrogen.soc)
        used_kwh, hydrogen_kwh, heat_kwh = model.step(own_kw, now.dt_s)
        electricity.use(used_kwh, model.electric_kw)
        hydrogen.feed(hydrogen_kwh, model.hydrogen_kg_per_h * KWH_PER_KG_HYDROGEN)
        if heat is not None:
            heat.feed(heat_kwh, model.heat_kw, spec.supply_degc)

    return Wired(model, advance)
