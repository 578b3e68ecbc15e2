"""The independent audit of the simulated park, and its 15-minute book.

The audit never looks at powers. From the counters of all devices and the energies in the stores it re-adds each step:

    electricity   sum of fed = sum of used                       (the grid connection is one of them)
    heat          sum of fed = sum of used + surplus
    battery       change of stored = eta_c * used - fed / eta_d
    tank          change of stored = used - fed - lost
    boiler        fed = eta * gas

    residual = |left - right| / larger of both sides

The same is done once more over each complete interval, where many small errors of one sign would show.

A counter that falls counts as a residual of its own size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.assets import Asset, Battery, GasBoiler, GridConnection, HotWaterTank
from simulators.account import Account, Tally

INTERVAL_S = 900
"""Demand is billed on the average of 15 minutes."""
LEAST_KWH = 1e-5
"""Flows below this are compared with it: counters of 1e7 kWh are rounded to 2e-9, which is no fault of the physics."""
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
    surplus_heat_kwh: float
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
        return sum(account.unserved_kwh for account in self.accounts.values())


class Ledger:
    """Audits a plant step by step and books it by interval."""

    def __init__(self, assets: Mapping[str, Asset], at: datetime, tally: Tally) -> None:
        self._assets = dict(assets)
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
            surplus_heat_kwh=self._last.surplus_heat_kwh - opening.surplus_heat_kwh,
            peak_kw=peak_kw,
        )

    def _residual(self, before: Tally, tally: Tally) -> float:
        surplus = tally.surplus_heat_kwh - before.surplus_heat_kwh
        electricity_fed = electricity_used = heat_fed = 0.0
        heat_used = surplus
        worst = _fall(surplus)
        for name, account in tally.accounts.items():
            flow = account.since(before.accounts[name])
            electricity_fed += flow.electricity_fed_kwh
            electricity_used += flow.electricity_used_kwh
            heat_fed += flow.heat_fed_kwh
            heat_used += flow.heat_used_kwh
            worst = max(worst, self._own_residual(name, flow), *(_fall(change) for change in _counters(flow)))
        return max(worst, _relative(electricity_fed, electricity_used), _relative(heat_fed, heat_used))

    def _own_residual(self, name: str, flow: Account) -> float:
        """How far an asset's own energies are from its equation."""
        match self._assets[name]:
            case Battery() as battery:
                put_in = battery.charge_efficiency * flow.electricity_used_kwh
                taken_out = flow.electricity_fed_kwh / battery.discharge_efficiency
                return _relative(taken_out + max(flow.stored_kwh, 0.0), put_in + max(-flow.stored_kwh, 0.0))
            case HotWaterTank():
                gone = flow.heat_fed_kwh + flow.lost_kwh
                return _relative(gone + max(flow.stored_kwh, 0.0), flow.heat_used_kwh + max(-flow.stored_kwh, 0.0))
            case GasBoiler() as boiler:
                return _relative(flow.heat_fed_kwh, boiler.efficiency * flow.gas_kwh)
            case _:
                return 0.0


def _counters(flow: Account) -> tuple[float, ...]:
    """The changes that must not be negative: all but the stored energy."""
    return (*flow[:5], *flow[6:])


def _fall(change_kwh: float) -> float:
    return max(-change_kwh, 0.0)


def _relative(left_kwh: float, right_kwh: float) -> float:
    return abs(left_kwh - right_kwh) / max(abs(left_kwh), abs(right_kwh), LEAST_KWH)
