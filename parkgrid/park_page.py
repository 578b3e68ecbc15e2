"""What a simulated park did, on one page: a file of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config.site import Site
from parkgrid.park_course import Course, balances, course_of
from parkgrid.park_picture import picture_svg
from parkgrid.settlement import settle

INTERVAL_S = 900
"""What demand is billed on; a part of it at the beginning or the end of a run is no demand."""
STYLE = """
body { font: 15px/1.45 "DejaVu Sans", "Segoe UI", Helvetica, Arial, sans-serif; color: #222; max-width: 1180px;
  margin: 24px auto; padding: 0 16px }
h1 { font-size: 24px; margin: 0 } h2 { font-size: 17px; margin: 28px 0 8px }
p { margin: 4px 0; color: #555 } svg { width: 100%; height: auto; font-family: inherit }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 18px 0 }
.tile { border: 1px solid #DDD; border-radius: 6px; padding: 10px 14px }
.tile b { display: block; font-size: 21px } .tile span { font-size: 13px; color: #555 }
table { border-collapse: collapse; font-size: 14px } td, th { padding: 4px 14px 4px 0; text-align: left;
  border-bottom: 1px solid #E4E4E4 } .n { text-align: right; font-variant-numeric: tabular-nums }
.tables { display: flex; flex-wrap: wrap; gap: 0 48px } footer { margin-top: 28px; font-size: 12px; color: #777 }
"""


def write_page(site: Site, truth: Mapping[str, Any], path: Path) -> None:
    """Write the page. Raises OSError."""
    path.write_text(page_of(site, truth), encoding="utf-8")


def page_of(site: Site, truth: Mapping[str, Any]) -> str:
    """The page as text; equal runs give equal pages."""
    course = course_of(site, truth)
    lived: Mapping[str, Any] = truth.get("scenario", {})
    name = lived.get("name", "a run")
    zone = ZoneInfo(site.location.time_zone)
    first, last = (edge.astimezone(zone) for edge in (course.edges[0], course.edges[-1]))
    heading = f"{site.name}: {name.replace('_', ' ')}"
    controlled = bool(truth["commands"])
    who = "The park was commanded while it ran." if controlled else "Nobody commanded the park: each device on its own."
    parts = [
        f"<h1>{escape(heading)}</h1>",
        f"<p>{escape(lived.get('description', site.file.description))}</p>",
        f"<p>{first:%A %d %B %Y %H:%M} to {last:%A %d %B %H:%M}, {escape(zone.key)}. {who}</p>",
        _tiles(site, truth),
        picture_svg(site, truth),
        '<div class="tables">',
        _money(site, truth, controlled),
        _balances(site, truth),
        _energies(site, truth),
        _given(course, zone),
        "</div>",
        "<footer>From the simulated park's own counters, not from what a controller measured. Every energy balance "
        f"closes to {truth['balance_residual']:.1e} of what flows, in every step. "
        "Powers are means of 15 minutes.</footer>",
    ]
    head = f'<meta charset="utf-8"><title>{escape(heading)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _tiles(site: Site, truth: Mapping[str, Any]) -> str:
    total: Mapping[str, Any] = truth["park"]["total"]
    bill = settle(site, truth, "park")
    _, grid = site.grid
    intervals: Sequence[Mapping[str, Any]] = truth["park"]["intervals"]
    whole = [interval for interval in intervals if interval["seconds"] >= INTERVAL_S]
    highest_kw = max(interval["demand_kw"] for interval in whole or intervals)
    tiles = [
        (f"{total['import_kwh']:,.0f} kWh", "imported"),
        (f"{total['export_kwh']:,.0f} kWh", "exported"),
        (f"{highest_kw:,.0f} kW", f"highest import, mean of 15 min; the limit is {grid.import_limit_kw:,.0f} kW"),
        (f"{total['curtailed_kwh']:,.0f} kWh", "sun and wind curtailed"),
        (f"{bill.total:,.0f} {site.tariffs[0].currency}", "cost, with the month's demand charge"),
        (f"{bill.co2_kg / 1000:,.2f} t", "CO2"),
    ]
    if total["unserved_kwh"] >= 0.5:
        tiles.append((f"{total['unserved_kwh']:,.0f} kWh", "wanted by loads and not there"))
    shown = (f'<div class="tile"><b>{value}</b><span>{escape(what)}</span></div>' for value, what in tiles)
    return f'<div class="tiles">{"".join(shown)}</div>'


def _money(site: Site, truth: Mapping[str, Any], controlled: bool) -> str:
    with_control, without = settle(site, truth, "park"), settle(site, truth, "without_control")
    columns = ["term", "this run", *(["without control"] if controlled else [])]
    rows = [
        [term, f"{cost:,.0f}", *([f"{without.terms[term]:,.0f}"] if controlled else [])]
        for term, cost in with_control.terms.items()
        if round(cost) or round(without.terms[term])
    ]
    rows.append(["total", f"{with_control.total:,.0f}", *([f"{without.total:,.0f}"] if controlled else [])])
    return _table(f"Cost in {site.tariffs[0].currency}", columns, rows)


def _balances(site: Site, truth: Mapping[str, Any]) -> str:
    rows = [
        [
            balance.bus.replace("_", " "),
            f"{balance.supplied_kwh:,.1f}",
            f"{balance.used_kwh:,.1f}",
            f"{balance.surplus_kwh:,.1f}",
            _rounded(balance.gap_kwh),
        ]
        for balance in balances(site, truth)
    ]
    return _table("Balances in kWh", ["bus", "supplied", "used", "taken by nobody", "unaccounted"], rows)


def _rounded(gap_kwh: float) -> str:
    """Without a sign before what rounds to nothing."""
    return f"{0.0 if abs(gap_kwh) < 0.05 else gap_kwh:,.1f}"


def _energies(site: Site, truth: Mapping[str, Any]) -> str:
    accounts: Mapping[str, Mapping[str, float]] = truth["park"]["total"]["assets"]
    keys = [key for key in next(iter(accounts.values())) if any(round(of[key]) for of in accounts.values())]
    columns = ["asset", *(key.removesuffix("_kwh").replace("_", " ") for key in keys)]
    rows = [
        [site.assets[name].label or name, *(f"{of[key]:,.0f}" if round(of[key]) else "" for key in keys)]
        for name, of in accounts.items()
    ]
    return _table("Energies in kWh: fed is to the park, stored is the change", columns, rows)


def _given(course: Course, zone: ZoneInfo) -> str:
    if not course.marks:
        return ""
    rows = [
        [f"{mark.begin.astimezone(zone):%d %b %H:%M}", f"{mark.end.astimezone(zone):%d %b %H:%M}", mark.what]
        for mark in course.marks
    ]
    return _table("What was given to the park", ["from", "to", "what"], rows, numbers=False)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        shown = (
            f"<{tag}{' class=n' if numbers and index else ''}>{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(shown)}</tr>"

    body = "".join(line("td", row) for row in rows)
    return f"<section><h2>{escape(title)}</h2><table>{line('th', columns)}{body}</table></section>"
