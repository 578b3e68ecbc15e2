"""A park's dispatch once more, written line by line from the equations and solved by scipy's `milp`.

Nothing here knows cvxpy or `dispatch.blocks`: what this finds and what the dispatcher finds have the numbers of a site
in common (`dispatch.forms`, tariff, ranks of slack), and how they are joined is said twice. It is slow and plain on
purpose: one column for each variable and interval, one row for each equation and interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from config.asset import carrier_of
from config.caps import KGCE_PER_KWH
from config.heat_network import NetworkConnection
from config.site import Site
from config.tariff import minutes_of
from dispatch.block import Inputs
from dispatch.forms.connection import Connection
from dispatch.forms.converter import Converter
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.link import TOUCHES, Link
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.forms.windowed import Windowed
from dispatch.plan import ELECTRICITY, BusId
from dispatch.registry import forms_of
from dispatch.worth import TIE, TIE_CURTAIL, UNSERVED_TIMES, UNSERVED_WINDOW_TIMES, worth_of

ENDLESS = float("inf")
BEYOND = 9.0
"""How far import limit and rating may be exceeded, in times of themselves."""


@dataclass(frozen=True, slots=True)
class Line:
    """constant + sum of factor * column."""

    factors: Mapping[int, float] = field(default_factory=dict)
    constant: float = 0.0

    def __add__(self, other: Line) -> Line:
        factors = dict(self.factors)
        for column, factor in other.factors.items():
            factors[column] = factors.get(column, 0.0) + factor
        return Line(factors, self.constant + other.constant)

    def __mul__(self, times: float) -> Line:
        return Line({column: times * factor for column, factor in self.factors.items()}, times * self.constant)

    def __sub__(self, other: Line) -> Line:
        return self + other * -1.0


def total(lines: Sequence[Line]) -> Line:
    return sum(lines, start=Line())


class Program:
    """minimise cost @ x, so that rows and bounds are kept."""

    def __init__(self) -> None:
        self._bounds: list[tuple[float, float]] = []
        self._costs: list[float] = []
        self._rows: list[tuple[Line, float, float]] = []

    def column(self, low: float = 0.0, high: float = ENDLESS, cost: float = 0.0) -> Line:
        self._bounds.append((low, high))
        self._costs.append(cost)
        return Line({len(self._costs) - 1: 1.0})

    def price(self, line: Line, cost: float) -> None:
        for column, factor in line.factors.items():
            self._costs[column] += cost * factor

    def most(self, line: Line, most: float = 0.0) -> None:
        self._rows.append((line, -ENDLESS, most - line.constant))

    def equal(self, line: Line, value: float = 0.0) -> None:
        self._rows.append((line, value - line.constant, value - line.constant))

    def cheapest(self) -> float | None:
        """The least cost; None where the rows contradict each other."""
        matrix = sparse.lil_array((len(self._rows), len(self._costs)))
        for row, (line, _, _) in enumerate(self._rows):
            for column, factor in line.factors.items():
                matrix[row, column] = factor
        found = milp(
            self._costs,
            constraints=LinearConstraint(
                matrix.tocsc(), [low for _, low, _ in self._rows], [high for _, _, high in self._rows]
            ),
            bounds=Bounds([low for low, _ in self._bounds], [high for _, high in self._bounds]),
        )
        return float(found.fun) if found.success else None


class ParkEquations:
    """The program of a site in one situation; `extra_kw` is drawn from the electric bus besides, by interval."""

    def __init__(self, site: Site, inputs: Inputs, extra_kw: Mapping[int, float] | None = None) -> None:
        self._site, self._inputs = site, inputs
        self._situation, self._prices = inputs.situation, inputs.prices
        self._hours = inputs.situation.step_h.tolist()
        self._steps = range(len(self._hours))
        self._worth = worth_of(site, inputs.situation.step_h)
        self._flows: dict[BusId, list[Line]] = {}
        self._imported, self._exported = [Line()] * len(self._hours), [Line()] * len(self._hours)
        self._gas = [Line()] * len(self._hours)
        self._heat_co2, self._heat_kgce = [Line()] * len(self._hours), [Line()] * len(self._hours)
        self.program = Program()
        for name, form in forms_of(site).items():
            self._asset(name, form)
        for bus, flows in self._flows.items():
            for t in self._steps:
                drawn = Line(constant=(extra_kw or {}).get(t, 0.0) if bus == ELECTRICITY else 0.0)
                self.program.equal(flows[t] - self._local(bus, t) - drawn)
        self._ladder()
        self._caps()

    def _asset(self, name: str, form: Form) -> None:
        match form:
            case Source():
                self._source(name, form)
            case Demand():
                self._demand(name, form)
            case Connection():
                self._connection(form)
            case Storage():
                self._storage(name, form)
            case Converter():
                self._converter(name, form)
            case Windowed():
                self._windowed(name, form)
            case Link():
                self._link(form)
            case Network():
                self._network(name, form)
            case other:
                raise ValueError(f"{type(other).__name__} is not written here")

    def _flow(self, bus: BusId, t: int, line: Line) -> None:
        self._flows.setdefault(bus, [Line()] * len(self._hours))[t] += line

    def _on(self, name: str) -> float:
        return 0.0 if name in self._situation.unavailable else 1.0

    # -- the eight forms

    def _source(self, name: str, form: Source) -> None:
        for t, h in enumerate(self._hours):
            if not form.free:
                worth = self._worth.left_over_per_kwh
            else:
                worth = TIE_CURTAIL * (1.0 - 0.5 * t / len(self._hours)) if form.bus == ELECTRICITY else 0.0
            offered_kw = self._on(name) * min(self._situation.available_kw[name][t], form.rated_kw)
            self._flow(form.bus, t, self.program.column(0.0, offered_kw, -worth * h))

    def _demand(self, name: str, form: Demand) -> None:
        ranked = form.times * self._worth.dearest_per_kwh
        price = ranked if form.price_per_kwh is None else form.price_per_kwh
        for t, h in enumerate(self._hours):
            demand_kw = float(self._situation.load_kw[name][t])
            unserved = self.program.column(0.0, demand_kw, price * h)
            self._flow(form.bus, t, unserved - Line(constant=demand_kw))

    def _connection(self, form: Connection) -> None:
        prices = self._prices
        extra = [self.program.column(0.0, ENDLESS, price) for price in prices.demand_per_kw.tolist()]
        for t, h in enumerate(self._hours):
            buys, sells = float(prices.import_cost_per_kwh[t]), float(prices.export_per_kwh[t])
            if sells > buys:  # never both at once: one side has the other's price
                buys, sells = (sells, sells) if self._inputs.exporting[t] else (buys, buys)
            bought = self.program.column(0.0, form.import_limit_kw, buys * h)
            over = self.program.column(0.0, BEYOND * form.import_limit_kw, (buys + self._worth.over_limit_per_kwh) * h)
            sold = self.program.column(0.0, form.export_limit_kw, (TIE - sells) * h)
            month = int(prices.month[t])
            self.program.most(bought + over - extra[month], float(self._inputs.peaks_kw[month]))
            self._flow(form.bus, t, bought + over - sold)
            self._imported[t], self._exported[t] = bought + over, sold

    def _storage(self, name: str, form: Storage) -> None:
        changes = []
        for t, h in enumerate(self._hours):
            charge_kw, discharge_kw = self._on(name) * form.max_charge_kw, self._on(name) * form.max_discharge_kw
            if form.signed:
                power = self.program.column(-charge_kw, discharge_kw)
                self._flow(form.bus, t, power)
                changes.append(power * -h)
                continue
            tie = TIE * (1.0 + 0.1 * t / len(self._hours))
            charge = self.program.column(0.0, charge_kw, tie * h)
            discharge = self.program.column(0.0, discharge_kw, (form.wear_per_kwh + tie) * h)
            self._flow(form.bus, t, discharge - charge)
            changes.append(charge * (form.charge_efficiency * h) - discharge * (h / form.discharge_efficiency))
        self._stored(name, form, changes)

    def _stored(self, name: str, form: Storage, changes: Sequence[Line]) -> None:
        floor, ceiling = form.soc_min * form.capacity_kwh, form.soc_max * form.capacity_kwh
        start = self._situation.stored_kwh.get(name, (floor + ceiling) / 2.0)
        outside_price = self._worth.outside_per_kwh_h
        before, untouched = Line(constant=start), start
        for t, h in enumerate(self._hours):
            keep = (1.0 - form.loss_per_h) ** h
            untouched *= keep
            below = self.program.column(0.0, max(floor - untouched, 0.0), outside_price * h)
            above = self.program.column(0.0, max(untouched - ceiling, 0.0), outside_price * h)
            after = self.program.column(floor, ceiling) - below + above
            self.program.equal(after - before * keep - changes[t])
            before = after
        value = self._inputs.end_value[form.bus]
        missing = self.program.column(0.0, ENDLESS, value.keep_per_kwh)
        spare = self.program.column(0.0, ENDLESS, -value.spare_per_kwh)
        self.program.equal(before + missing - spare, min(max(start, floor), ceiling))

    def _converter(self, name: str, form: Converter) -> None:
        before: Line | None = None
        for t, h in enumerate(self._hours):
            shares = [self.program.column(0.0, 1.0) for _ in form.points]
            self.program.most(total(shares), 1.0)
            if form.takes_first and name in self._inputs.taken_first:
                full_kw = abs(form.points[-1].flows_kw[form.makes])
                held_back = self.program.column(0.0, 1.0, self._worth.over_limit_per_kwh * full_kw * h)
                self.program.most((shares[-1] + held_back) * -1.0, -float(self._inputs.taken_first[name][t]))
            gas = total([s * (self._on(name) * point.gas_kw) for s, point in zip(shares, form.points, strict=True)])
            gas_price = float(self._prices.gas_per_kwh[t] + self._prices.gas_carbon_per_kwh[t])
            self.program.price(gas, gas_price * h)
            self._gas[t] += gas
            for bus in form.buses:
                times = self._on(name)
                if bus in form.by_cop:
                    times *= float(self._situation.cop[name][t]) ** form.by_cop[bus]
                made = total([s * (times * point.flows_kw[bus]) for s, point in zip(shares, form.points, strict=True)])
                used = made
                if bus in form.thrown_away:
                    thrown = self.program.column()
                    self.program.most(thrown - made)
                    used = made - thrown
                self._flow(bus, t, used)
                if bus == form.bus and np.isfinite(form.ramp_kw_per_h):
                    if before is not None:
                        change_kw = form.ramp_kw_per_h * (h + self._hours[t - 1]) / 2.0
                        self.program.most(made - before, change_kw)
                        self.program.most(before - made, change_kw)
                    before = made

    def _windowed(self, name: str, form: Windowed) -> None:
        """Each window by itself: what must have been taken by the end of each interval, and what can have been."""
        price = UNSERVED_WINDOW_TIMES * self._worth.dearest_per_kwh
        together = [Line()] * len(self._hours)
        for each in self._situation.wanted[name]:
            begin_h, power_kw = max(each.from_h, 0.0), self._on(name) * min(each.most_kw, form.limit_kw)
            open_h = max(each.until_h - begin_h, 0.0)
            wanted_kwh = min(each.energy_kwh, power_kw * open_h)
            done, ends_h = Line(), 0.0
            for t, h in enumerate(self._hours):
                ends_h += h
                passed_h = min(max(ends_h - begin_h, 0.0), open_h)
                able_kw = power_kw * (passed_h - min(max(ends_h - h - begin_h, 0.0), open_h)) / h
                power = self.program.column(0.0, able_kw, TIE * t / len(self._hours) * h)
                given_up = self.program.column(0.0, ENDLESS, price * h)
                done += (power + given_up) * h
                self.program.most(done, min(power_kw * passed_h, wanted_kwh))
                self.program.most(done * -1.0, min(power_kw * (open_h - passed_h) - wanted_kwh, 0.0))
                together[t] += power
        for t, power in enumerate(together):
            self.program.most(power, self._on(name) * form.limit_kw)
            self._flow(form.bus, t, power * -1.0)

    def _link(self, form: Link) -> None:
        for t, h in enumerate(self._hours):
            price = self._worth.over_limit_per_kwh * h
            over, back = (self.program.column(0.0, BEYOND * form.rated_kw, price) for _ in range(2))
            through = self.program.column(-form.rated_kw, form.rated_kw) + over - back
            loss = self.program.column(form.no_load_kw)
            for y in TOUCHES.tolist():
                tangent = through * (2.0 * y * form.load_kw / form.rated_kw)
                self.program.most(tangent - loss, form.load_kw * y * y - form.no_load_kw)
            beyond = (over + back) * (2.0 * form.load_kw / form.rated_kw)
            self.program.most(loss - beyond, form.no_load_kw + form.load_kw)
            self._flow(form.outer, t, (through + loss) * -1.0)
            self._flow(form.bus, t, through)

    def _network(self, name: str, form: Network) -> None:
        """The site's clock is UTC in tests, and a price holds for whole intervals."""
        spec, carbon = form.spec, self._site.tariffs[0].carbon_price_per_t / 1000.0
        start, begins_h = self._situation.start, np.cumsum([0.0, *self._hours[:-1]]).tolist()
        for t, h in enumerate(self._hours):
            minute = (start + timedelta(hours=begins_h[t])).hour * 60
            price, revenue = (
                next(p for hours, p in by_hours.items() if minutes_of(hours)[0] <= minute < minutes_of(hours)[1])
                for by_hours in (spec.import_price_per_kwh, spec.export_price_per_kwh)
            )
            cost = (price + carbon * spec.co2_kg_per_kwh) * h
            bought = self.program.column(0.0, self._on(name) * spec.import_limit_kw, cost)
            sold = self.program.column(0.0, self._on(name) * spec.export_limit_kw, (TIE - revenue) * h)
            self._flow(form.bus, t, bought - sold)
            self._heat_co2[t] += bought * spec.co2_kg_per_kwh
            self._heat_kgce[t] += (bought - sold) * spec.kgce_per_kwh

    # -- what is not an asset

    def _local(self, bus: BusId, t: int) -> Line:
        """What is taken under local control, less what is given there; what nobody takes, or can give."""
        if not self._site.measured:
            return Line()
        use_kw, h = float(self._situation.local(bus)[t]), self._hours[t]
        over_price = self._worth.left_over_per_kwh if bus == ELECTRICITY else TIE
        short_price = UNSERVED_TIMES[carrier_of(bus)] * self._worth.dearest_per_kwh
        over = self.program.column(0.0, max(-use_kw, 0.0), over_price * h)
        short = self.program.column(0.0, 0.0 if bus == ELECTRICITY else max(use_kw, 0.0), short_price * h)
        return Line(constant=use_kw) + over - short

    def _days(self) -> list[date]:
        """The day in which each interval starts; tests have their tariffs in UTC."""
        start, before_h = self._situation.start, np.cumsum([0.0, *self._hours[:-1]]).tolist()
        return [(start + timedelta(hours=hours)).date() for hours in before_h]

    def _ladder(self) -> None:
        ladder = self._site.tariffs[0].ladder
        if ladder is None:
            return
        days = self._days()
        periods = [(day.year, day.month if ladder.over == "month" else 0) for day in days]
        for period in sorted(set(periods)):
            used_kwh = self._situation.used.import_kwh(ladder.over) if period == periods[0] else 0.0
            imported = total([self._imported[t] * self._hours[t] for t in self._steps if periods[t] == period])
            below = 0.0
            for step in ladder.steps:
                excess = self.program.column(0.0, ENDLESS, step.surcharge_per_kwh - below)
                self.program.most(imported - excess, max(step.above_kwh - used_kwh, 0.0))
                below = step.surcharge_per_kwh

    def _caps(self) -> None:
        caps, tariff, used = self._site.file.caps, self._site.tariffs[0], self._situation.used
        if (carbon := caps.carbon) is not None:
            known = [tariff.grid_co2_kg_per_kwh, tariff.gas_co2_kg_per_kwh]
            known += [each.co2_kg_per_kwh for each in self._site.dispatched_of(NetworkConnection).values()]
            factors = [each for each in known if each > 0.0]
            counted = [
                self._imported[t] * tariff.grid_co2_kg_per_kwh
                + self._gas[t] * tariff.gas_co2_kg_per_kwh
                + self._heat_co2[t]
                for t in self._steps
            ]
            most = [carbon.most_kg] * len(self._hours)
            self._cap(counted, carbon.over, most, used.month_co2_kg, carbon.price_per_kg, min(factors, default=1.0))
        if (budget := caps.energy_budget) is not None:
            counted = [
                (self._imported[t] - self._exported[t] + self._gas[t]) * KGCE_PER_KWH + self._heat_kgce[t]
                for t in self._steps
            ]
            price = None if budget.price_per_tce is None else budget.price_per_tce / 1000.0
            most = [1000.0 * budget.most_tce] * len(self._hours)
            self._cap(counted, budget.over, most, used.month_kgce, price, KGCE_PER_KWH)
        if (share := caps.export_share) is not None:
            months = [day.month for day in self._days()]
            could_kwh = [0.0] * len(self._hours)
            for name, form in forms_of(self._site).items():
                if isinstance(form, Source) and form.free and form.bus == ELECTRICITY:
                    for t, h in enumerate(self._hours):
                        offered_kw = min(self._situation.available_kw[name][t], form.rated_kw)
                        could_kwh[t] += self._on(name) * offered_kw * h
            most = []
            for t in self._steps:
                alike = [s for s in self._steps if share.over == "horizon" or months[s] == months[t]]
                before = used.month_available_kwh if share.over == "month" and months[t] == months[0] else 0.0
                most.append(share.most * (before + sum(could_kwh[s] for s in alike)))
            self._cap(self._exported, share.over, most, used.month_export_kwh, share.price_per_kwh, 1.0)

    def _cap(
        self,
        counted: Sequence[Line],
        over: str,
        most: Sequence[float],
        used: float,
        price: float | None,
        least_per_kwh: float,
    ) -> None:
        """`most` is what the period of each interval allows."""
        periods = [day.month if over == "month" else 0 for day in self._days()]
        for period in sorted(set(periods)):
            within = [t for t in self._steps if periods[t] == period]
            gone = used if over == "month" and period == periods[0] else 0.0
            hard = self._worth.hard_cap_per_kwh / least_per_kwh
            excess = self.program.column(0.0, ENDLESS, hard if price is None else price)
            self.program.most(
                total([counted[t] * self._hours[t] for t in within]) - excess, max(most[within[0]] - gone, 0.0)
            )
