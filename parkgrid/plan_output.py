"""A plan as tables for people, as CSV and as data for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from config.site import Site
from dispatch.forms.converter import Converter
from dispatch.forms.form import Form
from dispatch.levels import is_electric
from dispatch.plan import ELECTRICITY, AssetPlan, BusId, FloatArray, Plan
from dispatch.registry import buses_of, forms_of
from dispatch.soundness import stores
from dispatch.tariff import calendar_of
from parkgrid.planning import ASSUMED_SOC, Planned

DECIMALS = 3
"""A watt, a watt-hour: ten times finer than the plan checker looks."""
PRICE_DECIMALS = 6
UNMET_SHOWN = 3
TERMS = {
    "energy_import": "energy import",
    "export_revenue": "export revenue",
    "demand": "demand charge on a new month's peak, or above the contract",
    "ladder": "ladder surcharge",
    "gas": "gas",
    "heat": "bought heat, less what is sold",
    "carbon": "carbon",
    "wear": "battery wear",
    "starts": "starts of units",
}
"""The terms of the bill in words."""


@dataclass(frozen=True, slots=True)
class Row:
    """An hour of the site's day, as far as the plan covers it."""

    local: datetime
    """Local time at which the first of its intervals starts."""
    steps: slice

    def mean(self, plan: Plan, values: FloatArray) -> float:
        hours = plan.step_h[self.steps]
        return float(values[self.steps] @ hours / hours.sum())


Column = tuple[str, Callable[[Row], str]]
"""A heading, and what stands under it."""


def rows(plan: Plan, zone: ZoneInfo) -> list[Row]:
    """The plan's intervals hour by hour of the local clock; an hour that the clock repeats stands twice."""
    local = [when.astimezone(zone) for when in starts(plan)]
    found: list[Row] = []
    for _, group in groupby(range(plan.steps), lambda step: (local[step].replace(minute=0), local[step].utcoffset())):
        steps = list(group)
        found.append(Row(local[steps[0]], slice(steps[0], steps[-1] + 1)))
    return found


def starts(plan: Plan) -> list[datetime]:
    """UTC start of each interval."""
    hours = np.concatenate(([0.0], np.cumsum(plan.step_h)[:-1]))
    return [plan.start + timedelta(seconds=round(hour * 3600)) for hour in hours.tolist()]


def bands(site: Site, plan: Plan) -> list[str]:
    """The tariff's band at the start of each interval."""
    calendar = calendar_of(site)
    return [calendar.band_at(when) for when in starts(plan)]


def tables(planned: Planned) -> list[RenderableType]:
    """The plan hour by hour, and what it costs."""
    return [_headline(planned), _electricity(planned), *_carriers(planned), _cost(planned)]


def remarks(planned: Planned) -> list[str]:
    """What the plan rests on and what it leaves open, one line each."""
    plan = planned.plan
    lines = [f"Method: {plan.method.value}" + (f", because {planned.failure}" if planned.failure else "")]
    if plan.note:
        lines.append(f"Note: {plan.note}")
    lines += [f"Left open: {sentence}" for sentence in planned.unmet[:UNMET_SHOWN]]
    if len(planned.unmet) > UNMET_SHOWN:
        lines.append(f"Left open: and {len(planned.unmet) - UNMET_SHOWN} more")
    if planned.soc_assumed:
        lines.append(f"Assumed to start at SOC {ASSUMED_SOC:g}: {', '.join(planned.soc_assumed)}")
    if planned.assumptions.given:
        lines.append(f"Given: {', '.join(planned.assumptions.given)}")
    if planned.defaulted:
        lines.append(f"Rest on a default, without any history: {', '.join(planned.defaulted)}")
    if planned.site.measured:
        lines.append(f"Under local control, not planned, and taken as idle: {', '.join(planned.site.measured)}")
    if planned.situation.unavailable:
        lines.append(f"Left out: {', '.join(sorted(planned.situation.unavailable))}")
    return lines


def as_csv(planned: Planned) -> str:
    """One line per interval; a store's energy is that at the interval's end."""
    plan = planned.plan
    site_forms = forms_of(planned.site)
    columns: dict[str, Sequence[float | str]] = {
        "import_price_per_kwh": _numbers(plan.import_price_per_kwh, PRICE_DECIMALS)
    }
    for name, asset in plan.assets.items():
        for quantity, values in _quantities(site_forms[name], asset).items():
            columns[f"{name}_{quantity}"] = _numbers(values[1:] if quantity == "stored_kwh" else values)
        columns[f"{name}_reason"] = _reasons(plan, name)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time_utc", *columns])
    for when, *cells in zip(starts(plan), *columns.values(), strict=True):
        writer.writerow([f"{when:%Y-%m-%dT%H:%MZ}", *cells])
    return text.getvalue()


def as_data(planned: Planned) -> dict[str, Any]:
    """The whole plan, and what it rests on, for `json.dumps`."""
    site, plan, assumptions = planned.site, planned.plan, planned.assumptions
    forms = forms_of(site)
    return {
        "site": site.name,
        "time_zone": site.location.time_zone,
        "currency": site.tariffs[0].currency,
        "method": plan.method.value,
        "failure": planned.failure,
        "note": plan.note,
        "issued_at": plan.issued_at.isoformat(),
        "start": plan.start.isoformat(),
        "until": plan.until.isoformat(),
        "time_utc": [f"{when:%Y-%m-%dT%H:%MZ}" for when in starts(plan)],
        "step_h": plan.step_h.tolist(),
        "band": bands(site, plan),
        "import_price_per_kwh": _numbers(plan.import_price_per_kwh, PRICE_DECIMALS),
        "assets": {
            name: {"kind": site.dispatched[name].kind}
            | {quantity: _numbers(values) for quantity, values in _quantities(forms[name], asset).items()}
            | {"reason": _reasons(plan, name)}
            for name, asset in plan.assets.items()
        },
        "marginal_per_kwh": {bus: _numbers(values, PRICE_DECIMALS) for bus, values in plan.marginal_per_kwh.items()},
        "stored_value_per_kwh": {
            name: _numbers(values, PRICE_DECIMALS) for name, values in plan.stored_value_per_kwh.items()
        },
        "binding": [
            {
                "limit": each.limit.value,
                "whose": each.whose,
                "value": round(each.value, DECIMALS),
                "unit": each.unit,
                "steps": np.flatnonzero(each.steps).tolist(),
            }
            for each in planned.binding
        ],
        "cost": {term: round(cost, 4) for term, cost in plan.cost.items()},
        "total": round(planned.total, 4),
        "scenarios": [
            {
                "name": each.name,
                "probability": each.probability,
                "cost": {term: round(cost, 4) for term, cost in each.cost.items()},
                "total": round(sum(each.cost.values()), 4),
            }
            for each in plan.scenarios
        ],
        "unmet": list(planned.unmet),
        "soc_start": planned.soc_start,
        "soc_assumed": list(planned.soc_assumed),
        "month_peak_kw": assumptions.month_peak_kw,
        "used": {name: value for name, value in asdict(assumptions.used).items() if value},
        "unavailable": sorted(planned.situation.unavailable),
        "given": list(assumptions.given),
        "defaulted": list(planned.defaulted),
        "solve_s": None if planned.solve_s is None else round(planned.solve_s, 3),
    }


def _headline(planned: Planned) -> Text:
    zone = ZoneInfo(planned.site.location.time_zone)
    first, last = planned.plan.start.astimezone(zone), planned.plan.until.astimezone(zone)
    return Text(
        f"{planned.site.name}: plan from {first:%a %Y-%m-%d %H:%M} to {last:%a %Y-%m-%d %H:%M}, {zone.key}\n",
        style="bold",
    )


def _electricity(planned: Planned) -> Table:
    site, plan = planned.site, planned.plan
    found = bands(site, plan)
    columns: list[Column] = [
        ("price", lambda row: f"{row.mean(plan, plan.import_price_per_kwh):.3f}"),
        ("band", lambda row: "/".join(dict.fromkeys(found[row.steps]))),
    ]
    columns += _of_bus(planned, ELECTRICITY)
    currency = site.tariffs[0].currency
    title = f"Electricity in kW, price in {currency}/kWh: grid + import, battery + discharge, SOC at the hour's end"
    return _hourly(planned, title, columns)


def _carriers(planned: Planned) -> list[Table]:
    """One table for each bus beside the electric ones."""
    forms = forms_of(planned.site)
    return [
        _hourly(
            planned, f"{bus.capitalize().replace('_', ' ')} in kW: store + discharge, SOC at the hour's end", columns
        )
        for bus in buses_of(forms)
        if not is_electric(bus) and (columns := _of_bus(planned, bus))
    ]


def _of_bus(planned: Planned, bus: BusId) -> list[Column]:
    """What each asset gives to a bus and then what each takes, both as numbers above zero; of stores + discharge."""
    columns: list[Column] = []
    forms = {
        name: form
        for name, form in forms_of(planned.site).items()
        if bus in form.buses or (bus == ELECTRICITY and is_electric(form.bus))
    }
    for name in sorted(forms, key=lambda name: _takes(planned, name, forms[name], bus)):
        form, asset = forms[name], planned.plan.assets[name]
        if form.bus == bus or (is_electric(form.bus) and bus == ELECTRICITY):
            columns += _of_asset(planned, name, asset.power_kw)
        else:
            columns.append(_column(planned.plan, name, np.abs(asset.flows_kw[bus])))
    return columns


def _takes(planned: Planned, name: str, form: Form, bus: BusId) -> bool:
    """Whether an asset takes from a bus; a store, the grid and what stands still count as giving."""
    if isinstance(form, Converter):
        return form.points[-1].flows_kw.get(bus, 0.0) < 0.0
    return form.gives < 0


def _of_asset(planned: Planned, name: str, power_kw: FloatArray) -> list[Column]:
    """An asset's power, and of a store its charge."""
    plan, stored_kwh = planned.plan, planned.plan.assets[name].stored_kwh
    columns = [_column(plan, name, power_kw)]
    if stored_kwh is not None:
        soc = stored_kwh / stores(planned.site)[name].capacity_kwh
        columns.append(("SOC", lambda row: f"{soc[row.steps.stop]:.0%}"))
    return columns


def _column(plan: Plan, name: str, values_kw: FloatArray) -> Column:
    return name, lambda row: f"{round(row.mean(plan, values_kw)):d}"


def _hourly(planned: Planned, title: str, columns: Sequence[Column]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0)
    table.add_column("from", no_wrap=True)
    for heading, _ in columns:
        # long names in two lines, so that a usual park fits into 80 columns
        table.add_column(heading.replace("_", "_\n"), justify="left" if heading == "band" else "right", no_wrap=True)
    day = ""
    for row in rows(planned.plan, ZoneInfo(planned.site.location.time_zone)):
        date = f"{row.local:%a %d}"
        table.add_row(f"{date if date != day else '':>6} {row.local:%H:%M}", *(cell(row) for _, cell in columns))
        day = date
    return table


def _cost(planned: Planned) -> Table:
    table = Table(title=f"Cost over the horizon in {planned.site.tariffs[0].currency}", title_justify="left")
    table.title_style, table.box = "bold", SIMPLE_HEAD
    table.add_column("term")
    table.add_column("cost", justify="right")
    for term, cost in planned.plan.cost.items():
        table.add_row(TERMS.get(term, term), f"{cost:.2f}")
    table.add_section()
    table.add_row("total", f"{planned.total:.2f}")
    return table


def _quantities(form: Form, asset: AssetPlan) -> dict[str, FloatArray]:
    """The series of an asset that it has, by name with unit; flows at other buses than its power's are + into them."""
    series = {
        "power_kw": asset.power_kw,
        **{f"{bus}_kw": flow_kw for bus, flow_kw in asset.flows_kw.items() if bus != form.bus},
        "gas_kw": asset.gas_kw,
        "stored_kwh": asset.stored_kwh,
        "available_kw": asset.available_kw,
        "running": None if asset.running is None else asset.running.astype(np.float64),
    }
    return {name: values for name, values in series.items() if values is not None}


def _reasons(plan: Plan, name: str) -> list[str]:
    return [reason.value for reason in plan.reasons[name]]


def _numbers(values: FloatArray, decimals: int = DECIMALS) -> list[float]:
    """Rounded, and without a negative zero."""
    found: list[float] = (np.round(values, decimals) + 0.0).tolist()
    return found
