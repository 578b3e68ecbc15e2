"""Rules for one interval of a bus that is not electric: heat at one level, steam, cooling or hydrogen."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import numpy as np

from dispatch.forms.converter import Converter
from dispatch.forms.demand import Demand
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.levels import is_electric
from dispatch.plan import ELECTRICITY, BusId
from dispatch.rules_walk import Walk

TO_MIDDLE_H = 2.0
"""A tank is brought back to its middle within about this time: slow enough not to start a boiler for it."""


def carriers(walk: Walk) -> tuple[BusId, ...]:
    """The buses in the order in which they are planned: each after those that are made from it."""
    graph: dict[BusId, set[BusId]] = {form.bus: set() for form in walk.forms.values()}
    for form in walk.forms.values():
        if isinstance(form, Converter):
            graph.setdefault(form.makes, set())
            for bus in form.sources:
                graph.setdefault(bus, set()).add(form.makes)
    graph = {bus: before - {ELECTRICITY} for bus, before in graph.items()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError:  # two exchangers that feed each other's source: each is planned without the other
        order = tuple(graph)
    return tuple(bus for bus in order if not is_electric(bus))


def plan_carrier(walk: Walk, bus: BusId, step: int, net_kw: float, reserve_kw: float) -> float:
    """Plans a bus for one interval; returns the electricity that the park needs after it.

    `net_kw` is what it needed before, `reserve_kw` what batteries could give on top. Waste heat comes first, then
    what runs on electricity up to the import that is held, then what burns gas or is bought, the cheaper first; then
    electricity up to the import limit, and stores give what is still missing.
    """
    situation, hours = walk.situation, float(walk.situation.step_h[step])
    headroom_kw = max(0.0, walk.import_limit_kw + reserve_kw - net_kw)
    loads = walk.all_of(Demand, bus)
    need_kw = walk.now_kw(loads, step) + float(situation.local(bus)[step]) + float(walk.drawn_kw[bus][step])
    given_kw, wanted_kw = _to_middle(walk, bus, step, need_kw)
    need_kw -= sum(given_kw.values())
    goal_kw = need_kw + sum(wanted_kw.values())

    drawn_kw = float(walk.drawn_kw[bus][step])
    net_kw += _power_from_waste(walk, bus, step, goal_kw, net_kw)
    need_kw += float(walk.drawn_kw[bus][step]) - drawn_kw
    goal_kw = need_kw + sum(wanted_kw.values())
    made_kw = 0.0
    for name, source in walk.all_of(Source, bus).items():
        walk.power_kw[name][step] = min(float(source.offered(name, situation)[step]), max(0.0, goal_kw - made_kw))
        made_kw += float(walk.power_kw[name][step])
    more_kw, used_kw = _from_waste(walk, bus, step, goal_kw - made_kw)
    made_kw, net_kw = made_kw + more_kw, net_kw + used_kw
    before_kw = net_kw
    more_kw, used_kw = _from_electricity(walk, bus, step, goal_kw - made_kw, float(walk.hold_kw[step]) - net_kw)
    made_kw, net_kw = made_kw + more_kw, net_kw + used_kw
    made_kw += _bought(walk, bus, step, goal_kw - made_kw, dearer_than_gas=False)
    more_kw, used_kw = _from_gas(walk, bus, step, goal_kw - made_kw, net_kw)
    made_kw, net_kw = made_kw + more_kw, net_kw + used_kw
    made_kw += _bought(walk, bus, step, need_kw - made_kw, dearer_than_gas=True)
    more_kw, used_kw = _from_electricity(walk, bus, step, need_kw - made_kw, headroom_kw - (net_kw - before_kw))
    made_kw, net_kw = made_kw + more_kw, net_kw + used_kw

    missing_kw, left_kw = max(0.0, need_kw - made_kw), max(0.0, made_kw - need_kw)
    for name, store in walk.usable(Storage, bus).items():
        most_kw = min(store.max_discharge_kw, walk.room_kwh(name, step)[0] / hours)
        more_kw = min(missing_kw, most_kw - given_kw[name])
        taken_kw = min(left_kw, wanted_kw[name])
        missing_kw -= more_kw
        left_kw -= taken_kw
        walk.power_kw[name][step] = given_kw[name] + more_kw - taken_kw
    walk.store(walk.all_of(Storage, bus), step)
    for name in loads:
        cut_kw = min(missing_kw, float(walk.power_kw[name][step]))
        walk.power_kw[name][step] -= cut_kw
        missing_kw -= cut_kw
    _sell(walk, bus, step)
    return net_kw


def _from_waste(walk: Walk, bus: BusId, step: int, goal_kw: float) -> tuple[float, float]:
    """What exchangers and their like make of waste heat, and the electricity of their pumps."""
    made_kw = used_kw = 0.0
    for name in _makers(walk, bus, from_waste=True):
        more, used = walk.run(name, step, _share_of_waste(walk, name, bus, step, goal_kw - made_kw))
        made_kw, used_kw = made_kw + more, used_kw + used
    return made_kw, used_kw


def _from_electricity(walk: Walk, bus: BusId, step: int, goal_kw: float, most_kw: float) -> tuple[float, float]:
    """What heat pumps and their like make with so much electricity at most, the best first; and what they use."""
    made_kw = used_kw = 0.0
    for name in sorted(_makers(walk, bus, from_waste=False), key=lambda name: _per_electricity(walk, name, step)):
        full = walk.full[name]
        full_kw, full_used_kw = float(full.flows_kw[bus][step]), -float(full.flows_kw[ELECTRICITY][step])
        if full_kw > 0.0 and full_used_kw > 0.0:
            able = min(1.0 - float(walk.share[name][step]), (most_kw - used_kw) / full_used_kw)
            more, used = walk.run(name, step, max(0.0, min(able, (goal_kw - made_kw) / full_kw)))
            made_kw, used_kw = made_kw + more, used_kw + used
    return made_kw, used_kw


def _from_gas(walk: Walk, bus: BusId, step: int, goal_kw: float, net_kw: float) -> tuple[float, float]:
    """What boilers and CHP make, these only as far as the park uses their power; and the electricity used, - if fed."""
    made_kw = used_kw = 0.0
    for name in _burners(walk, bus):
        flows = walk.full[name].flows_kw
        full_kw, fed_kw = float(flows[bus][step]), float(flows[ELECTRICITY][step]) if ELECTRICITY in flows else 0.0
        if full_kw > 0.0:
            share = min(1.0, max(0.0, goal_kw - made_kw) / full_kw)
            if fed_kw > 0.0:
                share = min(share, max(0.0, net_kw + used_kw) / fed_kw)
            more, used = walk.run(name, step, share)
            made_kw, used_kw = made_kw + more, used_kw + used
    return made_kw, used_kw


def _bought(walk: Walk, bus: BusId, step: int, goal_kw: float, *, dearer_than_gas: bool) -> float:
    """What networks sell of it, those that are dearer than the own burners apart from those that are not."""
    burner_per_kwh = min(
        (_gas_per_kwh(walk, name, bus, step) for name in _burners(walk, bus)),
        default=np.inf,
    )
    made_kw = 0.0
    for name, network in walk.usable(Network, bus).items():
        if bool(walk.network_per_kwh[name][step] > burner_per_kwh) is dearer_than_gas:
            bought_kw = min(network.spec.import_limit_kw, max(0.0, goal_kw - made_kw))
            walk.power_kw[name][step] += bought_kw
            made_kw += bought_kw
    return made_kw


def _gas_per_kwh(walk: Walk, name: str, bus: BusId, step: int) -> float:
    """What the gas for a kWh costs; power that comes with it is not counted."""
    full, prices = walk.full[name], walk.prices
    made_kw = float(full.flows_kw[bus][step])
    gas_per_kwh = float(prices.gas_per_kwh[step] + prices.gas_carbon_per_kwh[step])
    return gas_per_kwh * float(full.gas_kw[step]) / made_kw if made_kw > 0.0 else np.inf


def _sell(walk: Walk, bus: BusId, step: int) -> None:
    """Waste heat that is still left goes to networks, as far as they take it."""
    for name, network in walk.usable(Network, bus).items():
        room_kw = network.spec.export_limit_kw
        for waste, source in walk.all_of(Source, bus).items():
            left_kw = float(source.offered(waste, walk.situation)[step] - walk.power_kw[waste][step])
            sold_kw = min(room_kw, left_kw)
            walk.power_kw[waste][step] += sold_kw
            walk.power_kw[name][step] -= sold_kw
            room_kw -= sold_kw


def _to_middle(walk: Walk, bus: BusId, step: int, need_kw: float) -> tuple[dict[str, float], dict[str, float]]:
    """By usable store, what to give towards `need_kw` and what to take so that it comes to its middle."""
    hours = float(walk.situation.step_h[step])
    given_kw: dict[str, float] = {}
    wanted_kw: dict[str, float] = {}
    for name, store in walk.usable(Storage, bus).items():
        middle_kwh = (store.soc_min + store.soc_max) / 2.0 * store.capacity_kwh
        beyond_kwh = float(walk.keep[name][step] * walk.stored_kwh[name][step]) - middle_kwh
        rate_kw = beyond_kwh / max(TO_MIDDLE_H, hours)
        given_kw[name] = max(0.0, min(rate_kw, store.max_discharge_kw, need_kw))
        wanted_kw[name] = min(max(0.0, -rate_kw), store.max_charge_kw)
        need_kw -= given_kw[name]
    return given_kw, wanted_kw


def _makers(walk: Walk, bus: BusId, *, from_waste: bool) -> Iterator[str]:
    """The usable converters that make what a bus carries without gas, from other buses or from electricity."""
    for name, form in walk.forms.items():
        if not isinstance(form, Converter) or form.makes != bus or form.burns:
            continue
        if name not in walk.situation.unavailable and bool(form.sources) is from_waste:
            yield name


def _burners(walk: Walk, bus: BusId) -> Iterator[str]:
    for name, form in walk.forms.items():
        if isinstance(form, Converter) and form.makes == bus and form.burns and name not in walk.situation.unavailable:
            yield name


def _per_electricity(walk: Walk, name: str, step: int) -> float:
    """Electricity for each kW that is made."""
    form, full = walk.forms[name], walk.full[name]
    assert isinstance(form, Converter)
    made_kw, used_kw = float(full.flows_kw[form.makes][step]), -float(full.flows_kw[ELECTRICITY][step])
    return used_kw / made_kw if made_kw > 0.0 else float("inf")


def _left_kw(walk: Walk, bus: BusId, step: int) -> float:
    """Waste heat of a bus that nobody has a use for yet."""
    used_kw = walk.now_kw(walk.all_of(Demand, bus), step) + float(walk.situation.local(bus)[step])
    return max(0.0, _offered_kw(walk, bus, step) - max(0.0, used_kw) - float(walk.drawn_kw[bus][step]))


def _share_of_waste(walk: Walk, name: str, bus: BusId, step: int, wanted_kw: float) -> float:
    """The share of full load at which a converter gives what is wanted, as far as waste heat lasts."""
    full_kw = float(walk.full[name].flows_kw[bus][step])
    if full_kw <= 0.0 or wanted_kw <= 0.0:
        return 0.0
    form = walk.forms[name]
    assert isinstance(form, Converter)
    share = min(1.0, wanted_kw / full_kw)
    for source in form.sources:
        share = min(share, _left_kw(walk, source, step) / -float(walk.full[name].flows_kw[source][step]))
    return share


def _power_from_waste(walk: Walk, bus: BusId, step: int, goal_kw: float, net_kw: float) -> float:
    """Power from waste heat that is left over, as far as the park uses it; returns what it takes, which is below 0."""
    used_kw = 0.0
    for name, form in walk.forms.items():
        made_of_it = isinstance(form, Converter) and form.makes == ELECTRICITY and bus in form.sources
        if not made_of_it or name in walk.situation.unavailable:
            continue
        spare_kw = _offered_kw(walk, bus, step) - goal_kw
        full_kw, drawn_kw = (
            float(walk.full[name].flows_kw[ELECTRICITY][step]),
            -float(walk.full[name].flows_kw[bus][step]),
        )
        if full_kw <= 0.0 or drawn_kw <= 0.0:
            continue
        share = max(0.0, min(1.0, spare_kw / drawn_kw, (net_kw + used_kw) / full_kw))
        used_kw += walk.run(name, step, share)[1]
        goal_kw += share * drawn_kw
    return used_kw


def _offered_kw(walk: Walk, bus: BusId, step: int) -> float:
    """Waste heat that a bus could have."""
    return sum(float(form.offered(name, walk.situation)[step]) for name, form in walk.all_of(Source, bus).items())
