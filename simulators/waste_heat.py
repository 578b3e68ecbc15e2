"""Waste heat: where it comes from, and its use as hot water, as steam and as power.

Source           heat(t) follows the process; what nobody draws is thrown away by the bus
Exchanger        heat = what the cooler bus misses and its stores can take, while T_source >= T_supply + approach
Boiler           steam = eta * heat, under the same condition
ORC              P = eta(T, x) * heat
                 eta(T, x) = eta * (1 - T_cold / T) / (1 - T_cold / T_rated) * (1 - PART_LOAD * (1 - x)^2)

T in kelvin for the ORC's Carnot factors, x = P / P_max

An ORC that runs out of heat stands still; its loop stays warm for a while, and until then it starts at once. It begins
as one that has just run.
"""

from __future__ import annotations

from config.thermal_assets import HeatExchanger, Orc, WasteHeatBoiler, WasteHeatSource
from simulators.account import Account
from simulators.model import Moment, Seat, Wired
from simulators.unit import PowerUnit, RunTimes

FULL_SOC = 0.95
"""An exchanger stops filling the stores of its bus here: the last layer would only cool what is left of the source."""
PART_LOAD = 0.3
"""Share of the efficiency that an ORC loses towards no load."""
ZERO_DEGC_K = 273.15
STANDBY, RUNNING, STARTING = 1.0, 2.0, 3.0


class WasteHeatSourceModel:
    """One source; it gives whatever its process gives off."""

    def __init__(self, spec: WasteHeatSource, heat_kw: float) -> None:
        self.spec = spec
        self.heat_kw = min(heat_kw, spec.max_heat_kw)
        self._heat_kwh = 0.0

    def step(self, heat_kw: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this heat; returns the energy given in kWh."""
        heat_kw = min(heat_kw, self.spec.max_heat_kw)
        given_kwh = (self.heat_kw + heat_kw) / 2 * dt_s / 3600
        self.heat_kw = heat_kw
        self._heat_kwh += given_kwh
        return given_kwh

    def account(self) -> Account:
        return Account(heat_fed_kwh=self._heat_kwh)

    def points(self) -> dict[str, float]:
        return {
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._heat_kwh,
            "supply_degc": self.spec.supply_degc,
        }


class TransferModel:
    """A heat exchanger or waste-heat boiler: from a hotter bus to hot water or steam."""

    def __init__(self, spec: HeatExchanger | WasteHeatBoiler) -> None:
        self.spec = spec
        self.heat_kw = 0.0
        """Given on the cooler side."""
        self._efficiency = spec.efficiency if isinstance(spec, WasteHeatBoiler) else 1.0
        self._steam = isinstance(spec, WasteHeatBoiler)
        self._source_degc = 0.0
        self._drawn_kwh = 0.0
        self._given_kwh = 0.0

    def wanted_kwh(self, source_degc: float, needed_kwh: float, dt_s: float) -> float:
        """What it draws from the hotter bus, if that is there, so that the cooler side gets what it needs."""
        self._source_degc = source_degc
        if source_degc < self.spec.supply_degc + self.spec.approach_k:
            return 0.0
        return min(needed_kwh, self.spec.max_heat_kw * dt_s / 3600) / self._efficiency

    def pass_on(self, drawn_kwh: float, dt_s: float) -> float:
        """Hand on what was drawn; returns the heat given in kWh."""
        given_kwh = drawn_kwh * self._efficiency
        self._drawn_kwh += drawn_kwh
        self._given_kwh += given_kwh
        if dt_s:
            self.heat_kw = given_kwh * 3600 / dt_s
        return given_kwh

    def account(self) -> Account:
        lost_kwh = self._drawn_kwh - self._given_kwh
        if self._steam:
            return Account(heat_used_kwh=self._drawn_kwh, steam_fed_kwh=self._given_kwh, lost_kwh=lost_kwh)
        return Account(heat_used_kwh=self._drawn_kwh, heat_fed_kwh=self._given_kwh, lost_kwh=lost_kwh)

    def points(self) -> dict[str, float]:
        return {
            "heat_power_kw": self.heat_kw,
            "energy_kwh": self._given_kwh,
            "supply_degc": self.spec.supply_degc,
            "source_degc": self._source_degc,
        }


class OrcModel(PowerUnit):
    """One ORC; its setpoint is a limit, and it takes what heat there is."""

    def __init__(self, spec: Orc) -> None:
        super().__init__(spec, RunTimes(start_s=spec.start_s))
        self.spec = spec
        self.heat_kw = 0.0
        """Drawn from its source."""
        self._off_s = 0.0
        self._source_degc = 0.0
        self._made_kwh = 0.0
        self._drawn_kwh = 0.0

    def efficiency(self, source_degc: float, power_kw: float) -> float:
        """Electricity per heat; 0 with a source that is not warmer than the cooling."""
        cold_k = self.spec.cooling_degc + ZERO_DEGC_K
        carnot = max(1.0 - cold_k / (source_degc + ZERO_DEGC_K), 0.0)
        rated = 1.0 - cold_k / (self.spec.rated_source_degc + ZERO_DEGC_K)
        off = 1.0 - power_kw / self.spec.max_power_kw
        return self.spec.efficiency * carnot / rated * (1.0 - PART_LOAD * off * off)

    def step(self, source_degc: float, available_kwh: float, dt_s: float) -> tuple[float, float]:
        """Go `dt_s` on; returns the electricity made and the heat that takes, at most what is available, in kWh."""
        self._source_degc = source_degc
        hours = dt_s / 3600
        if hours == 0:
            return 0.0, 0.0
        # what the heat is good for is judged by the load of now; a step later it is right
        eta = self.efficiency(source_degc, self.power_kw)
        most_kw = available_kwh / hours * eta
        if not self.times.on:
            self.times.start_s = self.spec.start_s if self._off_s >= self.spec.cools_after_s else 0.0
        mean_kw = self.move(most_kw, dt_s, most_kw)
        self._off_s = 0.0 if self.power_kw > 0 else self._off_s + dt_s
        eta = self.efficiency(source_degc, mean_kw)
        made_kwh = min(mean_kw * hours, available_kwh * eta)
        drawn_kwh = made_kwh / eta if eta > 0 else 0.0
        self.heat_kw = drawn_kwh / hours
        self._made_kwh += made_kwh
        self._drawn_kwh += drawn_kwh
        return made_kwh, drawn_kwh

    def account(self) -> Account:
        return Account(
            electricity_fed_kwh=self._made_kwh,
            heat_used_kwh=self._drawn_kwh,
            lost_kwh=self._drawn_kwh - self._made_kwh,
        )

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "energy_kwh": self._made_kwh,
            "heat_power_kw": self.heat_kw,
            "source_degc": self._source_degc,
            "available": float(self.running),
            "status": STARTING if self.times.starting else RUNNING if self.power_kw > 0 else STANDBY,
            "power_limit_kw": self.spec.max_power_kw if self.setpoint_kw is None else self.setpoint_kw,
        }


def wire_waste_heat_source(spec: WasteHeatSource, seat: Seat) -> Wired:
    bus, heat = seat.bus(spec.heat_bus), seat.own("demand_kw")
    model = WasteHeatSourceModel(spec, seat.first[heat])

    def advance(now: Moment) -> None:
        given_kwh = model.step(now.values[heat], now.dt_s)
        bus.feed(given_kwh, model.heat_kw, spec.supply_degc)

    return Wired(model, advance)


def wire_heat_exchanger(spec: HeatExchanger, seat: Seat) -> Wired:
    return _transfer(spec, seat, spec.heat_bus)


def wire_waste_heat_boiler(spec: WasteHeatBoiler, seat: Seat) -> Wired:
    return _transfer(spec, seat, "steam")


def _transfer(spec: HeatExchanger | WasteHeatBoiler, seat: Seat, to: str) -> Wired:
    model, source, target = TransferModel(spec), seat.bus(spec.source_bus), seat.bus(to)

    def advance(now: Moment) -> None:
        needed_kwh = target.room_kwh(now.dt_s, FULL_SOC)
        wanted_kwh = model.wanted_kwh(source.degc, needed_kwh, now.dt_s)
        wanted_kw = wanted_kwh * 3600 / now.dt_s if now.dt_s else 0.0
        given_kwh = model.pass_on(source.draw(wanted_kwh, wanted_kw, now.dt_s), now.dt_s)
        target.feed(given_kwh, model.heat_kw, spec.supply_degc)

    return Wired(model, advance)


def wire_orc(spec: Orc, seat: Seat) -> Wired:
    model, source, electricity = OrcModel(spec), seat.bus(spec.source_bus), seat.electricity

    def advance(now: Moment) -> None:
        made_kwh, drawn_kwh = model.step(source.degc, source.available_kwh(now.dt_s), now.dt_s)
        source.draw(drawn_kwh, 0.0, now.dt_s)
        electricity.feed(made_kwh, model.power_kw)

    return Wired(model, advance)
