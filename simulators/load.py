"""Loads behind their meters: electric loads, and loads of other carriers that may get less than they want.

Q = P * tan(acos(power factor)), or as recorded

T_supply = T_source - SHORT_K * unserved / demand,   T_return = T_supply - SPREAD_K * served / peak
"""

from __future__ import annotations

from config.asset import KWH_PER_KG_HYDROGEN
from config.assets import ElectricLoad, HeatLoad
from config.flexible_assets import SheddableLoad
from config.hydrogen_assets import HydrogenLoad
from config.thermal_assets import CoolingLoad, SteamLoad
from simulators.account import Account
from simulators.commanded import Commanded
from simulators.model import REACTIVE_PER_ACTIVE, Moment, Seat, Wired

SPREAD_K = 20.0
"""Between supply and return of a heating network at its peak."""
SHORT_K = 15.0
"""How far the supply falls when nothing is left to heat it."""


class ElectricLoadModel:
    """One electric load; its demand is always met while the park has power."""

    def __init__(self, spec: ElectricLoad | SheddableLoad, demand_kw: float) -> None:
        self.spec = spec
        self.power_kw = demand_kw
        self.reactive_kvar = demand_kw * REACTIVE_PER_ACTIVE
        self._demand_kw = demand_kw
        self._used_kwh = 0.0
        self._unserved_kwh = 0.0

    def step(self, demand_kw: float, dt_s: float, reactive_kvar: float | None = None) -> float:
        """Go `dt_s` on, to a time with this demand; returns the energy used in kWh."""
        used_kwh = (self._demand_kw + demand_kw) / 2 * dt_s / 3600
        self._demand_kw = self.power_kw = demand_kw
        self.reactive_kvar = demand_kw * REACTIVE_PER_ACTIVE if reactive_kvar is None else reactive_kvar
        self._used_kwh += used_kwh
        return used_kwh

    def drop(self, energy_kwh: float, share: float) -> None:
        """Do without a share of the energy of the last step."""
        self._used_kwh -= energy_kwh * share
        self._unserved_kwh += energy_kwh * share
        self.power_kw *= 1.0 - share
        self.reactive_kvar *= 1.0 - share

    def account(self) -> Account:
        return Account(electricity_used_kwh=self._used_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "active_power_kw": self.power_kw,
            "reactive_power_kvar": self.reactive_kvar,
            "energy_kwh": self._used_kwh,
        }


class SheddableLoadModel(ElectricLoadModel, Commanded):
    """An electric load that may be limited by command and is switched off by its underfrequency relay."""

    def __init__(self, spec: SheddableLoad, demand_kw: float) -> None:
        ElectricLoadModel.__init__(self, spec, demand_kw)
        Commanded.__init__(self)
        self.shed = False
        self.shed_order = spec.shed_order
        self._peak_kw = spec.peak_kw

    def accept(self, value_kw: float) -> float:
        return min(max(value_kw, 0.0), self._peak_kw)

    def step(self, demand_kw: float, dt_s: float, reactive_kvar: float | None = None) -> float:
        """As any load; what the limit, the relay or a dead device keeps away counts as unserved."""
        wanted_kwh = super().step(demand_kw, dt_s, reactive_kvar)
        if self.shed or not self.running:
            share = 1.0
        elif self.setpoint_kw is not None and demand_kw > self.setpoint_kw:
            share = 1.0 - self.setpoint_kw / demand_kw
        else:
            return wanted_kwh
        self.drop(wanted_kwh, share)
        return wanted_kwh * (1.0 - share)

    def points(self) -> dict[str, float]:
        return {
            **super().points(),
            "available": float(self.running),
            "status": float(self.shed),
            "power_limit_kw": self._peak_kw if self.setpoint_kw is None else self.setpoint_kw,
        }


class ServedLoadModel:
    """A load that gets what its bus has."""

    def __init__(self, demand_kw: float) -> None:
        self.demand_kw = demand_kw
        self._served_kw = demand_kw
        self._supply_degc = 0.0
        self._served_kwh = 0.0
        self._unserved_kwh = 0.0

    def step(self, demand_kw: float, dt_s: float) -> float:
        """Go `dt_s` on, to a time with this demand; returns the energy wanted in kWh."""
        wanted_kwh = (self.demand_kw + demand_kw) / 2 * dt_s / 3600
        self.demand_kw = demand_kw
        return wanted_kwh

    def serve(self, wanted_kwh: float, served: float, source_degc: float) -> None:
        """Take the share `served` (0..1) of what was wanted in the step, at `source_degc`."""
        self._served_kw = self.demand_kw * served
        self._served_kwh += wanted_kwh * served
        self._unserved_kwh += wanted_kwh * (1.0 - served)
        self._supply_degc = source_degc


class HeatLoadModel(ServedLoadModel):
    """One heat load."""

    def __init__(self, spec: HeatLoad, demand_kw: float) -> None:
        super().__init__(demand_kw)
        self.spec = spec

    def serve(self, wanted_kwh: float, served: float, source_degc: float) -> None:
        super().serve(wanted_kwh, served, source_degc - SHORT_K * (1.0 - served))

    def account(self) -> Account:
        return Account(heat_used_kwh=self._served_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "heat_power_kw": self._served_kw,
            "energy_kwh": self._served_kwh,
            "supply_degc": self._supply_degc,
            "return_degc": self._supply_degc - SPREAD_K * min(self._served_kw / self.spec.peak_kw, 1.0),
        }


class SteamLoadModel(ServedLoadModel):
    """One user of steam."""

    def account(self) -> Account:
        return Account(steam_used_kwh=self._served_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {"heat_power_kw": self._served_kw, "energy_kwh": self._served_kwh}


class CoolingLoadModel(ServedLoadModel):
    """One user of cold."""

    def account(self) -> Account:
        return Account(cooling_used_kwh=self._served_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "cooling_power_kw": self._served_kw,
            "energy_kwh": self._served_kwh,
            "supply_degc": self._supply_degc,
        }


class HydrogenLoadModel(ServedLoadModel):
    """One user of hydrogen; its demand counts in kW of the lower heating value."""

    def account(self) -> Account:
        return Account(hydrogen_used_kwh=self._served_kwh, unserved_kwh=self._unserved_kwh)

    def points(self) -> dict[str, float]:
        return {
            "hydrogen_kg_per_h": self._served_kw / KWH_PER_KG_HYDROGEN,
            "hydrogen_kg": self._served_kwh / KWH_PER_KG_HYDROGEN,
        }


def wire_electric_load(spec: ElectricLoad, seat: Seat) -> Wired:
    return _electric(ElectricLoadModel(spec, seat.first[seat.own("demand_kw")]), seat)


def wire_sheddable_load(spec: SheddableLoad, seat: Seat) -> Wired:
    model = SheddableLoadModel(spec, seat.first[seat.own("demand_kw")])
    seat.electricity.sheddable.append(model)
    return _electric(model, seat)


def _electric(model: ElectricLoadModel, seat: Seat) -> Wired:
    electricity, demand, reactive = seat.electricity, seat.own("demand_kw"), seat.may_own("reactive_kvar")

    def advance(now: Moment) -> None:
        kvar = None if reactive is None else now.values[reactive]
        used_kwh = model.step(now.values[demand], now.dt_s, kvar)
        electricity.want(model, used_kwh, model.power_kw, model.reactive_kvar)

    return Wired(model, advance)


def wire_heat_load(spec: HeatLoad, seat: Seat) -> Wired:
    return _served(HeatLoadModel(spec, seat.first[seat.own("demand_kw")]), seat, spec.heat_bus)


def wire_steam_load(spec: SteamLoad, seat: Seat) -> Wired:
    return _served(SteamLoadModel(seat.first[seat.own("demand_kw")]), seat, "steam")


def wire_cooling_load(spec: CoolingLoad, seat: Seat) -> Wired:
    return _served(CoolingLoadModel(seat.first[seat.own("demand_kw")]), seat, "cooling")


def wire_hydrogen_load(spec: HydrogenLoad, seat: Seat) -> Wired:
    """Its series is in kg/h."""
    demand_kw = seat.first[seat.own("demand_kw")] * KWH_PER_KG_HYDROGEN
    return _served(HydrogenLoadModel(demand_kw), seat, "hydrogen", KWH_PER_KG_HYDROGEN)


def _served(
    model: HeatLoadModel | SteamLoadModel | CoolingLoadModel | HydrogenLoadModel,
    seat: Seat,
    bus_name: str,
    kw_per_unit: float = 1.0,
) -> Wired:
    bus, demand = seat.bus(bus_name), seat.own("demand_kw")

    def advance(now: Moment) -> None:
        wanted_kwh = model.step(now.values[demand] * kw_per_unit, now.dt_s)
        bus.want(model, wanted_kwh, model.demand_kw)

    return Wired(model, advance)
