"""What a simulated park did, as a picture: price, each bus, and what the stores held, over local time."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from config.asset import KWH_PER_KG_HYDROGEN, carrier_of
from config.hydrogen_assets import HydrogenTank
from config.site import Site
from dispatch.plan import FloatArray
from parkgrid.park_course import BusCourse, Course, capacity_kwh, course_of
from parkgrid.plan_picture import DOTS_PER_INCH, WIDTH_IN, colour_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_IN = {"marks": 0.3, "price": 1.3, "electricity": 4.0, "bus": 2.6, "stores": 1.8}
"""Heights in inches; `marks` is that of each line of marks, `bus` that of each bus but electricity."""
TICK_EVERY_H = ((6, 1), (12, 2), (36, 3), (72, 6), (240, 24))
"""Hours between ticks for runs up to so many hours: about ten ticks. Longer runs have one every few days, and those
below two hours one every quarter of an hour."""
MOST_DAY_TICKS = 10
"""Ticks that a run of more than 240 h has at most."""
GIVEN_COLOUR, FAULT_COLOUR, LIMIT_COLOUR = "#8064A2", "#C0504D", "#C00000"
MOST_OUTLINED = 300
"""Intervals up to which areas have an outline: some three days."""
FAR = 1.6
"""A limit that would make the axis longer than so many times is named and not drawn: all else would be pressed flat."""


def draw_park(site: Site, truth: Mapping[str, Any], path: Path) -> None:
    """Write the picture; the ending of the name, .png or .svg, decides the form. Raises OSError, and as `course_of`."""
    with _drawing():
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
        _figure(site, truth).savefig(path, metadata=metadata)


def picture_svg(site: Site, truth: Mapping[str, Any]) -> str:
    """The picture as an SVG element, to stand below a page's heading; equal runs give equal pictures."""
    text = io.StringIO()
    with _drawing():
        _figure(site, truth, titled=False).savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _drawing() -> Any:
    # It would tell of its font cache on standard error.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib import rc_context

    # text stays text in an .svg, and the same run gives the same file
    return rc_context({"svg.fonttype": "none", "svg.hashsalt": "parkgrid", "font.size": 10, "hatch.linewidth": 0.6})


def _figure(site: Site, truth: Mapping[str, Any], *, titled: bool = True) -> Figure:
    from matplotlib.figure import Figure

    course = course_of(site, truth)
    heights = [
        *([PANEL_IN["marks"] * len(course.marks) + 0.15] if course.marks else []),
        PANEL_IN["price"],
        *(PANEL_IN.get(bus, PANEL_IN["bus"]) for bus in course.buses),
        *([PANEL_IN["stores"]] if course.stored_kwh else []),
    ]
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + 1.0), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    axes: list[Axes] = list(grid[:, 0])
    if titled:
        figure.suptitle(_title(site, truth, course), fontsize=12, x=0.01, ha="left")
    panels = iter(axes)
    if course.marks:
        _marks(next(panels), course)
    _price(next(panels), site, course)
    for bus, lived in course.buses.items():
        _bus(next(panels), site, course, bus, lived)
    if course.stored_kwh:
        _stores(next(panels), site, course)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_axisbelow(True)
    for ax in axes[1 if course.marks else 0 :]:
        ax.grid(axis="both", color="#DDDDDD", linewidth=0.6)
        for mark in course.marks:
            # what lasts all the time would only tint everything
            if (mark.begin, mark.end) != (course.edges[0], course.edges[-1]):
                ax.axvspan(
                    *_dates([mark.begin, mark.end]), color=_markcolour_of(mark.is_fault), alpha=0.08, linewidth=0
                )
    _time_axis(axes[-1], site, course)
    _fix(figure)
    return figure


def _fix(figure: Figure) -> None:
    """Lay the picture out, and round it: the solver of the layout differs in the last bits from process to process."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        left, bottom, width, height = (round(part, 6) for part in ax.get_position().bounds)
        ax.set_position((left, bottom, width, height))


def _title(site: Site, truth: Mapping[str, Any], course: Course) -> str:
    zone = ZoneInfo(site.location.time_zone)
    first, last = (edge.astimezone(zone) for edge in (course.edges[0], course.edges[-1]))
    lived = f", {truth['scenario']['name']}" if "scenario" in truth else ""
    return f"{site.name}{lived}: {first:%a %d %b %Y %H:%M} to {last:%a %d %b %H:%M}"


def _marks(ax: Axes, course: Course) -> None:
    """A line of its own for each, so that words never lie on each other."""
    first, last = _dates([course.edges[0], course.edges[-1]])
    for row, mark in enumerate(course.marks):
        begin, end = _dates([mark.begin, mark.end])
        ax.barh(-row, end - begin, left=begin, height=0.7, color=_markcolour_of(mark.is_fault), alpha=0.3)
        late = begin > (first + last) / 2
        ax.annotate(
            mark.what,
            (end if late else begin, -row),
            (-4 if late else 4, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="center",
            fontsize=9,
        )
    ax.set_ylim(0.5 - len(course.marks), 0.5)
    ax.set_yticks([])
    ax.set_ylabel("given", rotation=0, ha="right", va="center")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(bottom=False)


def _markcolour_of(is_fault: bool) -> str:
    return FAULT_COLOUR if is_fault else GIVEN_COLOUR


def _price(ax: Axes, site: Site, course: Course) -> None:
    price, edges = course.import_price_per_kwh, _dates(course.edges)
    ax.stairs(price, edges, fill=True, color="#999999", alpha=0.25)
    ax.stairs(price, edges, color="#000000", linewidth=1.4, baseline=None)
    ax.set_ylim(0.0, max(1.15 * float(price.max()), 0.01))
    ax.set_ylabel(f"import price\n{site.tariffs[0].currency}/kWh")


def _bus(ax: Axes, site: Site, course: Course, bus: str, lived: BusCourse) -> None:
    _stack(ax, site, course, bus, lived)
    if bus == "electricity":
        _connection(ax, site, course, lived)
    what = {"hydrogen": "hydrogen (LHV)"}.get(bus, bus.replace("_", " "))
    if carrier_of(bus) == "heat" and bus != "heat":
        what = f"heat, {what}"
    ax.set_ylabel(f"{what}, kW\nused below, supplied above")
    ax.yaxis.set_major_formatter(lambda kw, _: f"{abs(kw):,.0f}")
    _legend(ax)


def _stack(ax: Axes, site: Site, course: Course, bus: str, lived: BusCourse) -> None:
    edges = _dates(course.edges)
    top = np.zeros(len(edges) - 1)
    bottom = top.copy()
    for flow in lived.flows:
        up, down = np.maximum(flow.towards_kw, 0.0), np.maximum(-flow.towards_kw, 0.0)
        style = {"facecolor": colour_of(site, flow.asset), "edgecolor": "white"}
        label: str | None = _called(site, flow.asset)
        for height, base in ((up, top), (-down, bottom)):
            if _area(ax, edges, base, height, label, style):
                label = None
        top, bottom = top + up, bottom - down
    if bus == "electricity":
        style = {"facecolor": "none", "edgecolor": "#777777", "hatch": "///"}
        _area(ax, edges, top, course.curtailed_kw, "curtailed", style)
    _area(ax, edges, bottom, -lived.surplus_kw, "taken by nobody", {"facecolor": "#DDDDDD", "edgecolor": "#777777"})
    style = {"facecolor": "none", "edgecolor": FAULT_COLOUR, "hatch": "xxx"}
    _area(ax, edges, bottom - lived.surplus_kw, -lived.unserved_kw, "wanted and not there", style)
    ax.axhline(0.0, color="#000000", linewidth=0.8)


def _area(
    ax: Axes, edges: FloatArray, base: FloatArray, height: FloatArray, label: str | None, style: Mapping[str, str]
) -> bool:
    """Put an area on a stack; returns whether there is one."""
    there = np.abs(height) > 1e-9  # an area of no height would still draw its edge
    if not np.any(there):
        return False
    top, low = np.where(there, base + height, np.nan), np.where(there, base, np.nan)
    ax.stairs(top, edges, baseline=low, fill=True, label=label).set(linewidth=_outline(edges), **style)
    return True


def _outline(edges: FloatArray) -> float:
    """The width of an area's outline: none where it would be wider than what it encloses."""
    return 0.4 if len(edges) <= MOST_OUTLINED else 0.0


def _connection(ax: Axes, site: Site, course: Course, lived: BusCourse) -> None:
    """What the grid's meter shows, and its limits."""
    name, grid = site.grid
    edges = _dates(course.edges)
    width = 1.6 if len(edges) <= MOST_OUTLINED else 1.0
    for flow in lived.flows:
        if flow.asset == name:
            ax.stairs(flow.towards_kw, edges, color="#000000", linewidth=width, baseline=None, label="net import")
    low, high = ax.get_ylim()
    for way, limit_kw in (("import", grid.import_limit_kw), ("export", -grid.export_limit_kw)):
        label = f"{way} limit, {abs(limit_kw):,.0f} kW"
        style = {"color": LIMIT_COLOUR, "linestyle": "--" if limit_kw > 0 else ":", "linewidth": 1.2}
        if FAR * low <= limit_kw <= FAR * high:
            ax.axhline(limit_kw, label=label, **style)  # type: ignore[arg-type]
        else:
            ax.plot([], [], label=f"{label}: off the scale", **style)  # type: ignore[arg-type]


def _stores(ax: Axes, site: Site, course: Course) -> None:
    """Each in percent of the most that it holds."""
    styles = ("-", "--", "-.", ":")
    edges = _dates(course.edges)
    for number, (name, held_kwh) in enumerate(course.stored_kwh.items()):
        asset = site.assets[name]
        full_kwh = capacity_kwh(asset)
        assert full_kwh is not None  # else it would be no store
        size = (
            f"{full_kwh / KWH_PER_KG_HYDROGEN:,.0f} kg" if isinstance(asset, HydrogenTank) else f"{full_kwh:,.0f} kWh"
        )
        style = styles[number % len(styles)]
        label = f"{_called(site, name)}, {size}"
        ax.plot(edges, held_kwh / full_kwh * 100.0, style, color=colour_of(site, name), linewidth=2, label=label)
    ax.set_ylim(-3, 103)  # a line at empty or full stays whole
    ax.set_yticks([0, 25, 50, 75, 100])
    ax.set_ylabel("stored, %")
    _legend(ax, reverse=False)


def _legend(ax: Axes, *, reverse: bool = True) -> None:
    ax.legend(
        loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0.0, frameon=False, fontsize=9, reverse=reverse
    )


def _called(site: Site, name: str) -> str:
    return site.assets[name].label or name


def _dates(times: Iterable[datetime]) -> FloatArray:
    """Times as matplotlib counts them, of the length of `times`."""
    from matplotlib.dates import date2num

    return np.asarray(date2num(list(times)), dtype=np.float64)


def _time_axis(ax: Axes, site: Site, course: Course) -> None:
    from matplotlib.dates import DayLocator, HourLocator, MinuteLocator, num2date

    zone = ZoneInfo(site.location.time_zone)
    hours = (course.edges[-1] - course.edges[0]).total_seconds() / 3600
    every_h = next((every_h for longest_h, every_h in TICK_EVERY_H if hours <= longest_h), None)
    if hours < 2:
        ax.xaxis.set_major_locator(MinuteLocator(byminute=(0, 15, 30, 45), tz=zone))
    elif every_h is None:
        ax.xaxis.set_major_locator(DayLocator(interval=math.ceil(hours / 24 / MOST_DAY_TICKS), tz=zone))
    else:
        ax.xaxis.set_major_locator(HourLocator(byhour=range(0, 24, every_h), tz=zone))

    def label(when: float, position: float) -> str:
        local = num2date(when, tz=zone)
        return f"{local:%H:%M}\n{local:%a %d %b}" if f"{local:%H:%M}" == "00:00" or position == 0 else f"{local:%H:%M}"

    first, last = _dates([course.edges[0], course.edges[-1]])
    ax.set_xlim(first, last)
    ax.xaxis.set_major_formatter(label)
    ax.set_xlabel(f"local time, {zone.key}")
