"""A plan by rules as it grows, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from config.site import Site
from dispatch.bill import peaks_kw
from dispatch.forms.batch import Batch
from dispatch.forms.connection import Connection, connections_of
from dispatch.forms.converter import Converter, PointSeries
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.link import Link
from dispatch.forms.network import Network
from dispatch.forms.source import Source
from dispatch.forms.storage import Storage
from dispatch.forms.windowed import Windowed
from dispatch.plan import ELECTRICITY, AssetPlan, BusId, FloatArray, Situation
from dispatch.registry import forms_of
from dispatch.reserve import ReserveNeed, reserve_need
from dispatch.tariff import Prices

CHEAP_SHARE = 0.25
"""The lowest quarter of the price range counts as cheap, the highest quarter as dear: with the usual three to
five bands that is the valleys and the peaks, and never the flat hours between them."""

FormT = TypeVar("FormT", bound=Form)


@dataclass(frozen=True, slots=True)
class Walk:
    """What has been decided so far."""

    forms: Mapping[str, Form]
    situation: Situation
    prices: Prices
    cheap: NDArray[np.bool_]
    dear: NDArray[np.bool_]
    hold_kw: FloatArray
    """Import that batteries hold: below it they may charge from the grid, above it they discharge, shape (steps,)."""
    reserve_kwh: FloatArray
    """Energy that holding the import will still need until it is cheap again, after each interval, shape (steps,)."""
    need: ReserveNeed | None
    """What batteries must keep."""
    power_kw: dict[str, FloatArray] = field(default_factory=dict)
    """By asset but converters."""
    share: dict[str, FloatArray] = field(default_factory=dict)
    """By converter: the part of each interval in which it is at full load."""
    full: dict[str, PointSeries] = field(default_factory=dict)
    """By converter: its full load."""
    drawn_kw: dict[BusId, FloatArray] = field(default_factory=dict)
    """By bus: what converters take from it."""
    stored_kwh: dict[str, FloatArray] = field(default_factory=dict)
    keep: dict[str, FloatArray] = field(default_factory=dict)
    network_per_kwh: dict[str, FloatArray] = field(default_factory=dict)
    """By connection to a network: what a kWh of its heat costs."""

    @classmethod
    def of(cls, site: Site, situation: Situation, prices: Prices) -> Walk:
        forms, steps = forms_of(site), situation.steps
        price = prices.import_cost_per_kwh
        low, spread = float(price.min()), float(price.max() - price.min())
        power_kw = {name: _at_first(name, form, situation) for name, form in forms.items()}
        net_kw = situation.local(ELECTRICITY)
        for name, form in forms.items():
            if form.bus == ELECTRICITY and not isinstance(form, Converter | Link):
                net_kw = net_kw - form.gives * power_kw[name]
        peak_kw = peaks_kw(site, prices, situation)[prices.month]
        mean_kw = float(np.maximum(net_kw, 0.0) @ situation.step_h / situation.step_h.sum())
        limit_kw = sum(form.import_limit_kw for form in connections_of(forms).values())
        hold_kw = np.minimum(np.maximum(peak_kw, mean_kw), limit_kw)
        cheap = (price <= low + CHEAP_SHARE * spread) & (spread > 0.0)
        converters = {name: form for name, form in forms.items() if isinstance(form, Converter)}
        held = {name: form for name, form in forms.items() if isinstance(form, Storage)}
        return cls(
            forms,
            situation,
            prices,
            cheap=cheap,
            dear=(price >= low + (1.0 - CHEAP_SHARE) * spread) & (spread > 0.0),
            hold_kw=hold_kw,
            need=reserve_need(site, situation),
            reserve_kwh=_reserve(np.maximum(net_kw - hold_kw, 0.0) * situation.step_h, cheap),
            power_kw=power_kw,
            share={name: np.zeros(steps) for name in converters},
            full={name: form.curve(name, situation)[-1] for name, form in converters.items()},
            drawn_kw={bus: np.zeros(steps) for form in forms.values() for bus in form.buses},
            stored_kwh={name: np.full(steps + 1, float(situation.stored_kwh.get(name, 0.0))) for name in held},
            keep={name: form.kept(situation.step_h) for name, form in held.items()},
            network_per_kwh={
                name: form.import_cost_per_kwh(situation, prices)
                for name, form in forms.items()
                if isinstance(form, Network)
            },
        )

    def all_of(self, kind: type[FormT], bus: BusId = ELECTRICITY) -> dict[str, FormT]:
        """The assets of a form on a bus, in the file's order."""
        return {name: form for name, form in self.forms.items() if isinstance(form, kind) and form.bus == bus}

    def usable(self, kind: type[FormT], bus: BusId = ELECTRICITY) -> dict[str, FormT]:
        """Those that are available."""
        return {name: form for name, form in self.all_of(kind, bus).items() if name not in self.situation.unavailable}

    @property
    def connections(self) -> dict[str, Connection]:
        return connections_of(self.forms)

    @property
    def import_limit_kw(self) -> float:
        """Of all connections together."""
        return sum(form.import_limit_kw for form in self.connections.values())

    @property
    def export_limit_kw(self) -> float:
        return sum(form.export_limit_kw for form in self.connections.values())

    def now_kw(self, names: Iterable[str], step: int) -> float:
        return sum(float(self.power_kw[name][step]) for name in names)

    def net_kw(self, step: int) -> float:
        """What loads and converters need beyond generation."""
        net_kw = float(self.situation.local(ELECTRICITY)[step])
        for kind in (Demand, Windowed, Batch):
            net_kw += self.now_kw(self.all_of(kind), step)
        return net_kw - self.now_kw(self.all_of(Source), step)

    def run(self, name: str, step: int, share: float) -> tuple[float, float]:
        """Run a converter for a further share of an interval; returns what it makes and the electricity it uses, kW."""
        form, full = self.forms[name], self.full[name]
        assert isinstance(form, Converter)
        self.share[name][step] += share
        for bus, kw in full.flows_kw.items():
            if kw[step] < 0.0:
                self.drawn_kw[bus][step] -= share * float(kw[step])
        used_kw = -share * float(full.flows_kw[ELECTRICITY][step]) if ELECTRICITY in full.flows_kw else 0.0
        return share * float(full.flows_kw[form.makes][step]), used_kw

    def room_kwh(self, name: str, step: int) -> tuple[float, float]:
        """What a store can give and take in an interval without leaving its window any further.

        It gives only so much that its own losses do not empty it below the window before the end.
        """
        form = self.forms[name]
        assert isinstance(form, Storage)
        stored = float(self.keep[name][step] * self.stored_kwh[name][step])
        kept_to_end = max(float(np.prod(self.keep[name][step + 1 :])), 1e-9)
        give = max(0.0, stored - form.soc_min * form.capacity_kwh / kept_to_end)
        return give, max(0.0, form.soc_max * form.capacity_kwh - stored)

    def left_today_kwh(self, name: str, form: Storage, step: int) -> float:
        """What a battery may still discharge within the local day of an interval."""
        day = form.day_of_step(self.situation)
        earlier = (day == day[step]) & (np.arange(len(day)) < step)
        given_kwh = np.maximum(self.power_kw[name], 0.0) * self.situation.step_h
        left_kwh = form.left_of_days_kwh(name, self.situation, int(day[step]) + 1)[-1]
        return max(0.0, float(left_kwh - given_kwh[earlier].sum()))

    def store(self, names: Iterable[str], step: int) -> None:
        """Bring the stored energy of these stores to the end of an interval."""
        for name in names:
            form = self.forms[name]
            assert isinstance(form, Storage)
            change_kwh = form.change_kwh(self.power_kw[name], self.situation.step_h)[step]
            self.stored_kwh[name][step + 1] = self.keep[name][step] * self.stored_kwh[name][step] + change_kwh

    def assets(self) -> dict[str, AssetPlan]:
        return {name: self._asset(name, form) for name, form in self.forms.items()}

    def _asset(self, name: str, form: Form) -> AssetPlan:
        power_kw = self.power_kw[name]
        match form:
            case Converter():
                return form.at_share(name, self.situation, self.share[name])
            case Link():
                lost_kw = form.loss_kw(power_kw)
                return AssetPlan(power_kw=lost_kw, flows_kw={form.outer: -power_kw - lost_kw, form.bus: power_kw})
            case _:
                return replace(
                    AssetPlan(power_kw=power_kw, flows_kw=form.flows(power_kw)),
                    stored_kwh=self.stored_kwh[name] if name in self.situation.stored_kwh else None,
                    available_kw=form.offered(name, self.situation) if isinstance(form, Source) else None,
                    wanted_kw=self.situation.load_kw[name] if isinstance(form, Demand) else None,
                )


def _at_first(name: str, form: Form, situation: Situation) -> FloatArray:
    """What is taken for granted: demand is served, generation feeds, vehicles charge as soon as they can."""
    match form:
        case Demand():
            return np.array(situation.load_kw[name], dtype=np.float64)
        case Source() if form.bus == ELECTRICITY:
            return form.offered(name, situation)
        case Windowed():
            return _as_soon_as_possible(form, name, situation)
        case Batch():
            return form.as_soon_as_possible(name, situation)
        case _:
            return np.zeros(situation.steps)


def _as_soon_as_possible(form: Windowed, name: str, situation: Situation) -> FloatArray:
    bounds = form.envelope(name, situation)
    power_kw = np.zeros(situation.steps)
    taken_kwh = missed_kwh = 0.0
    for step, hours in enumerate(situation.step_h.tolist()):
        room_kwh = max(0.0, float(bounds.most_kwh[step + 1]) - missed_kwh - taken_kwh)
        power_kw[step] = min(float(bounds.most_kw[step]), room_kwh / hours)
        taken_kwh += power_kw[step] * hours
        missed_kwh = max(missed_kwh, float(bounds.least_kwh[step + 1]) - taken_kwh)
    return power_kw


def _reserve(above_kwh: FloatArray, cheap: NDArray[np.bool_]) -> FloatArray:
    reserve = np.zeros(len(above_kwh))
    for step in range(len(above_kwh) - 2, -1, -1):
        reserve[step] = 0.0 if cheap[step + 1] else reserve[step + 1] + above_kwh[step + 1]
    return reserve
