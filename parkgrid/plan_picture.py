"""A plan as a picture: price, electricity, heat and stored energy over local time."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from config.assets import (
    Asset,
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    HotWaterTank,
    PvPlant,
    WindTurbine,
)
from dispatch.plan import FloatArray
from dispatch.soundness import stores
from parkgrid.plan_output import bands, starts
from parkgrid.planning import Planned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN = 12.0
PANEL_IN = {"price": 1.3, "electricity": 4.2, "heat": 3.0, "soc": 1.7}
"""Heights in inches; a panel that the site has nothing for is left out."""
DOTS_PER_INCH = 110
"""Readable on a screen and in print, at some 200 kB."""
SHOWN_FROM_KW = 0.05
"""A series that never exceeds this is no area that one could see, and its legend entry would mislead."""
TICK_EVERY_H = ((6, 1), (12, 2), (36, 3), (1000, 6))
"""Hours between ticks for horizons up to so many hours: eight to twelve ticks."""

# Okabe and Ito's palette, told apart with every common colour blindness; several of a kind differ in lightness.
COLOURS: dict[type[Asset], str] = {
    GridConnection: "#999999",
    PvPlant: "#F0C93A",
    WindTurbine: "#56B4E9",
    Battery: "#009E73",
    HeatPump: "#D55E00",
    GasBoiler: "#CC79A7",
    HotWaterTank: "#0072B2",
    ElectricLoad: "#44546A",
    HeatLoad: "#44546A",
}
LIGHTER = 0.38
"""How far each further asset of a kind goes towards white."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One area of a stack: what is made counts up, what is used down."""

    label: str
    colour: str
    up_kw: FloatArray
    down_kw: FloatArray


def draw(planned: Planned, path: Path) -> None:
    """Writes the picture; the ending of the name, .svg or .png, decides the form. Raises OSError."""
    # It would tell of its font cache on standard error.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    panels = [
        "price",
        "electricity",
        *(["heat"] if _heat_layers(planned) else []),
        *(["soc"] if stores(planned.site) else []),
    ]
    heights = [PANEL_IN[panel] for panel in panels]
    # text stays text in an .svg, and the same plan gives the same file
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "parkgrid", "font.size": 10, "hatch.linewidth": 0.6}):
        figure = Figure(figsize=(WIDTH_IN, sum(heights) + 1.0), dpi=DOTS_PER_INCH, layout="constrained")
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
        axes: list[Axes] = list(grid[:, 0])
        figure.suptitle(_title(planned), fontsize=12, x=0.01, ha="left")
        for panel, ax in zip(panels, axes, strict=True):
            {"price": _price, "electricity": _electricity, "heat": _heat, "soc": _soc}[panel](ax, planned)
            ax.grid(axis="both", color="#DDDDDD", linewidth=0.6)
            ax.set_axisbelow(True)
            ax.spines[["top", "right"]].set_visible(False)
        _time_axis(axes[-1], planned)
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)


def _title(planned: Planned) -> str:
    plan, site = planned.plan, planned.site
    zone = ZoneInfo(site.location.time_zone)
    first, last = plan.start.astimezone(zone), plan.until.astimezone(zone)
    span = f"{first:%a %d %b %Y %H:%M} to {last:%a %d %b %H:%M}"
    return f"{site.name}, {span}: {plan.method.value} plan, {planned.total:,.0f} {site.tariffs[0].currency}"


def _price(ax: Axes, planned: Planned) -> None:
    edges, price = _edges(planned), planned.plan.import_price_per_kwh
    ax.stairs(price, edges, fill=True, color="#999999", alpha=0.25)
    ax.stairs(price, edges, color="#000000", linewidth=1.4, baseline=None)
    ax.set_ylim(0.0, max(1.45 * float(price.max()), 0.01))
    ax.set_ylabel(f"import price\n{planned.site.tariffs[0].currency}/kWh")
    for band, group in groupby(enumerate(bands(planned.site, planned.plan)), lambda pair: pair[1]):
        steps = [step for step, _ in group]
        middle = (edges[steps[0]] + edges[steps[-1] + 1]) / 2
        top = float(price[steps[0] : steps[-1] + 1].max())
        ax.annotate(band, (middle, top), (0, 3), textcoords="offset points", ha="center", fontsize=8.5)


def _electricity(ax: Axes, planned: Planned) -> None:
    plan, site = planned.plan, planned.site
    name, grid = site.grid
    _stack(ax, planned, _electric_layers(planned))
    ax.stairs(
        plan.assets[name].power_kw,
        _edges(planned),
        color="#000000",
        linewidth=1.6,
        baseline=None,
        label=f"{name} net: import +, export -",
    )
    low, high = ax.get_ylim()
    label: str | None = f"limits of {name} net"
    for limit_kw in (grid.import_limit_kw, -grid.export_limit_kw):
        if low <= limit_kw <= high:
            ax.axhline(limit_kw, color="#000000", linestyle="--", linewidth=0.9, label=label)
            label = None
    ax.set_ylabel("electricity, kW\nused below, supplied above")
    _legend(ax)


def _heat(ax: Axes, planned: Planned) -> None:
    _stack(ax, planned, _heat_layers(planned))
    ax.set_ylabel("heat, kW\nused below, supplied above")
    _legend(ax)


def _soc(ax: Axes, planned: Planned) -> None:
    """Stored energy runs straight between the bounds of the intervals."""
    styles = ("-", "--", "-.", ":")
    for number, (name, spec) in enumerate(stores(planned.site).items()):
        stored_kwh = planned.plan.assets[name].stored_kwh
        if stored_kwh is None:
            continue
        soc = stored_kwh / spec.capacity_kwh * 100.0
        label = f"{name}, {spec.capacity_kwh:g} kWh"
        colour = _colour(planned, name)
        ax.plot(_edges(planned), soc, styles[number % len(styles)], color=colour, linewidth=2, label=label)
    ax.set_ylim(0, 100)
    ax.set_ylabel("state of charge, %")
    _legend(ax)


def _electric_layers(planned: Planned) -> list[Layer]:
    assets, site = planned.plan.assets, planned.site
    layers: list[Layer] = []
    curtailed_kw = np.zeros(planned.plan.steps)
    order = (ElectricLoad, HeatPump, WindTurbine, PvPlant, Battery, GridConnection)
    for kind in order:
        for name, spec in site.dispatched.items():
            if not isinstance(spec, kind):
                continue
            power_kw = assets[name].power_kw
            if isinstance(spec, ElectricLoad | HeatPump):
                power_kw = -power_kw
            layers.append(_layer(planned, name, power_kw))
            available_kw = assets[name].available_kw
            if available_kw is not None:
                curtailed_kw = curtailed_kw + np.maximum(available_kw - power_kw, 0.0)
    layers.append(Layer("curtailed", "none", curtailed_kw, np.zeros(planned.plan.steps)))
    return [layer for layer in layers if _shows(layer)]


def _heat_layers(planned: Planned) -> list[Layer]:
    assets, site = planned.plan.assets, planned.site
    layers: list[Layer] = []
    for kind in (HeatLoad, HeatPump, GasBoiler, HotWaterTank):
        for name, spec in site.dispatched.items():
            if isinstance(spec, kind):
                heat_kw = assets[name].heat_kw
                power_kw = assets[name].power_kw if heat_kw is None else heat_kw
                layers.append(_layer(planned, name, -power_kw if isinstance(spec, HeatLoad) else power_kw))
    return [layer for layer in layers if _shows(layer)]


def _layer(planned: Planned, name: str, towards_kw: FloatArray) -> Layer:
    return Layer(name, _colour(planned, name), np.maximum(towards_kw, 0.0), np.maximum(-towards_kw, 0.0))


def _shows(layer: Layer) -> bool:
    return float(max(layer.up_kw.max(), layer.down_kw.max())) > SHOWN_FROM_KW


def _colour(planned: Planned, name: str) -> str:
    from matplotlib.colors import to_hex, to_rgb

    kind = type(planned.site.dispatched[name])
    number = [other for other, spec in planned.site.dispatched.items() if isinstance(spec, kind)].index(name)
    towards_white = 1.0 - (1.0 - LIGHTER) ** number
    rgb = [part + (1.0 - part) * towards_white for part in to_rgb(COLOURS[kind])]
    return to_hex((rgb[0], rgb[1], rgb[2]))


def _stack(ax: Axes, planned: Planned, layers: Sequence[Layer]) -> None:
    edges = _edges(planned)
    top, bottom = np.zeros(planned.plan.steps), np.zeros(planned.plan.steps)
    for layer in layers:
        label: str | None = layer.label
        if np.any(layer.up_kw > 0.0):
            _area(ax, layer, edges, top, top + layer.up_kw, label)
            top, label = top + layer.up_kw, None
        if np.any(layer.down_kw > 0.0):
            _area(ax, layer, edges, bottom, bottom - layer.down_kw, label)
            bottom = bottom - layer.down_kw
    ax.axhline(0.0, color="#000000", linewidth=0.8)
    ax.yaxis.set_major_formatter(lambda kw, _: f"{abs(kw):,.0f}")


def _area(ax: Axes, layer: Layer, edges: FloatArray, low: FloatArray, high: FloatArray, label: str | None) -> None:
    """A thin white edge parts neighbours of like lightness; what is not used is only hatched."""
    empty = layer.colour == "none"
    edge = "#777777" if empty else "white"
    there = high != low  # an area of no height would still draw its edge
    high, low = np.where(there, high, np.nan), np.where(there, low, np.nan)
    area = ax.stairs(high, edges, baseline=low, fill=True, label=label, hatch="///" if empty else None)
    area.set(facecolor=layer.colour, edgecolor=edge, linewidth=0.4)


def _legend(ax: Axes) -> None:
    ax.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0.0, frameon=False, fontsize=9, reverse=True)


def _edges(planned: Planned) -> FloatArray:
    """The bounds of the intervals as matplotlib counts time, shape (steps + 1,)."""
    from matplotlib.dates import date2num

    return np.asarray(date2num([*starts(planned.plan), planned.plan.until]), dtype=np.float64)


def _time_axis(ax: Axes, planned: Planned) -> None:
    from matplotlib.dates import HourLocator, num2date

    zone = ZoneInfo(planned.site.location.time_zone)
    edges = _edges(planned)
    hours = float(planned.plan.step_h.sum())
    every_h = next(every_h for longest_h, every_h in TICK_EVERY_H if hours <= longest_h)

    def label(when: float, _: object) -> str:
        local: datetime = num2date(when, tz=zone)
        return f"{local:%H:%M}\n{local:%a %d %b}" if local.hour == 0 else f"{local:%H:%M}"

    ax.set_xlim(edges[0], edges[-1])
    ax.xaxis_date(tz=zone)
    ax.xaxis.set_major_locator(HourLocator(byhour=range(0, 24, every_h), tz=zone))
    ax.xaxis.set_major_formatter(label)
    ax.set_xlabel(f"local time, {zone.key}")
