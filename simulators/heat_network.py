"""A connection to a heat or steam network: it gives what its bus misses, and takes what the bus has too much.

bought = min(what the bus lacks and its stores cannot give, import limit)
sold   = min(what the bus has left and its stores cannot take, export limit)
"""

from __future__ import annotations

from config.heat_network import HeatConnection, NetworkConnection, SteamConnection
from simulators.account import Account
from simulators.model import Moment, Seat, Wired


class NetworkModel:
    """One connection; a controlled valve, which takes no command."""

    def __init__(self, spec: NetworkConnection, *, steam: bool) -> None:
        self.spec = spec
        self.heat_kw = 0.0
        """+ towards the park, mean of the last step."""
        self._steam = steam
        self._bought_kwh = 0.0
        self._sold_kwh = 0.0

    def step(self, missing_kwh: float, spare_kwh: float, dt_s: float) -> float:
        """Go `dt_s` on; returns what comes in, below 0 what goes out, in kWh."""
        hours = dt_s / 3600
        bought_kwh = min(missing_kwh, self.spec.import_limit_kw * hours)
        sold_kwh = min(spare_kwh, self.spec.export_limit_kw * hours)
        self._bought_kwh += bought_kwh
        self._sold_kwh += sold_kwh
        if hours > 0:
            self.heat_kw = (bought_kwh - sold_kwh) / hours
        return bought_kwh - sold_kwh

    def account(self) -> Account:
        if self._steam:
            return Account(steam_fed_kwh=self._bought_kwh, steam_used_kwh=self._sold_kwh)
        return Account(heat_fed_kwh=self._bought_kwh, heat_used_kwh=self._sold_kwh)

    def points(self) -> dict[str, float]:
        return {
            "heat_power_kw": self.heat_kw,
            "energy_import_kwh": self._bought_kwh,
            "energy_export_kwh": self._sold_kwh,
            "supply_degc": self.spec.supply_degc,
        }


def wire_heat_connection(spec: HeatConnection, seat: Seat) -> Wired:
    return _wired(NetworkModel(spec, steam=False), spec.heat_bus, seat)


def wire_steam_connection(spec: SteamConnection, seat: Seat) -> Wired:
    return _wired(NetworkModel(spec, steam=True), "steam", seat)


def _wired(model: NetworkModel, bus_name: str, seat: Seat) -> Wired:
    bus = seat.bus(bus_name)

    def advance(now: Moment) -> None:
        moved_kwh = model.step(bus.short_kwh(now.dt_s), bus.spare_kwh(now.dt_s), now.dt_s)
        if moved_kwh >= 0.0:
            bus.feed(moved_kwh, model.heat_kw, model.spec.supply_degc)
        else:
            bus.left_kwh += moved_kwh

    return Wired(model, advance)
