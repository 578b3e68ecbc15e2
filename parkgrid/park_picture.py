"""What a simulated park did, as a picture: price, each carrier, and what the stores held, over local time."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from config.site import Site
from dispatch.plan import FloatArray
from parkgrid.park_course import Course, Flow, course_of
from parkgrid.plan_picture import COLOURS, DOTS_PER_INCH, LIGHTER, TICK_EVERY_H, WIDTH_IN
from parkgrid.refusal import Refused

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_IN = {"marks": 0.35, "price": 1.3, "electricity": 4.0, "stores": 1.7}
"""Heights in inches; `marks` is that of each line of marks."""
CARRIER_IN = 2.6
"""Of each carrier but electricity."""
FORMS = (".png", ".svg")
MARK_COLOUR = "#C0504D"
SPARE_COLOURS = ("#8C6D31", "#637939", "#7B4173", "#3182BD", "#E6550D", "#31A354", "#756BB1", "#636363")
"""For kinds of assets without a colour of their own, in the site's order."""


def refuse_unknown_form(path: Path) -> None:
    """Raises Refused for a name whose ending says no form of picture."""
    if path.suffix.lower() not in FORMS:
        raise Refused(f"--plot {path.name} should end in {' or '.join(FORMS)}")


def draw_park(site: Site, truth: Mapping[str, Any], path: Path) -> None:
    """Write the picture; the ending of the name decides the form. Raises OSError."""
    with _drawing():
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
        _figure(site, truth).savefig(path, metadata=metadata)


def picture_svg(site: Site, truth: Mapping[str, Any]) -> str:
    """The picture as an SVG element, to stand in a page; equal runs give equal pictures."""
    text = io.StringIO()
    with _drawing():
        _figure(site, truth).savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _drawing() -> Any:
    # It would tell of its font cache on standard error.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib import rc_context

    # text stays text in an .svg, and the same run gives the same file
    return rc_context({"svg.fonttype": "none", "svg.hashsalt": "parkgrid", "font.size": 10, "hatch.linewidth": 0.6})


def _figure(site: Site, truth: Mapping[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    course = course_of(site, truth)
    others = [carrier for carrier in course.flows if carrier != "electricity"]
    heights = [
        *([PANEL_IN["marks"] * len(course.marks) + 0.15] if course.marks else []),
        PANEL_IN["price"],
        PANEL_IN["electricity"],
        *(CARRIER_IN for _ in others),
        *([PANEL_IN["stores"]] if course.stored_kwh else []),
    ]
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + 1.0), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    axes: list[Axes] = list(grid[:, 0])
    figure.suptitle(_title(site, truth, course), fontsize=12, x=0.01, ha="left")
    panels = iter(axes)
    if course.marks:
        _marks(next(panels), course)
    _price(next(panels), site, course)
    _electricity(next(panels), site, course)
    for carrier in others:
        ax = next(panels)
        _stack(ax, site, course, course.flows[carrier])
        _label(ax, carrier)
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
                ax.axvspan(*_dates([mark.begin, mark.end]), color=MARK_COLOUR, alpha=0.08, linewidth=0)
    _time_axis(axes[-1], site, course)
    return figure


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
        ax.barh(-row, end - begin, left=begin, height=0.7, color=MARK_COLOUR, alpha=0.3)
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


def _price(ax: Axes, site: Site, course: Course) -> None:
    price, edges = course.import_price_per_kwh, _dates(course.edges)
    ax.stairs(price, edges, fill=True, color="#999999", alpha=0.25)
    ax.stairs(price, edges, color="#000000", linewidth=1.4, baseline=None)
    ax.set_ylim(0.0, max(1.15 * float(price.max()), 0.01))
    ax.set_ylabel(f"import price\n{site.tariffs[0].currency}/kWh")


def _electricity(ax: Axes, site: Site, course: Course) -> None:
    flows = course.flows.get("electricity", ())
    _stack(ax, site, course, flows, course.curtailed_kw)
    name, grid = site.grid
    edges = _dates(course.edges)
    for flow in flows:
        if flow.asset == name:
            label = f"{name} net: import +, export -"
            ax.stairs(flow.towards_kw, edges, color="#000000", linewidth=1.6, baseline=None, label=label)
    limits = f"limits of {name}"
    low, high = ax.get_ylim()
    for limit_kw in (grid.import_limit_kw, -grid.export_limit_kw):
        # a limit far outside would press everything else flat
        if 1.5 * low <= limit_kw <= 1.5 * high:
            ax.axhline(limit_kw, color=MARK_COLOUR, linestyle="--", linewidth=1.1, label=limits)
            limits = ""
    _label(ax, "electricity")


def _label(ax: Axes, carrier: str) -> None:
    ax.set_ylabel(f"{carrier}, kW\nused below, supplied above")
    ax.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0.0, frameon=False, fontsize=9, reverse=True)


def _stack(ax: Axes, site: Site, course: Course, flows: Sequence[Flow], curtailed_kw: FloatArray | None = None) -> None:
    edges = _dates(course.edges)
    top = np.zeros(len(edges) - 1)
    bottom = top.copy()
    for flow in flows:
        up, down = np.maximum(flow.towards_kw, 0.0), np.maximum(-flow.towards_kw, 0.0)
        label: str | None = flow.asset
        for height, base in ((up, top), (-down, bottom)):
            if np.any(height != 0.0):
                there = height != 0.0  # an area of no height would still draw its edge
                area = ax.stairs(
                    np.where(there, base + height, np.nan),
                    edges,
                    baseline=np.where(there, base, np.nan),
                    fill=True,
                    label=label,
                )
                area.set(facecolor=_colour(site, flow.asset), edgecolor="white", linewidth=0.4)
                label = None
        top, bottom = top + up, bottom - down
    if curtailed_kw is not None and float(curtailed_kw.max()) > 1.0:
        area = ax.stairs(top + curtailed_kw, edges, baseline=top, fill=True, label="curtailed", hatch="///")
        area.set(facecolor="none", edgecolor="#777777", linewidth=0.4)
    ax.axhline(0.0, color="#000000", linewidth=0.8)
    ax.yaxis.set_major_formatter(lambda kw, _: f"{abs(kw):,.0f}")


def _stores(ax: Axes, site: Site, course: Course) -> None:
    """Each in percent of its capacity, or of the most that it held where it has none."""
    styles = ("-", "--", "-.", ":")
    edges = _dates(course.edges)
    for number, (name, held_kwh) in enumerate(course.stored_kwh.items()):
        capacity_kwh = getattr(site.assets[name], "capacity_kwh", None)
        full_kwh = capacity_kwh or float(np.abs(held_kwh).max())
        label = f"{name}, {full_kwh:,.0f} kWh{'' if capacity_kwh else ' at most'}"
        style = styles[number % len(styles)]
        ax.plot(edges, held_kwh / full_kwh * 100.0, style, color=_colour(site, name), linewidth=2, label=label)
    ax.set_ylim(0, 100)
    ax.set_ylabel("stored, %")
    ax.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0.0, frameon=False, fontsize=9)


def _colour(site: Site, name: str) -> str:
    from matplotlib.colors import to_hex, to_rgb

    kind = type(site.assets[name])
    spare = [other for other in dict.fromkeys(type(asset) for asset in site.assets.values()) if other not in COLOURS]
    base = COLOURS[kind] if kind in COLOURS else SPARE_COLOURS[spare.index(kind) % len(SPARE_COLOURS)]
    number = [other for other, asset in site.assets.items() if isinstance(asset, kind)].index(name)
    towards_white = 1.0 - (1.0 - LIGHTER) ** number
    rgb = [part + (1.0 - part) * towards_white for part in to_rgb(base)]
    return to_hex((rgb[0], rgb[1], rgb[2]))


def _dates(times: Sequence[Any]) -> FloatArray:
    """Times as matplotlib counts them, of the length of `times`."""
    from matplotlib.dates import date2num

    return np.asarray(date2num(list(times)), dtype=np.float64)


def _time_axis(ax: Axes, site: Site, course: Course) -> None:
    from matplotlib.dates import HourLocator, num2date

    zone = ZoneInfo(site.location.time_zone)
    hours = (course.edges[-1] - course.edges[0]).total_seconds() / 3600
    every_h = next(every_h for longest_h, every_h in TICK_EVERY_H if hours <= longest_h or longest_h >= 1000)

    def label(when: float, _: object) -> str:
        local = num2date(when, tz=zone)
        return f"{local:%H:%M}\n{local:%a %d %b}" if local.hour == 0 else f"{local:%H:%M}"

    first, last = _dates([course.edges[0], course.edges[-1]])
    ax.set_xlim(first, last)
    ax.xaxis_date(tz=zone)
    ax.xaxis.set_major_locator(HourLocator(byhour=range(0, 24, every_h), tz=zone))
    ax.xaxis.set_major_formatter(label)
    ax.set_xlabel(f"local time, {zone.key}")
