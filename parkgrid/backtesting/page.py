"""The page of a backtest: what it cost and why, on one sheet that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from config.assets import Battery
from dispatch.soundness import stores
from dispatch.tariff import calendar_of
from parkgrid.backtesting.runs import CONTROLLER, FORESIGHT, NOTHING, Compared
from parkgrid.backtesting.summing import score_of, terms_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE = """
body {font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222}
table {border-collapse: collapse; margin: 1rem 0} td, th {padding: .25rem .8rem; border-bottom: 1px solid #ddd}
td {text-align: right; font-variant-numeric: tabular-nums} td:first-child, th {text-align: left}
svg {width: 100%; height: auto} .score {font-size: 2.2rem; font-weight: 600}
"""
DAYS_SHOWN = 2
"""The days on which most was saved, and on which most was left on the table."""


def write_page(found: Sequence[Compared], path: Path) -> None:
    """Raises OSError where it cannot be written."""
    site = found[0].case.site
    currency = site.tariffs[0].currency
    score = score_of(found, CONTROLLER)
    saved = sum(each.saved(CONTROLLER) for each in found)
    possible = sum(each.saved(FORESIGHT) for each in found)
    parts = [
        f"<h1>{html.escape(site.name)}</h1><p>{html.escape(site.file.description)}</p>",
        f"<p>{found[0].case.start:%Y-%m-%d} to {found[-1].case.start + found[-1].case.lasts:%Y-%m-%d} (UTC), "
        f"{found[0].case.information} information.</p>",
        f'<p class="score">{"-" if score is None else f"{score:.1%}"}</p>',
        f"<p>of what could have been saved with perfect knowledge of the future was saved by the controller: "
        f"{saved:,.0f} of {possible:,.0f} {currency}.</p>",
        _table(found, currency),
        "<h2>Cost by term</h2>" + _drawn(lambda figure: _costs(figure, found, currency)),
        "<h2>Power at the connection</h2>" + _drawn(lambda figure: _durations(figure, found)),
        "<h2>Highest interval of each period</h2>" + _drawn(lambda figure: _peaks(figure, found)),
        *(_day(each, day, what, currency) for each, day, what in _chosen_days(found)),
        "<h2>Error of the forecasts</h2>" + _drawn(lambda figure: _errors(figure, found)),
        _ways(found),
    ]
    title = f"{html.escape(site.name)}: backtest"
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    body = "".join(parts)
    page = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'
    path.write_text(page, encoding="utf-8")


def _table(found: Sequence[Compared], currency: str) -> str:
    rows = []
    for name in found[0].runs:
        score = score_of(found, name)
        cost = sum(each.runs[name].bill.total for each in found)
        co2_t = sum(each.runs[name].bill.co2_kg for each in found) / 1000.0
        peak_kw = max(each.runs[name].highest_kw for each in found)
        cells = (f"{cost:,.2f}", "-" if score is None else f"{score:.4f}", f"{peak_kw:,.1f}", f"{co2_t:,.2f}")
        rows.append(f"<tr><td>{name}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "".join(f"<th>{cell}</th>" for cell in ("", f"cost, {currency}", "score", "highest kW", "t CO2"))
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _ways(found: Sequence[Compared]) -> str:
    if not found[-1].ways:
        return "<p>The history was too short to learn from.</p>"
    rows = "".join(f"<tr><td>{html.escape(name)}</td><td>{way}</td></tr>" for name, way in found[-1].ways.items())
    return f"<table><tr><th>series</th><th>forecast by, in the end</th></tr>{rows}</table>"


def _drawn(draw: Callable[[Figure], None]) -> str:
    """A figure as SVG inside the page."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "parkgrid", "font.size": 10}):
        figure = Figure(figsize=(9.5, 3.6), layout="constrained")
        draw(figure)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def _costs(figure: Figure, found: Sequence[Compared], currency: str) -> None:
    axes = figure.add_subplot()
    names = list(found[0].runs)
    costs = {name: terms_of(found, name) for name in names}
    above, below = np.zeros(len(names)), np.zeros(len(names))
    for term in dict.fromkeys(term for terms in costs.values() for term in terms):
        values = np.array([costs[name].get(term, 0.0) for name in names])
        axes.barh(names, values, left=np.where(values >= 0.0, above, below), label=term)
        above, below = above + np.maximum(values, 0.0), below + np.minimum(values, 0.0)
    axes.invert_yaxis()
    axes.set_xlabel(currency)
    axes.legend(fontsize=8)


def _durations(figure: Figure, found: Sequence[Compared]) -> None:
    axes = figure.add_subplot()
    for name in (NOTHING, CONTROLLER, FORESIGHT):
        powers = np.concatenate([_grid_kw(each, name) for each in found])
        share = np.arange(1, len(powers) + 1) / len(powers)
        axes.plot(100.0 * share, np.sort(powers)[::-1], label=name)
    axes.axhline(0.0, color="black", linewidth=0.6)
    axes.set_xlabel("% of the time")
    axes.set_ylabel("kW, + import")
    axes.legend(fontsize=8)


def _peaks(figure: Figure, found: Sequence[Compared]) -> None:
    axes = figure.add_subplot()
    names = (NOTHING, CONTROLLER, FORESIGHT)
    at = np.arange(len(found))
    for number, name in enumerate(names):
        axes.bar(at + 0.27 * (number - 1), [each.runs[name].highest_kw for each in found], 0.25, label=name)
    axes.set_xticks(at, [f"{each.case.start:%Y-%m-%d}" for each in found], rotation=30)
    axes.set_ylabel("kW")
    axes.legend(fontsize=8)


def _errors(figure: Figure, found: Sequence[Compared]) -> None:
    axes = figure.add_subplot()
    for what in found[0].errors_kw:
        rows = [each.errors_kw[what] for each in found]
        hours = np.arange(len(rows[0])) * found[0].case.step.total_seconds() / 3600.0
        axes.plot(hours, np.mean(rows, axis=0), label=what)
    axes.set_xlabel("hours ahead")
    axes.set_ylabel("mean absolute error, kW")
    axes.legend(fontsize=8)


def _grid_kw(found: Compared, name: str) -> np.ndarray:
    series = found.runs[name].series
    return (series["import_kwh"] - series["export_kwh"]) * 3600.0 / found.case.step.total_seconds()


def _interval_cost(found: Compared, name: str) -> np.ndarray:
    """What the energy of each interval cost at the connection."""
    case, series = found.case, found.runs[name].series
    hours = np.full(case.steps, case.step.total_seconds() / 3600.0)
    prices = calendar_of(case.site).over(case.start, hours, case.site.spot)
    return prices.import_per_kwh * series["import_kwh"] - prices.export_per_kwh * series["export_kwh"]


def _chosen_days(found: Sequence[Compared]) -> list[tuple[Compared, int, str]]:
    """The day on which most was saved, and the one that came dearest against perfect foresight."""
    days = []
    for each in found:
        per_day = round(86400.0 / each.case.step.total_seconds())
        whole = each.case.steps // per_day * per_day
        if whole == 0:
            continue
        costs = {
            name: _interval_cost(each, name)[:whole].reshape(-1, per_day).sum(axis=1)
            for name in (NOTHING, CONTROLLER, FORESIGHT)
        }
        days.append((each, costs[NOTHING] - costs[CONTROLLER], costs[CONTROLLER] - costs[FORESIGHT]))
    if not days:
        return []
    best = max(days, key=lambda day: day[1].max())
    worst = max(days, key=lambda day: day[2].max())
    return [
        (best[0], int(best[1].argmax()), "The day on which energy was bought best"),
        (worst[0], int(worst[2].argmax()), "The day on which foresight would have bought best"),
    ]


def _day(found: Compared, day: int, what: str, currency: str) -> str:
    when = found.case.start.astimezone(ZoneInfo(found.case.site.location.time_zone))
    per_day = round(86400.0 / found.case.step.total_seconds())
    title = f"<h2>{what}: day {day + 1} of the period from {when:%Y-%m-%d}</h2>"
    return title + _drawn(lambda figure: _flows(figure, found, slice(day * per_day, (day + 1) * per_day), currency))


def _flows(figure: Figure, found: Compared, shown: slice, currency: str) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True)
    case = found.case
    step_h = case.step.total_seconds() / 3600.0
    hours = np.arange(shown.stop - shown.start) * step_h
    for name, style in ((NOTHING, ":"), (CONTROLLER, "-"), (FORESIGHT, "--")):
        upper.plot(hours, _grid_kw(found, name)[shown], style, label=f"grid, {name}")
    prices = calendar_of(case.site).over(case.start, np.full(case.steps, step_h), case.site.spot)
    price: Axes = upper.twinx()
    price.step(hours, prices.import_per_kwh[shown], where="post", color="grey", linewidth=0.8)
    price.set_ylabel(f"{currency} per kWh")
    upper.set_ylabel("kW")
    upper.legend(fontsize=7)
    for name, store in stores(case.site).items():
        if isinstance(case.site.assets[name], Battery):
            for run, style in ((CONTROLLER, "-"), (FORESIGHT, "--")):
                stored = found.runs[run].series.get(f"{name}.stored_kwh")
                if stored is not None:
                    lower.plot(hours, 100.0 * stored[shown] / store.capacity_kwh, style, label=f"{name}, {run}")
    lower.set_ylabel("state of charge, %")
    lower.set_xlabel("hours")
    lower.legend(fontsize=7)
