"""Combined heat and power: a gas engine or turbine with heat recovery.

gas  = P / eta_el(x),   heat = gas * eta_th(x),   x = P / P_max
eta_el(x) = eta_el * (1 - EL_FALL * (1 - x))
eta_th(x) = min(eta_th * (1 + TH_RISE * (1 - x)), 1 - eta_el(x))

P         electric power, 0 or between the least and the full power, after its start and on its ramp
"""

from __future__ import annotations

from config.thermal_assets import Chp
from simulators.account import Account
from simulators.model import Moment, Seat, Wired
from simulators.thermostat import Thermostat, wanted_kw
from simulators.unit import PowerUnit, RunTimes

EL_FALL = 0.16
"""Share of the electric efficiency that is gone towards no load: 8 % less at half load, as data sheets show."""
TH_RISE = 0.1
"""What more of the gas turns up as heat then."""
ON_BELOW_SOC, OFF_ABOVE_SOC = 0.35, 0.7
"""Led by heat: its own thermostat on the hot-water tank."""
MIN_ON_S, MIN_OFF_S = 1800.0, 900.0
"""Engines are not started more than once an hour or so, for their bearings' and exhausts' sake."""
STANDBY, RUNNING, STARTING = 1.0, 2.0, 3.0


class ChpModel(PowerUnit):
    """One unit, led by heat when nobody commands it."""

    def __init__(self, spec: Chp) -> None:
        super().__init__(spec, RunTimes(min_on_s=MIN_ON_S, min_off_s=MIN_OFF_S, start_s=spec.start_s))
        self.spec = spec
        self.heat_kw = 0.0
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._made_kwh = self._heat_kwh = self._gas_kwh = 0.0

    def efficiencies(self, power_kw: float) -> tuple[float, float]:
        """Electric and thermal efficiency at a power."""
        off = 1.0 - power_kw / self.spec.max_power_kw
        electric = self.spec.electric_efficiency * (1.0 - EL_FALL * off)
        return electric, min(self.spec.heat_efficiency * (1.0 + TH_RISE * off), 1.0 - electric)

    def step(self, *, soc: float | None, missing_heat_kw: float, dt_s: float) -> tuple[float, float]:
        """Go `dt_s` on; returns electricity and heat made in kWh."""
        per_power = self.spec.heat_efficiency / self.spec.electric_efficiency
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_power_kw, missing_heat_kw / per_power)
        mean_kw = self.move(own_kw, dt_s)
        electric, thermal = self.efficiencies(mean_kw)
        made_kwh = mean_kw * dt_s / 3600
        gas_kwh = made_kwh / electric
        self._made_kwh += made_kwh
        self._gas_kwh += gas_kwh
        self._heat_kwh += gas_kwh * thermal
        electric, now_thermal = self.efficiencies(self.power_kw)
        self.heat_kw = self.power_kw / electric * now_thermal
        return made_kwh, gas_kwh * thermal

    def account(self) -> Account:
        return Account(
            electricity_fed_kwh=self._made_kwh,
            heat_fed_kwh=self._heat_kwh,
            gas_kwh=self._gas_kwh,
            lost_kwh=self._gas_kwh - self._made_kwh - self._heat_kwh,
        )

    def points(self) -> dict[str, float]:
        starting = self.times.starting or self.below_least
        return {
            "active_power_kw": self.power_kw,
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._made_kwh,
            "heat_energy_kwh": self._heat_kwh,
            "gas_energy_kwh": self._gas_kwh,
            "supply_degc": self.spec.supply_degc,
            "available": float(self.running),
            "status": STARTING if starting else RUNNING if self.power_kw > 0 else STANDBY,
            "power_setpoint_kw": self.shown_setpoint_kw(),
        }


def wire_chp(spec: Chp, seat: Seat) -> Wired:
    model, heat, electricity = ChpModel(spec), seat.bus(spec.heat_bus), seat.electricity

    def advance(now: Moment) -> None:
        made_kwh, heat_kwh = model.step(soc=heat.soc, missing_heat_kw=max(heat.missing_kw, 0.0), dt_s=now.dt_s)
        electricity.feed(made_kwh, model.power_kw)
        heat.feed(heat_kwh, model.heat_kw, spec.supply_degc)

    return Wired(model, advance)
