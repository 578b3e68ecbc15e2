"""Hydrogen in a tank, and back to power.

Tank        m[t+dt] = m[t] + (in - out) * dt,   0 <= m <= capacity
            p = p_empty + m / capacity * (p_full - p_empty)                       (ideal gas at the yard's temperature)
Fuel cell   hydrogen = P / (eta * f(x)),   f(x) = (1 + DROP * (1 - x)) * x * (1 + OWN) / (x + OWN),   x = P / P_max
            heat = eta_heat * hydrogen, at most what is left of it

f is 1 at full load; the cell itself gets better at part load, until its own pumps and fans take more than that.
"""

from __future__ import annotations

from config.asset import KWH_PER_KG_HYDROGEN
from config.hydrogen_assets import FuelCell, HydrogenTank
from simulators.account import Account
from simulators.model import Moment, Seat, Wired, moved_by_its_bus
from simulators.thermostat import Thermostat
from simulators.unit import PowerUnit, RunTimes

DROP = 0.15
OWN = 0.03
"""Pumps and fans of a fuel cell, as a share of its full load."""
ON_ABOVE_SOC, OFF_BELOW_SOC = 0.6, 0.4
"""On its own a fuel cell covers the park's import as long as the tank is well filled."""
STANDBY, RUNNING, STARTING = 1.0, 2.0, 3.0


class HydrogenTankModel:
    """One tank; it is a store of the hydrogen bus, which counts in kWh of the lower heating value."""

    def __init__(self, spec: HydrogenTank, soc: float) -> None:
        self.spec = spec
        self.stored_kwh = soc * self.capacity_kwh
        self._in_kwh = self._out_kwh = 0.0
        self._flow_kg_per_h = 0.0

    @property
    def capacity_kwh(self) -> float:
        return self.spec.capacity_kg * KWH_PER_KG_HYDROGEN

    @property
    def soc(self) -> float:
        return self.stored_kwh / self.capacity_kwh

    @property
    def supply_degc(self) -> float | None:
        return None

    def can_give_kwh(self, dt_s: float) -> float:
        return min(self.spec.max_discharge_kg_per_h * KWH_PER_KG_HYDROGEN * dt_s / 3600, self.stored_kwh)

    def can_take_kwh(self, dt_s: float) -> float:
        room_kwh = self.capacity_kwh - self.stored_kwh
        return max(min(self.spec.max_charge_kg_per_h * KWH_PER_KG_HYDROGEN * dt_s / 3600, room_kwh), 0.0)

    def step(self, left_kwh: float, dt_s: float) -> float:
        """Take `left_kwh` (- what the bus misses); returns what remains of it."""
        moved_kwh = (
            min(left_kwh, self.can_take_kwh(dt_s)) if left_kwh >= 0 else -min(-left_kwh, self.can_give_kwh(dt_s))
        )
        self.stored_kwh += moved_kwh
        self._in_kwh += max(moved_kwh, 0.0)
        self._out_kwh += max(-moved_kwh, 0.0)
        if dt_s:
            self._flow_kg_per_h = -moved_kwh / KWH_PER_KG_HYDROGEN * 3600 / dt_s
        return left_kwh - moved_kwh

    def account(self) -> Account:
        return Account(hydrogen_fed_kwh=self._out_kwh, hydrogen_used_kwh=self._in_kwh, stored_kwh=self.stored_kwh)

    def points(self) -> dict[str, float]:
        return {
            "soc": self.soc,
            "stored_kg": self.stored_kwh / KWH_PER_KG_HYDROGEN,
            "pressure_bar": self.spec.empty_bar + self.soc * (self.spec.full_bar - self.spec.empty_bar),
            "hydrogen_kg_per_h": self._flow_kg_per_h,
        }


class FuelCellModel(PowerUnit):
    """One fuel cell."""

    def __init__(self, spec: FuelCell) -> None:
        super().__init__(spec, RunTimes(start_s=spec.start_s))
        self.spec = spec
        self.hydrogen_kw = 0.0
        self.heat_kw = 0.0
        self._filled = Thermostat(OFF_BELOW_SOC, ON_ABOVE_SOC)
        self._made_kwh = self._drawn_kwh = self._heat_kwh = 0.0

    def efficiency(self, power_kw: float) -> float:
        """Electricity per hydrogen at a power, lower heating value."""
        load = power_kw / self.spec.max_power_kw
        if load <= 0:
            return 0.0
        return self.spec.rated_efficiency * (1.0 + DROP * (1.0 - load)) * load * (1.0 + OWN) / (load + OWN)

    def own_kw(self, import_kw: float, soc: float | None) -> float:
        """What its own control wants: the park's import with what it gives now, if the tank is filled."""
        if soc is None or self._filled.calls(soc):
            return 0.0
        return max(self.power_kw + import_kw, 0.0)

    def step(self, own_kw: float, available_kwh: float, dt_s: float) -> tuple[float, float, float]:
        """Go `dt_s` on; returns electricity made, hydrogen it takes of what is available, and heat, in kWh."""
        hours = dt_s / 3600
        if hours == 0:
            return 0.0, 0.0, 0.0
        eta = self.efficiency(max(self.power_kw, self._least_kw, 0.05 * self._most_kw))
        mean_kw = self.move(own_kw, dt_s, available_kwh / hours * eta)
        eta = self.efficiency(mean_kw)
        made_kwh = min(mean_kw * hours, available_kwh * eta)
        drawn_kwh = made_kwh / eta if eta > 0 else 0.0
        heat_kwh = min(self.spec.heat_efficiency * drawn_kwh, drawn_kwh - made_kwh)
        self.hydrogen_kw = drawn_kwh / hours
        self.heat_kw = heat_kwh / hours
        self._made_kwh += made_kwh
        self._drawn_kwh += drawn_kwh
        self._heat_kwh += heat_kwh
        return made_kwh, drawn_kwh, heat_kwh

    def account(self) -> Account:
        return Account(
            electricity_fed_kwh=self._made_kwh,
            hydrogen_used_kwh=self._drawn_kwh,
            heat_fed_kwh=self._heat_kwh,
            lost_kwh=self._drawn_kwh - self._made_kwh - self._heat_kwh,
        )

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "hydrogen_kg_per_h": self.hydrogen_kw / KWH_PER_KG_HYDROGEN,
            "energy_kwh": self._made_kwh,
            "hydrogen_kg": self._drawn_kwh / KWH_PER_KG_HYDROGEN,
            "heat_power_kw": self.heat_kw,
            "supply_degc": self.spec.supply_degc,
            "available": float(self.running),
            "status": STARTING if self.times.starting else RUNNING if self.power_kw > 0 else STANDBY,
            "power_setpoint_kw": self.shown_setpoint_kw(),
        }


def wire_hydrogen_tank(spec: HydrogenTank, seat: Seat) -> Wired:
    """It takes no part of its own: the bus moves it."""
    model = HydrogenTankModel(spec, seat.soc)
    seat.bus("hydrogen").attach(model)
    return moved_by_its_bus(model)


def wire_fuel_cell(spec: FuelCell, seat: Seat) -> Wired:
    model, electricity, hydrogen = FuelCellModel(spec), seat.electricity, seat.bus("hydrogen")
    heat = seat.bus(spec.heat_bus) if spec.heat_efficiency > 0 else None

    def advance(now: Moment) -> None:
        own_kw = model.own_kw(electricity.grid.power_kw, hydrogen.soc)
        made_kwh, drawn_kwh, heat_kwh = model.step(own_kw, hydrogen.available_kwh(now.dt_s), now.dt_s)
        hydrogen.draw(drawn_kwh, model.hydrogen_kw, now.dt_s)
        electricity.feed(made_kwh, model.power_kw)
        if heat is not None:
            heat.feed(heat_kwh, model.heat_kw, spec.supply_degc)

    return Wired(model, advance)
