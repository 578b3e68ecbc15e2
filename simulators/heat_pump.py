"""An electric heat pump.

    heat = COP * P,   COP = 0.85 * (a + b * dT + c * dT^2),   dT = max(T_supply - T_source, 15 K)

    P         electric power, 0 or between the least and the full power, reached at the pump's ramp
    a, b, c   regression of the "when2heat" data by source; 0.85 turns test-bench figures into operation

The parabola is followed down to its lowest point only: a larger lift never raises the COP.

With air as its source, ice grows on the evaporator while it runs near 0 degC:

    d(ice)/dt = max(0, 1 - |T_air - 1 degC| / ICE_WIDTH_K) / ICE_S

At ice = 1 the pump melts it for DEFROST_S at its least power, and gives no heat meanwhile. It keeps its own least
times on and off.
"""

from __future__ import annotations

import math
from typing import Literal

from config.assets import HeatPump
from simulators.account import Account
from simulators.model import REACTIVE_PER_ACTIVE, Moment, Seat, Wired
from simulators.surroundings import OUTDOOR, WATER
from simulators.thermostat import Thermostat, wanted_kw
from simulators.unit import PowerUnit, RunTimes

Source = Literal["air", "ground", "water"]

REGRESSION: dict[Source, tuple[float, float, float]] = {
    "air": (6.08, -0.0941, 0.000464),
    "ground": (10.29, -0.2084, 0.001322),
    "water": (9.99, -0.2049, 0.001249),
}
IN_OPERATION = 0.85
LEAST_LIFT_K = 15.0
ON_BELOW_SOC, OFF_ABOVE_SOC = 0.45, 0.6
"""The pump's own thermostat on the hot-water tank."""
WARM_UP_S = 600.0
"""Time constant of the water in the pump's own loop."""
ICE_WIDTH_K, ICE_S = 7.0, 3600.0
"""Colder air is dry and warmer air melts the ice; at the worst it takes an hour to grow."""
DEFROST_S = 240.0
ROOM_DEGC = 20.0
STANDBY, HEATING, STARTING, DEFROSTING = 1.0, 2.0, 3.0, 4.0


def cop(source: Source, source_degc: float, supply_degc: float) -> float:
    """Heat per electric power."""
    a, b, c = REGRESSION[source]
    lift_k = min(max(supply_degc - source_degc, LEAST_LIFT_K), -b / (2 * c))
    return IN_OPERATION * (a + b * lift_k + c * lift_k * lift_k)


class HeatPumpModel(PowerUnit):
    """One heat pump: follows its setpoint, or its own thermostat when nobody commands it."""

    def __init__(self, spec: HeatPump) -> None:
        super().__init__(spec, RunTimes(min_on_s=spec.min_on_s, min_off_s=spec.min_off_s, start_s=spec.start_s))
        self.spec = spec
        self.heat_kw = 0.0
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._ice = 0.0
        self._defrost_s = 0.0
        self._outdoor_degc = 0.0
        self._supply_degc = ROOM_DEGC
        self._used_kwh = 0.0
        self._heat_kwh = 0.0

    def step(
        self, *, source_degc: float, outdoor_degc: float, soc: float | None, missing_heat_kw: float, dt_s: float
    ) -> tuple[float, float]:
        """Go `dt_s` on; returns electricity used and heat made in kWh."""
        self._outdoor_degc = outdoor_degc
        ratio = cop(self.spec.source, source_degc, self.spec.supply_degc)
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_power_kw, missing_heat_kw / ratio)
        melting = self._defrost_s > 0
        used_kwh = self.move(own_kw, dt_s, self.spec.min_power_kw if melting else math.inf) * dt_s / 3600
        heat_kwh = 0.0 if melting else ratio * used_kwh
        self._grow_ice(dt_s)
        self.heat_kw = 0.0 if self._defrost_s > 0 else ratio * self.power_kw
        self._used_kwh += used_kwh
        self._heat_kwh += heat_kwh
        self._follow_supply(dt_s)
        return used_kwh, heat_kwh

    def _grow_ice(self, dt_s: float) -> None:
        if self.spec.source != "air" or self.spec.min_power_kw == 0:
            return
        if self._defrost_s > 0:
            self._defrost_s = max(self._defrost_s - dt_s, 0.0)
        elif self.power_kw > 0:
            self._ice += max(0.0, 1.0 - abs(self._outdoor_degc - 1.0) / ICE_WIDTH_K) * dt_s / ICE_S
            if self._ice >= 1.0:
                self._ice, self._defrost_s = 0.0, DEFROST_S

    def _follow_supply(self, dt_s: float) -> None:
        goal_degc = self.spec.supply_degc if self.power_kw > 0 else ROOM_DEGC
        self._supply_degc += (goal_degc - self._supply_degc) * -math.expm1(-dt_s / WARM_UP_S)

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._used_kwh, heat_fed_kwh=self._heat_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._used_kwh,
            "heat_energy_kwh": self._heat_kwh,
            "supply_degc": self._supply_degc,
            "outdoor_degc": self._outdoor_degc,
            "available": float(self.running),
            "status": self._status(),
            "power_setpoint_kw": self.shown_setpoint_kw(),
        }

    def _status(self) -> float:
        if self._defrost_s > 0:
            return DEFROSTING
        if self.below_least or self.times.starting:
            return STARTING
        return HEATING if self.power_kw > 0 else STANDBY


def wire_heat_pump(spec: HeatPump, seat: Seat) -> Wired:
    model, heat, electricity = HeatPumpModel(spec), seat.bus(spec.heat_bus), seat.electricity
    outdoor = seat.places[OUTDOOR]
    source = {"air": outdoor, "water": seat.places[WATER]}.get(spec.source)
    ground_degc = seat.mean_degc

    def advance(now: Moment) -> None:
        used_kwh, heat_kwh = model.step(
            source_degc=ground_degc if source is None else now.values[source],
            outdoor_degc=now.values[outdoor],
            soc=heat.soc,
            missing_heat_kw=max(heat.missing_kw, 0.0),
            dt_s=now.dt_s,
        )
        electricity.use(used_kwh, model.power_kw, model.power_kw * REACTIVE_PER_ACTIVE)
        heat.feed(heat_kwh, model.heat_kw, spec.supply_degc)

    return Wired(model, advance)
