"""A park's dispatch as a linear program, written from its equations in numpy: no cvxpy, no `dispatch.blocks`.

minimise  cost @ x,  so that  row_lower <= A x <= row_upper  and  lower <= x <= upper

`benchmarks/dispatch.py` measures HiGHS on it: whatever a situation may change is written into vectors in place.
`tests/plugins/park_equations.py` has every kind of asset, for tests, and writes all anew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from config.assets import (
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    HotWaterTank,
    PvPlant,
    WindTurbine,
)
from config.site import Site
from dispatch.block import Inputs
from dispatch.plan import FloatArray
from dispatch.worth import (
    OVER_LIMIT_TIMES,
    TIE,
    TIE_CURTAIL,
    UNSERVED_HEAT_TIMES,
    UNSERVED_LOAD_TIMES,
    Worth,
    worth_of,
)

Indexes = NDArray[np.int64]


@dataclass(frozen=True)
class Store:
    """Columns and rows of one store."""

    inside: Indexes
    below: Indexes
    above: Indexes
    missing: int
    spare: int
    start_row: int
    end_row: int
    floor_kwh: float
    ceiling_kwh: float
    keep: FloatArray


class ParkByHand:
    """The program of one site; `assign` writes the numbers of a situation into its vectors."""

    def __init__(self, site: Site, step_h: FloatArray) -> None:
        if site.measured:
            raise ValueError("assets under local control are not written by hand")
        self.step_h = step_h
        self.steps = len(step_h)
        self._worth: Worth = worth_of(site, step_h)
        self._rows: list[Indexes] = []
        self._columns: list[Indexes] = []
        self._values: list[FloatArray] = []
        self.column_count = self.row_count = 0
        self._site = site
        self.electric = self._new_rows(self.steps)
        """The rows in which electricity balances: what comes in less what goes out is zero."""
        self.heat = self._new_rows(self.steps)
        self._of: dict[str, Indexes] = {}
        self._unserved: dict[str, Indexes] = {}
        self._stores: dict[str, Store] = {}
        self._cop_at: dict[str, tuple[int, Indexes]] = {}
        for name, asset in site.dispatched.items():
            match asset:
                case GridConnection():
                    self._grid()
                case PvPlant() | WindTurbine():
                    self._of[name] = self._into(self.electric, 1.0)
                case Battery():
                    self._battery(name, asset)
                case HotWaterTank():
                    power = self._of[name] = self._into(self.heat, 1.0)
                    self._store(name, asset, (1.0 - asset.loss_per_h) ** step_h, [(power, -step_h)])
                case HeatPump():
                    power = self._of[name] = self._into(self.electric, -1.0)
                    self._cop_at[name] = (len(self._values), power)
                    self._add(self.heat, power, np.ones(self.steps))
                case GasBoiler():
                    self._of[name] = self._into(self.heat, 1.0)
                case ElectricLoad():
                    self._of[name] = self._into(self.electric, -1.0)
                    self._unserved[name] = self._into(self.electric, 1.0)
                case HeatLoad():
                    self._of[name] = self._into(self.heat, -1.0)
                    self._unserved[name] = self._into(self.heat, 1.0)
                case other:
                    raise ValueError(f"{other.kind} is not written by hand")
        self.cost, self.lower = np.zeros(self.column_count), np.zeros(self.column_count)
        self.upper = np.full(self.column_count, np.inf)
        self.row_lower, self.row_upper = np.zeros(self.row_count), np.zeros(self.row_count)
        self.row_lower[self.peak] = -np.inf
        self._constants()

    # -- the shape

    def _new_rows(self, count: int) -> Indexes:
        self.row_count += count
        return np.arange(self.row_count - count, self.row_count)

    def _new(self, count: int) -> Indexes:
        self.column_count += count
        return np.arange(self.column_count - count, self.column_count)

    def _add(self, rows: Indexes, columns: Indexes, values: FloatArray) -> None:
        self._rows.append(rows)
        self._columns.append(columns)
        self._values.append(np.asarray(values, dtype=np.float64))

    def _into(self, bus: Indexes, sign: float) -> Indexes:
        columns = self._new(self.steps)
        self._add(bus, columns, np.full(self.steps, sign))
        return columns

    def _grid(self) -> None:
        ones = np.ones(self.steps)
        self.imported, self.over = self._into(self.electric, 1.0), self._into(self.electric, 1.0)
        self.exported = self._into(self.electric, -1.0)
        self.extra = self._new(2)
        self.peak = self._new_rows(self.steps)
        self._add(self.peak, self.imported, ones)
        self._add(self.peak, self.over, ones)
        self._month_at = len(self._values)
        for month in range(2):
            self._add(self.peak, np.full(self.steps, self.extra[month]), -ones)

    def _battery(self, name: str, spec: Battery) -> None:
        charge, discharge = self._into(self.electric, -1.0), self._into(self.electric, 1.0)
        self._of[name], self._of[f"{name}.discharge"] = charge, discharge
        gain, drain = spec.charge_efficiency * self.step_h, -self.step_h / spec.discharge_efficiency
        self._store(name, spec, np.ones(self.steps), [(charge, gain), (discharge, drain)])

    def _store(
        self, name: str, spec: Battery | HotWaterTank, keep: FloatArray, flows: list[tuple[Indexes, FloatArray]]
    ) -> None:
        """E[0] = start;  E[t+1] - keep E[t] - flows = 0;  E[T] + missing - spare = target

        with E = inside - below + above.
        """
        steps = self.steps
        inside, below, above = self._new(steps + 1), self._new(steps + 1), self._new(steps + 1)
        missing, spare = self._new(1), self._new(1)
        course, start_row, end_row = self._new_rows(steps), self._new_rows(1), self._new_rows(1)
        one = np.ones(1)
        for part, sign in ((inside, 1.0), (below, -1.0), (above, 1.0)):
            self._add(start_row, part[:1], sign * one)
            self._add(course, part[1:], np.full(steps, sign))
            self._add(course, part[:-1], -sign * keep)
            self._add(end_row, part[-1:], sign * one)
        for columns, change in flows:
            self._add(course, columns, -change)
        self._add(end_row, missing, one)
        self._add(end_row, spare, -one)
        self._stores[name] = Store(
            inside=inside,
            below=below,
            above=above,
            missing=int(missing[0]),
            spare=int(spare[0]),
            start_row=int(start_row[0]),
            end_row=int(end_row[0]),
            floor_kwh=spec.soc_min * spec.capacity_kwh,
            ceiling_kwh=spec.soc_max * spec.capacity_kwh,
            keep=keep,
        )

    # -- the numbers

    def _constants(self) -> None:
        step_h, worth = self.step_h, self._worth
        dearest_per_kwh = worth.over_limit_per_kwh / OVER_LIMIT_TIMES
        progress = np.arange(self.steps) / self.steps
        _, grid = self._site.grid
        self.upper[self.imported], self.upper[self.exported] = grid.import_limit_kw, grid.export_limit_kw
        self.upper[self.over] = 9.0 * grid.import_limit_kw
        for name, asset in self._site.dispatched.items():
            match asset:
                case PvPlant() | WindTurbine():
                    self.cost[self._of[name]] = -TIE_CURTAIL * (1.0 - 0.5 * progress) * step_h
                case Battery():
                    self.cost[self._of[name]] = TIE * step_h * (1.0 + 0.1 * progress)
                    self.cost[self._of[f"{name}.discharge"]] = (asset.wear_cny_per_kwh + TIE) * step_h
                case ElectricLoad():
                    self.cost[self._unserved[name]] = UNSERVED_LOAD_TIMES * dearest_per_kwh * step_h
                case HeatLoad():
                    self.cost[self._unserved[name]] = UNSERVED_HEAT_TIMES * dearest_per_kwh * step_h
                case _:
                    pass
        for store in self._stores.values():
            self.lower[store.inside], self.upper[store.inside] = store.floor_kwh, store.ceiling_kwh
            outside = worth.outside_per_kwh_h * step_h
            self.cost[store.below[1:]] = self.cost[store.above[1:]] = outside

    def assign(self, inputs: Inputs) -> None:
        """Writes what a situation and its prices say."""
        situation, prices, step_h = inputs.situation, inputs.prices, self.step_h
        gap = np.maximum(prices.export_per_kwh - prices.import_cost_per_kwh, 0.0)
        bought = (prices.import_cost_per_kwh + np.where(inputs.exporting, gap, 0.0)) * step_h
        self.cost[self.imported] = bought
        self.cost[self.over] = bought + self._worth.over_limit_per_kwh * step_h
        self.cost[self.exported] = (TIE - prices.export_per_kwh + np.where(inputs.exporting, 0.0, gap)) * step_h
        self.cost[self.extra] = 0.0
        self.cost[self.extra[: len(prices.demand_per_kw)]] = prices.demand_per_kw
        self.row_upper[self.peak] = inputs.peaks_kw[prices.month]
        for month in range(2):
            self._values[self._month_at + month] = np.where(prices.month == month, -1.0, 0.0)
        for name, asset in self._site.dispatched.items():
            on = 0.0 if name in situation.unavailable else 1.0
            match asset:
                case PvPlant() | WindTurbine():
                    self.upper[self._of[name]] = on * np.minimum(situation.available_kw[name], asset.rated_kw)
                case Battery():
                    self.upper[self._of[name]] = on * asset.max_charge_kw
                    self.upper[self._of[f"{name}.discharge"]] = on * asset.max_discharge_kw
                case HotWaterTank():
                    self.lower[self._of[name]] = -on * asset.max_charge_kw
                    self.upper[self._of[name]] = on * asset.max_discharge_kw
                case HeatPump():
                    self.upper[self._of[name]] = on * asset.max_power_kw
                    self._values[self._cop_at[name][0]] = situation.cop[name]
                case GasBoiler():
                    self.upper[self._of[name]] = on * asset.max_heat_kw
                    burnt = step_h / asset.efficiency
                    self.cost[self._of[name]] = (prices.gas_per_kwh + prices.gas_carbon_per_kwh) * burnt
                case ElectricLoad():
                    self.lower[self._of[name]] = self.upper[self._of[name]] = situation.load_kw[name]
                    self.upper[self._unserved[name]] = situation.load_kw[name]
                case HeatLoad():
                    self.lower[self._of[name]] = self.upper[self._of[name]] = situation.load_kw[name]
                    self.upper[self._unserved[name]] = situation.load_kw[name]
                case _:
                    pass
        for name, store in self._stores.items():
            self._start(name, store, inputs)

    def _start(self, name: str, store: Store, inputs: Inputs) -> None:
        start = inputs.situation.stored_kwh.get(name, (store.floor_kwh + store.ceiling_kwh) / 2.0)
        idle = start * np.concatenate(([1.0], np.cumprod(store.keep)))
        self.upper[store.below] = np.maximum(store.floor_kwh - idle, 0.0)
        self.upper[store.above] = np.maximum(idle - store.ceiling_kwh, 0.0)
        self.row_lower[store.start_row] = self.row_upper[store.start_row] = start
        target = min(max(start, store.floor_kwh), store.ceiling_kwh)
        self.row_lower[store.end_row] = self.row_upper[store.end_row] = target
        value = inputs.end_value["electricity" if isinstance(self._site.assets[name], Battery) else "heat"]
        self.cost[store.missing], self.cost[store.spare] = value.keep_per_kwh, -value.spare_per_kwh

    @property
    def entries(self) -> tuple[Indexes, Indexes, FloatArray]:
        """Row, column and value of every coefficient, always in the same order."""
        return np.concatenate(self._rows), np.concatenate(self._columns), np.concatenate(self._values)

    @property
    def varying(self) -> list[tuple[Indexes, Indexes, FloatArray]]:
        """Row, column and value of the coefficients that a situation may change."""
        places = [place for place, _ in self._cop_at.values()] + [self._month_at, self._month_at + 1]
        return [(self._rows[place], self._columns[place], self._values[place]) for place in places]

    @property
    def matrix(self) -> sparse.csc_array:
        rows, columns, values = self.entries
        return sparse.csc_array((values, (rows, columns)), shape=(self.row_count, self.column_count))
