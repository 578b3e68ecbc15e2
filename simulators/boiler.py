"""Boilers: hot water or steam from gas, hot water from electricity.

gas   = heat / eta           (the rest of the gas is lost)
power = heat / eta

heat   0 or between the least and the full heat, reached at the burner's ramp
eta    heat per gas energy at the lower heating value, or per electricity
"""

from __future__ import annotations

import math

from config.assets import GasBoiler
from config.thermal_assets import ElectricBoiler, SteamBoiler
from simulators.account import Account
from simulators.model import Moment, Seat, Wired
from simulators.thermostat import Thermostat, wanted_kw
from simulators.unit import PowerUnit, RampedUnit, RunTimes

FULL_RAMP_S = 60.0
"""From cold to full heat: purge, ignition and modulation of a gas burner."""
ON_BELOW_SOC, OFF_ABOVE_SOC = 0.25, 0.4
"""The boilers' own thermostat on the hot-water tank: the backup, below the heat pump's."""
SUPPLY_DEGC = 80.0
WARM_UP_S = 300.0
"""Time constant of the water in the boiler."""
ROOM_DEGC = 20.0
STANDBY, HEATING, STARTING = 1.0, 2.0, 3.0


class GasBoilerModel(RampedUnit):
    """One boiler: follows its setpoint, or its own thermostat when nobody commands it."""

    def __init__(self, spec: GasBoiler | SteamBoiler, supply_degc: float = SUPPLY_DEGC) -> None:
        times = (
            RunTimes(min_on_s=spec.min_on_s, min_off_s=spec.min_off_s) if isinstance(spec, GasBoiler) else RunTimes()
        )
        super().__init__(
            least_kw=spec.min_heat_kw,
            most_kw=spec.max_heat_kw,
            ramp_kw_per_s=spec.max_heat_kw / FULL_RAMP_S,
            times=times,
        )
        self.spec = spec
        self.supply_degc = supply_degc
        """What it supplies when warm."""
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._supply_degc = ROOM_DEGC
        self._heat_kwh = 0.0
        self._gas_kwh = 0.0

    @property
    def heat_kw(self) -> float:
        """Its load is heat."""
        return self.power_kw

    def step(self, *, soc: float | None, missing_heat_kw: float, dt_s: float) -> float:
        """Go `dt_s` on; returns the heat made in kWh."""
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_heat_kw, missing_heat_kw)
        made_kwh = self.move(own_kw, dt_s) * dt_s / 3600
        self._heat_kwh += made_kwh
        self._gas_kwh += made_kwh / self.spec.efficiency
        goal_degc = self.supply_degc if self.power_kw > 0 else ROOM_DEGC
        self._supply_degc += (goal_degc - self._supply_degc) * -math.expm1(-dt_s / WARM_UP_S)
        return made_kwh

    def account(self) -> Account:
        return Account(heat_fed_kwh=self._heat_kwh, gas_kwh=self._gas_kwh)

    def points(self) -> dict[str, float]:
        starting = self.below_least or self.times.starting
        return {
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._heat_kwh,
            "gas_energy_kwh": self._gas_kwh,
            "supply_degc": self._supply_degc,
            "available": float(self.running),
            "status": STARTING if starting else HEATING if self.heat_kw > 0 else STANDBY,
            "heat_setpoint_kw": self.shown_setpoint_kw(),
        }


class SteamBoilerModel(GasBoilerModel):
    """A boiler that feeds the steam bus."""

    def __init__(self, spec: SteamBoiler) -> None:
        super().__init__(spec, spec.supply_degc)

    def account(self) -> Account:
        return Account(steam_fed_kwh=self._heat_kwh, gas_kwh=self._gas_kwh)


class ElectricBoilerModel(PowerUnit):
    """A boiler with electrodes or heating rods."""

    def __init__(self, spec: ElectricBoiler) -> None:
        super().__init__(spec, RunTimes())
        self.spec = spec
        self._thermostat = Thermostat(ON_BELOW_SOC, OFF_ABOVE_SOC)
        self._used_kwh = 0.0

    @property
    def heat_kw(self) -> float:
        return self.power_kw * self.spec.efficiency

    def step(self, *, soc: float | None, missing_heat_kw: float, dt_s: float) -> float:
        """Go `dt_s` on; returns the electricity used in kWh."""
        eta = self.spec.efficiency
        own_kw = wanted_kw(self._thermostat, soc, self.spec.max_power_kw, missing_heat_kw / eta)
        used_kwh = self.move(own_kw, dt_s) * dt_s / 3600
        self._used_kwh += used_kwh
        return used_kwh

    def account(self) -> Account:
        heat_kwh = self._used_kwh * self.spec.efficiency
        return Account(electricity_used_kwh=self._used_kwh, heat_fed_kwh=heat_kwh, lost_kwh=self._used_kwh - heat_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._used_kwh,
            "heat_energy_kwh": self._used_kwh * self.spec.efficiency,
            "supply_degc": SUPPLY_DEGC if self.power_kw > 0 else ROOM_DEGC,
            "available": float(self.running),
            "status": HEATING if self.power_kw > 0 else STANDBY,
            "power_setpoint_kw": self.shown_setpoint_kw(),
        }


def wire_gas_boiler(spec: GasBoiler, seat: Seat) -> Wired:
    return _burner(GasBoilerModel(spec), spec.heat_bus, seat)


def wire_steam_boiler(spec: SteamBoiler, seat: Seat) -> Wired:
    return _burner(SteamBoilerModel(spec), "steam", seat)


def _burner(model: GasBoilerModel, bus_name: str, seat: Seat) -> Wired:
    bus = seat.bus(bus_name)

    def advance(now: Moment) -> None:
        made_kwh = model.step(soc=bus.soc, missing_heat_kw=max(bus.missing_kw, 0.0), dt_s=now.dt_s)
        bus.feed(made_kwh, model.heat_kw, model.supply_degc)

    return Wired(model, advance)


def wire_electric_boiler(spec: ElectricBoiler, seat: Seat) -> Wired:
    model, heat, electricity = ElectricBoilerModel(spec), seat.bus(spec.heat_bus), seat.electricity

    def advance(now: Moment) -> None:
        used_kwh = model.step(soc=heat.soc, missing_heat_kw=max(heat.missing_kw, 0.0), dt_s=now.dt_s)
        electricity.use(used_kwh, model.power_kw)
        heat.feed(used_kwh * spec.efficiency, model.heat_kw, SUPPLY_DEGC)

    return Wired(model, advance)
