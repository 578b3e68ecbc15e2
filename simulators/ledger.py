"""The independent audit of the simulated park, and its 15-minute book.

The audit never looks at powers. From the counters of all devices and the energies in the stores it re-adds each step:

    each bus      sum of fed = sum of used + surplus             (electricity: with the grid connection)
    each asset    sum of what comes in = sum of what goes out + lost + change of stored      (all carriers and gas)
    battery       change of stored = eta_c * used - fed / eta_d  (where its efficiencies are constant)
    boilers       fed = eta * gas

Buses are electricity, each heat bus, steam, cooling and hydrogen. A chiller takes out of the cold what it gives as
heat to the air: there cold comes in. What comes from sun, wind, air and processes is not counted.

    residual = |left - right| / larger of both sides

The same is done once more over each complete interval, where many small errors of one sign would show.

A counter that falls counts as a residual of its own size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.asset import HEAT_BUS, heat_bus_of
from config.assets import (
    Asset,
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    PvPlant,
    WindTurbine,
)
from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob
from config.heat_network import HeatConnection, SteamConnection
from config.hydrogen_assets import HydrogenLoad
from config.thermal_assets import (
    AbsorptionChiller,
    Chiller,
    CoolingLoad,
    PressureTurbine,
    SteamBoiler,
    SteamLoad,
    WasteHeatSource,
)
from simulators.account import Account, Tally

INTERVAL_S = 900
"""Demand is billed on the average of 15 minutes."""
LEAST_KWH = 1e-5
"""Flows below this are compared with it: counters of 1e7 kWh are rounded to 2e-9, which is no fault of the physics."""
OPEN = (
    GridConnection
    | PvPlant
    | WindTurbine
    | PressureTurbine
    | WasteHeatSource
    | HeatPump
    | ElectricLoad
    | SheddableLoad
    | ShiftableJob
    | EvChargers
    | HeatLoad
    | SteamLoad
    | CoolingLoad
    | HydrogenLoad
    | HeatConnection
    | SteamConnection
)
"""Kinds that energy comes from or goes to: only their buses can be audited."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRecord:
    """What happened in one interval, or in the part of it that the simulation saw."""

    start: datetime
    """UTC start of the interval, on the grid of 15 minutes even if the simulation began later."""
    seconds: float
    """How much of it was simulated, 0..900 for one interval."""
    accounts: Mapping[str, Account]
    """By asset: energies in kWh; `stored_kwh` is the change."""
    grid: str
    """Name of the grid connection among the accounts."""
    surplus_kwh: Mapping[str, float]
    """By bus: energy that nobody took."""
    heat_loads: frozenset[str]
    """Names of the heat loads among the accounts."""
    peak_kw: float
    """Highest import power seen at any step; 0 when the park only exported."""

    @property
    def import_kwh(self) -> float:
        return self.accounts[self.grid].electricity_fed_kwh

    @property
    def export_kwh(self) -> float:
        return self.accounts[self.grid].electricity_used_kwh

    @property
    def demand_kw(self) -> float:
        """Average import power over the simulated part: what the demand charge looks at."""
        return self.import_kwh * 3600 / self.seconds if self.seconds else 0.0

    @property
    def gas_kwh(self) -> float:
        return sum(account.gas_kwh for account in self.accounts.values())

    @property
    def curtailed_kwh(self) -> float:
        return sum(account.curtailed_kwh for account in self.accounts.values())

    @property
    def heat_unserved_kwh(self) -> float:
        return sum(account.unserved_kwh for name, account in self.accounts.items() if name in self.heat_loads)

    @property
    def unserved_kwh(self) -> float:
        """What loads of all carriers wanted and did not get."""
        return sum(account.unserved_kwh for account in self.accounts.values())

    @property
    def surplus_heat_kwh(self) -> float:
        return self.surplus_kwh.get(HEAT_BUS, 0.0)


class Ledger:
    """Audits a plant step by step and books it by interval."""

    def __init__(self, assets: Mapping[str, Asset], at: datetime, tally: Tally) -> None:
        self._assets = dict(assets)
        self._heat_loads = frozenset(name for name, asset in assets.items() if isinstance(asset, HeatLoad))
        self._buses = {name: (_buses_of(asset, 1), _buses_of(asset, -1)) for name, asset in assets.items()}
        """By asset, the buses that it feeds and those that it uses, in the order of an account."""
        self._grid = next(name for name, asset in assets.items() if isinstance(asset, GridConnection))
        self._began = self._opened = self._at = at
        self._first = self._opening = self._last = tally
        self._peak_kw = self._total_peak_kw = 0.0
        self.intervals: list[IntervalRecord] = []
        """The complete intervals; the first may have begun before the simulation and is then partial."""
        self.balance_residual = 0.0
        """Largest relative residual of any step so far."""

    def add(self, at: datetime, tally: Tally, grid_kw: float) -> None:
        """Audit and book the step that ended at `at`. Steps must not reach across the bound of an interval."""
        self.balance_residual = max(self.balance_residual, self._residual(self._last, tally))
        self._last, self._at = tally, at
        self._peak_kw = max(self._peak_kw, grid_kw)
        self._total_peak_kw = max(self._total_peak_kw, grid_kw)
        if (at - _EPOCH) % timedelta(seconds=INTERVAL_S) == timedelta(0):
            self.balance_residual = max(self.balance_residual, self._residual(self._opening, tally))
            self.intervals.append(self.running)
            self._opened, self._opening, self._peak_kw = at, tally, 0.0

    @property
    def running(self) -> IntervalRecord:
        """The interval that is not over yet."""
        into = (self._opened - _EPOCH) % timedelta(seconds=INTERVAL_S)
        return self._between(self._opened - into, self._opened, self._opening, self._peak_kw)

    @property
    def total(self) -> IntervalRecord:
        """Everything since the start, as one record."""
        return self._between(self._began, self._began, self._first, self._total_peak_kw)

    def _between(self, start: datetime, opened: datetime, opening: Tally, peak_kw: float) -> IntervalRecord:
        return IntervalRecord(
            start=start,
            seconds=(self._at - opened).total_seconds(),
            accounts={name: now.since(opening.accounts[name]) for name, now in self._last.accounts.items()},
            grid=self._grid,
            surplus_kwh={bus: now - opening.surplus_kwh[bus] for bus, now in self._last.surplus_kwh.items()},
            heat_loads=self._heat_loads,
            peak_kw=peak_kw,
        )

    def _residual(self, before: Tally, tally: Tally) -> float:
        fed: dict[str, float] = {"electricity": tally.inertia_kwh - before.inertia_kwh}
        used: dict[str, float] = {}
        worst = _fall(fed["electricity"])
        for bus, surplus_kwh in tally.surplus_kwh.items():
            used[bus] = surplus_kwh - before.surplus_kwh[bus]
            worst = max(worst, _fall(used[bus]))
        for name, account in tally.accounts.items():
            earlier = before.accounts[name]
            if account == earlier:
                continue
            flow = account.since(earlier)
            to, of = self._buses[name]
            # most assets have one carrier or two, and this runs for each of them in every step
            for bus, kwh in zip(to, flow[:10:2], strict=True):
                if kwh:
                    fed[bus] = fed.get(bus, 0.0) + kwh
            for bus, kwh in zip(of, flow[1:10:2], strict=True):
                if kwh:
                    used[bus] = used.get(bus, 0.0) + kwh
            worst = max(worst, self._own_residual(name, flow), _fall(min(flow[:-1])))
        for bus in fed.keys() | used.keys():
            worst = max(worst, _relative(fed.get(bus, 0.0), used.get(bus, 0.0)))
        return worst

    def _own_residual(self, name: str, flow: Account) -> float:
        """How far an asset's own energies are from its equation."""
        asset = self._assets[name]
        if isinstance(asset, OPEN):
            return 0.0
        if isinstance(asset, GasBoiler):
            return _relative(flow.heat_fed_kwh, asset.efficiency * flow.gas_kwh)
        if isinstance(asset, SteamBoiler):
            return _relative(flow.steam_fed_kwh, asset.efficiency * flow.gas_kwh)
        gained_kwh = flow.stored_kwh
        if isinstance(asset, Battery) and asset.cells is None:
            put_in = asset.charge_efficiency * flow.electricity_used_kwh
            taken_out = flow.electricity_fed_kwh / asset.discharge_efficiency
            return _relative(taken_out + max(gained_kwh, 0.0), put_in + max(-gained_kwh, 0.0))
        inward = flow.electricity_used_kwh + flow.heat_used_kwh + flow.steam_used_kwh + flow.hydrogen_used_kwh
        inward += flow.cooling_used_kwh + flow.gas_kwh
        outward = flow.electricity_fed_kwh + flow.heat_fed_kwh + flow.steam_fed_kwh + flow.hydrogen_fed_kwh
        outward += flow.lost_kwh
        if isinstance(asset, Chiller | AbsorptionChiller):
            inward += flow.cooling_fed_kwh
        else:
            outward += flow.cooling_fed_kwh
        return _relative(outward + max(gained_kwh, 0.0), inward + max(-gained_kwh, 0.0))


def _buses_of(asset: Asset, direction: int) -> tuple[str, ...]:
    return ("electricity", heat_bus_of(asset, direction), "steam", "cooling", "hydrogen")


def _fall(change_kwh: float) -> float:
    return max(-change_kwh, 0.0)


def _relative(left_kwh: float, right_kwh: float) -> float:
    return abs(left_kwh - right_kwh) / max(abs(left_kwh), abs(right_kwh), LEAST_KWH)
