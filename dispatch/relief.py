"""The park's problem with limits that may give: what each of them would have to, so that nothing is left unmet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import cvxpy as cp
import numpy as np

from config.feeder import Feeder
from config.heat_network import NetworkConnection
from config.site import Site
from dispatch.block import Block, Inputs, TimeGrid
from dispatch.blocks.account import Account
from dispatch.blocks.grid import OVER_LIMIT_SHARE
from dispatch.caps import cap_terms
from dispatch.forms.connection import Connection
from dispatch.forms.converter import Converter, OperatingPoint
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.forms.windowed import Windowed
from dispatch.given import Given
from dispatch.plan import FloatArray, Plan, Situation
from dispatch.problem import ParkProblem, build_problem, sums_of
from dispatch.registry import forms_of
from dispatch.store import corridor
from dispatch.worth import worth_of

WIDER = 10.0
"""How many times its own size a limit may become: what needs more than that is a wrong number, not a tight limit."""
MONEY = 1e-4
"""Money counts this much of itself: it still tells a plan from a silly one, and twelve times it, the COP of a chiller
on its best day, stays below the price of the cheapest relief."""
RELIEF_SHARE = 0.02
"""A relief costs this share of what power that nobody can take costs, the cheapest shortage: the dearest relief,
for five minutes only, is still worth it. Money is worth none."""
ANY = 1e7
"""kW, kWh or units of a cap: more than any park has."""


class Gives(Enum):
    """What may give, in words for programs."""

    UNAVAILABLE = "unavailable"
    IMPORT_LIMIT = "import limit"
    EXPORT_LIMIT = "export limit"
    LOWER_END = "lower end of the window"
    UPPER_END = "upper end of the window"
    CAP = "cap"
    RATING = "rating"
    HIGHEST_POWER = "highest power"
    CHARGING_POWER = "charging power"
    DISCHARGING_POWER = "discharging power"


EFFORT = {Gives.UNAVAILABLE: 0.5} | dict.fromkeys(
    (Gives.RATING, Gives.HIGHEST_POWER, Gives.CHARGING_POWER, Gives.DISCHARGING_POWER), 3.0
)
"""How hard it is to give, 1 for what is not here. To bring back what is there is easiest; the grid operator may be
asked, and a store's window opened for a day; a plate on a machine gives least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """By how much one limit gives."""

    gives: Gives
    whose: str
    limit: float
    """Where it is now."""
    unit: str
    amount: cp.Variable
    """Never negative, shape (steps,); of an end of a window, of a cap's period, shape (1,)."""
    most: Given
    """How much it may give; `ANY` at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relieved:
    """A problem that is never short while a relief can help."""

    park: ParkProblem
    forms: Mapping[str, Form]
    """With their limits widened."""
    reliefs: tuple[Relief, ...]
    inputs: Inputs


def relieved(site: Site, inputs: Inputs, plan: Plan) -> Relieved:
    """minimise  shortage * its rank + sum over limits of price * (sum of relief[t] * dt + most * 1 h) + money / 10^4

    so that limit + relief takes the place of each limit, with most the largest relief: it is priced as well, so that a
    little for long is preferred to as much at once.
    """
    forms, situation = forms_of(site), inputs.situation
    worth = worth_of(site, situation.step_h)
    unit_price = RELIEF_SHARE * worth.left_over_per_kwh
    reliefs: list[Relief] = []
    free = replace(worth, over_limit_per_kwh=0.0, hard_cap_per_kwh=0.0)
    unpriced = _unpriced(site)

    def accounts(blocks: Sequence[Block], grid: TimeGrid) -> tuple[Account, ...]:
        sums = sums_of(unpriced, wide, blocks, grid, reserve=False)
        rooms = [room for block in blocks for room in _rooms(block, forms[block.asset], situation, grid)]
        terms = cap_terms(site)
        rooms += [
            _Room(Gives.CAP, cap.name, 0.0, cap.unit, each.excess, 0.0, cap.least_per_kwh)
            for each in sums
            if each.excess is not None and (cap := terms[each.cap]).price is None
        ]
        rooms += [room for each in sums if each.feeder for room in _of_feeder(site, each)]
        found = [room.relief(grid, unit_price) for room in rooms]
        reliefs.extend(relief for relief, _ in found)
        return (*sums, *(account for _, account in found))

    wide = {name: _widened(form) for name, form in forms.items()}
    park = build_problem(site, situation.step_h, forms=wide, worth=free, accounts=accounts)
    return Relieved(park=park, forms=wide, reliefs=tuple(reliefs), inputs=_inputs(forms, inputs, plan))


@dataclass(frozen=True, slots=True)
class _Room:
    """flow <= most + relief."""

    gives: Gives
    whose: str
    limit: float
    unit: str
    flow: cp.Expression
    most: FloatArray | float
    per_unit: float = 1.0

    def relief(self, grid: TimeGrid, unit_price: float) -> tuple[Relief, Account]:
        """Power is priced by its time, and its most as if it were for an hour; energy and sums count twice, which is as
        much."""
        timed, name = self.unit == "kW", f"relief.{self.whose}.{self.gives.name}"
        amount = cp.Variable(grid.steps if timed else 1, bounds=[0, None], name=name)
        highest = cp.Variable(bounds=[0, None], name=f"{name}.highest")
        most = Given(nonneg=True, name=f"{name}.most")
        most.value = ANY
        price = EFFORT.get(self.gives, 1.0) * unit_price / self.per_unit
        spent = (grid.step_h @ amount if timed else cp.sum(amount)) + highest
        account = Account(
            constraints=[self.flow <= self.most + amount, amount <= highest, highest <= most], penalty=price * spent
        )
        relief = Relief(gives=self.gives, whose=self.whose, limit=self.limit, unit=self.unit, amount=amount, most=most)
        return relief, account


def _rooms(block: Block, form: Form, situation: Situation, grid: TimeGrid) -> list[_Room]:
    """The limits of one asset that may give."""
    name = block.asset
    on = np.full(grid.steps, situation.on(name))
    flow = form.gives * block.flows[form.bus]

    def power(gives: Gives, most: FloatArray, what: cp.Expression = flow) -> _Room:
        """An asset that is unavailable has a limit of zero."""
        gives = gives if situation.on(name) else Gives.UNAVAILABLE
        return _Room(gives, name, float(np.max(most)), "kW", what, on * most)

    rooms = [
        _Room(
            Gives.IMPORT_LIMIT if isinstance(form, Connection) else Gives.RATING,
            name,
            slack.limit,
            slack.unit,
            slack.amount,
            0.0,
        )
        for slack in block.slacks
        if slack.limit is not None
    ]
    match form:
        case Connection():
            most = np.full(grid.steps, form.export_limit_kw)
            exported = block.counted.get("export_kw", -flow)
            rooms.append(_Room(Gives.EXPORT_LIMIT, name, form.export_limit_kw, "kW", exported, most))
        case Converter():
            full = form.curve(name, replace(situation, unavailable=frozenset()))[-1]
            rooms.append(power(Gives.HIGHEST_POWER, np.abs(full.flows_kw[form.bus])))
        case Network():
            rooms.append(power(Gives.HIGHEST_POWER, np.full(grid.steps, form.spec.import_limit_kw)))
        case Windowed():
            rooms.append(power(Gives.HIGHEST_POWER, np.full(grid.steps, form.limit_kw)))
        case Source() if not situation.on(name):
            rooms.append(power(Gives.UNAVAILABLE, form.offered(name, replace(situation, unavailable=frozenset()))))
        case Storage() if name in situation.stored_kwh:
            rooms.append(power(Gives.DISCHARGING_POWER, np.full(grid.steps, form.max_discharge_kw)))
            rooms.append(power(Gives.CHARGING_POWER, np.full(grid.steps, form.max_charge_kw), -flow))
            if block.stored is not None and situation.on(name):
                rooms += _ends(name, form, block.stored.kwh, situation)
        case _:
            pass
    return rooms


def _of_feeder(site: Site, account: Account) -> list[_Room]:
    """What its line may carry, both ways."""
    spec = site.of_kind(Feeder)[account.feeder]
    ways = ((Gives.IMPORT_LIMIT, spec.import_limit_kw), (Gives.EXPORT_LIMIT, spec.export_limit_kw))
    return [
        _Room(gives, account.feeder, limit_kw, "kW", beyond, 0.0)
        for (gives, limit_kw), beyond in zip(ways, account.beyond, strict=True)
    ]


def _ends(name: str, form: Storage, stored_kwh: cp.Expression, situation: Situation) -> list[_Room]:
    """The ends of a store's window, where it does not go to them anyhow."""
    keep, start = form.kept(situation.step_h), situation.stored_kwh[name]
    low, high = corridor(form.capacity_kwh, form.soc_min, form.soc_max, start, keep)
    floor, ceiling = form.soc_min * form.capacity_kwh, form.soc_max * form.capacity_kwh
    rooms = []
    if floor > 0.0:
        rooms.append(_Room(Gives.LOWER_END, name, floor, "kWh", -stored_kwh, -low))
    if form.soc_max < 1.0:
        rooms.append(_Room(Gives.UPPER_END, name, ceiling, "kWh", stored_kwh, high))
    return rooms


def _widened(form: Form) -> Form:
    """The form with wide limits; where they are kept is the rooms' business."""
    match form:
        case Connection():
            beyond_kw = OVER_LIMIT_SHARE * max(form.import_limit_kw, form.export_limit_kw)
            return replace(form, export_limit_kw=form.export_limit_kw + beyond_kw)
        case Converter():
            full = form.points[-1]
            flows = {bus: WIDER * kw for bus, kw in full.flows_kw.items()}
            more = OperatingPoint(flows_kw=flows, gas_kw=WIDER * full.gas_kw)
            # the search is for limits, and not for when units run
            return replace(form, points=(*form.points, more), takes_first=False, unit=None)
        case Windowed():
            return replace(form, limit_kw=WIDER * form.limit_kw)
        case Storage():
            return replace(
                form,
                max_charge_kw=WIDER * form.max_charge_kw,
                max_discharge_kw=WIDER * form.max_discharge_kw,
                soc_min=0.0,
                soc_max=1.0,
                wear_per_kwh=MONEY * form.wear_per_kwh,
                # what is written for the powers and the money of now
                charge_curve=None,
                discharge_curve=None,
                charge_taper=None,
                discharge_taper=None,
                depth_wear=None,
                daily=None,
                comfort_per_kwh_h=0.0,
            )
        case Network():
            return replace(form, spec=_cheap(form.spec))
        case Demand():
            return replace(form, price_per_kwh=None)
        case _:
            return form


def _cheap(spec: NetworkConnection) -> NetworkConnection:
    """The connection with a wide limit, and with little weight on money."""
    return spec.model_copy(
        update={
            "import_limit_kw": WIDER * spec.import_limit_kw,
            "import_price_per_kwh": {hours: MONEY * price for hours, price in spec.import_price_per_kwh.items()},
            "export_price_per_kwh": {hours: MONEY * price for hours, price in spec.export_price_per_kwh.items()},
        }
    )


def _unpriced(site: Site) -> Site:
    """The site with all caps hard, so that the price of none counts as money in full."""
    caps = site.file.caps
    prices = {"carbon": "price_per_kg", "energy_budget": "price_per_tce", "export_share": "price_per_kwh"}
    changed = {
        key: cap.model_copy(update={price: None})
        for key, price in prices.items()
        if (cap := getattr(caps, key)) is not None
    }
    return replace(site, file=site.file.model_copy(update={"caps": caps.model_copy(update=changed)}))


def _inputs(forms: Mapping[str, Form], inputs: Inputs, plan: Plan) -> Inputs:
    """The same numbers with everything available that can be planned, and with little weight on money."""
    situation, prices = inputs.situation, inputs.prices
    unknown = frozenset(
        name for name, form in forms.items() if isinstance(form, Storage) and name not in situation.stored_kwh
    )
    loads = dict(situation.load_kw)
    for name, form in forms.items():
        if isinstance(form, Demand) and form.price_per_kwh is not None:
            # what is shed because power costs more than it is worth is no shortage
            dear = prices.import_cost_per_kwh >= form.price_per_kwh
            loads[name] = np.where(dear, np.minimum(plan.assets[name].power_kw, loads[name]), loads[name])
    ladder = prices.ladder
    return replace(
        inputs,
        situation=replace(situation, unavailable=situation.unavailable & unknown, load_kw=loads),
        prices=replace(
            prices,
            import_per_kwh=MONEY * prices.import_per_kwh,
            export_per_kwh=MONEY * prices.export_per_kwh,
            gas_per_kwh=MONEY * prices.gas_per_kwh,
            import_carbon_per_kwh=MONEY * prices.import_carbon_per_kwh,
            carbon_per_kg=MONEY * prices.carbon_per_kg,
            gas_carbon_per_kwh=MONEY * prices.gas_carbon_per_kwh,
            demand_per_kw=np.zeros_like(prices.demand_per_kw),
            ladder=None if ladder is None else replace(ladder, rise_per_kwh=MONEY * ladder.rise_per_kwh),
        ),
        end_value={
            bus: replace(value, keep_per_kwh=MONEY * value.keep_per_kwh, spare_per_kwh=MONEY * value.spare_per_kwh)
            for bus, value in inputs.end_value.items()
        },
    )
