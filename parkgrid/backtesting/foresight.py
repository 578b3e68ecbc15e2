"""What a period costs at least: one optimisation over all of it, that knows everything.

It obeys the same equations as every plan, but for least loads and minimum times of units, and begins and ends as the
other runs do: with the same stored energy, and what is stored in the end settled at the same price. Vehicles and jobs
are those that plans expect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from config.asset import carrier_of
from config.assets import Battery
from config.flexible_assets import EvChargers, ShiftableJob
from config.site import Site
from config.weather import OUTDOOR
from dispatch.forecast.park import cops
from dispatch.forecast.windows import job_windows, visits
from dispatch.forms.connection import grid_kw_of
from dispatch.plan import ELECTRICITY, AssetPlan, FloatArray, Plan, Situation, Solved
from dispatch.registry import forms_of
from dispatch.soundness import stores
from parkgrid.backtesting.case import Case
from parkgrid.refusal import Failed
from parkgrid.settlement import stored_prices
from simulators.account import Account
from simulators.past import interval_means

SEARCHES = {"commitment_gap": 1e-6, "commitment_time_limit_s": 3600.0, "solver_time_limit_s": 3600.0}
"""Where prices below zero make a battery's direction a question of yes or no: a gap is one of the whole period's cost,
and so must be small against what can be saved."""


def foreseen_book(case: Case, truth: Mapping[str, Any]) -> dict[str, Any]:
    """The period's book under perfect foresight, as `simulators.truth` has it. Raises Failed without a solution."""
    from dispatch.dispatcher import Dispatcher  # brings cvxpy

    # the relaxed problem costs no more than any plan could, and is solved at once for any length of time
    control = case.site.control.model_copy(update={"commitment": False, "scenarios": None, **SEARCHES})
    site = replace(case.site, file=case.site.file.model_copy(update={"control": control}))
    situation = _known(case, site, truth)
    outcome = Dispatcher(site, situation.steps).plan(situation, situation.start)
    if not isinstance(outcome, Solved):
        raise Failed(f"{case.name}: there is no optimum under perfect foresight: {outcome}")
    return _book(site, outcome.plan)


def _known(case: Case, site: Site, truth: Mapping[str, Any]) -> Situation:
    step_s = case.step.total_seconds()
    start_s = case.start.timestamp() + step_s * np.arange(case.steps, dtype=float)
    step_h = np.full(case.steps, step_s / 3600.0)
    means = interval_means(site, case.surroundings(), start_s)
    forms = forms_of(site)
    prices = stored_prices(site, truth)
    values = {unit.bus: prices.heat for unit in stores(site).values() if carrier_of(unit.bus) == "heat"}
    batteries = site.dispatched_of(Battery)
    if batteries:
        values[ELECTRICITY] = prices.electricity / max(unit.charge_efficiency for unit in batteries.values())
    return Situation(
        start=case.start,
        step_h=step_h,
        available_kw={name: means[name] for name, form in forms.items() if form.need == "available_kw"},
        load_kw={name: means[name] for name, form in forms.items() if form.need == "load_kw"},
        cop=cops(site, means[OUTDOOR]),
        wanted={
            **{name: visits(spec, site, case.start, step_h) for name, spec in site.dispatched_of(EvChargers).items()},
            **{
                name: job_windows(spec, site, case.start, step_h)
                for name, spec in site.dispatched_of(ShiftableJob).items()
            },
        },
        stored_kwh={name: case.stored_kwh(name) for name in stores(site)},
        month_peak_kw=site.file.month_peak_floor_kw,
        spot=site.spot,
        end_value_per_kwh=values,
    )


def _book(site: Site, plan: Plan) -> dict[str, Any]:
    """The plan as if it had happened."""
    hours = plan.step_h
    grid_kwh = grid_kw_of(forms_of(site), plan.assets) * hours
    begins_s = plan.start.timestamp() + 3600.0 * np.concatenate(([0.0], np.cumsum(hours)[:-1]))
    rows = {name: _accounts(asset, hours) for name, asset in plan.assets.items()}
    intervals = [
        _record(begins_s[step], hours[step], [grid_kwh[step]], {name: account[step] for name, account in rows.items()})
        for step in range(plan.steps)
    ]
    sums = {name: account.sum(axis=0) for name, account in rows.items()}
    return {"intervals": intervals, "total": _record(begins_s[0], hours.sum(), grid_kwh, sums)}


def _accounts(asset: AssetPlan, hours: FloatArray) -> FloatArray:
    """Energies of the intervals in the order of an `Account`, shape (steps, fields)."""
    series: dict[str, FloatArray] = {}
    for bus, flow_kw in asset.flows_kw.items():
        carrier = carrier_of(bus)
        for way, kwh in (("fed", np.maximum(flow_kw, 0.0)), ("used", np.maximum(-flow_kw, 0.0))):
            key = f"{carrier}_{way}_kwh"
            series[key] = series.get(key, 0.0) + kwh * hours
    if asset.gas_kw is not None:
        series["gas_kwh"] = asset.gas_kw * hours
    if asset.stored_kwh is not None:
        series["stored_kwh"] = np.diff(asset.stored_kwh)
    if asset.available_kw is not None:
        series["curtailed_kwh"] = np.maximum(asset.available_kw - asset.power_kw, 0.0) * hours
    if asset.wanted_kw is not None:
        series["unserved_kwh"] = np.maximum(asset.wanted_kw - asset.power_kw, 0.0) * hours
    nothing = np.zeros(len(hours))
    return np.column_stack([series.get(key, nothing) for key in Account._fields])


def _record(
    begins_s: float, hours: float, grid_kwh: Sequence[float] | FloatArray, accounts: Mapping[str, FloatArray]
) -> dict[str, Any]:
    assets = {name: dict(zip(Account._fields, row.tolist(), strict=True)) for name, row in accounts.items()}
    imported_kwh = float(np.maximum(grid_kwh, 0.0).sum())
    return {
        "start": datetime.fromtimestamp(begins_s, UTC).isoformat(),
        "seconds": 3600.0 * float(hours),
        "import_kwh": imported_kwh,
        "export_kwh": float(np.maximum(np.negative(grid_kwh), 0.0).sum()),
        "demand_kw": imported_kwh / float(hours),
        "gas_kwh": sum(account["gas_kwh"] for account in assets.values()),
        "curtailed_kwh": sum(account["curtailed_kwh"] for account in assets.values()),
        "unserved_kwh": sum(account["unserved_kwh"] for account in assets.values()),
        "assets": assets,
    }
