"""A plan as a picture: price, electricity, heat and stored energy over local time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from config.site import Site
from dispatch.forms.connection import grid_kw_of
from dispatch.forms.demand import Demand
from dispatch.forms.form import Form
from dispatch.forms.link import Link
from dispatch.levels import is_electric
from dispatch.plan import ELECTRICITY, BusId, FloatArray
from dispatch.registry import buses_of, forms_of
from dispatch.soundness import stores
from parkgrid.plan_output import bands, starts
from parkgrid.planning import Planned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN = 12.0
PRICE_IN, ELECTRICITY_IN, CARRIER_IN, SOC_IN = 1.3, 4.2, 3.0, 1.7
"""Heights of the panels in inches; one that the site has nothing for is left out."""
DOTS_PER_INCH = 110
"""Readable on a screen and in print, at some 200 kB."""
SHOWN_FROM_KW = 0.05
"""A series that never exceeds this is no area that one could see, and its legend entry would mislead."""
TICK_EVERY_H = ((6, 1), (12, 2), (36, 3), (1000, 6))
"""Hours between ticks for horizons up to so many hours: eight to twelve ticks."""

# Okabe and Ito's palette, told apart with every common colour blindness; several of a kind differ in lightness.
COLOURS = {
    "grid_connection": "#999999",
    "pv_plant": "#F0C93A",
    "wind_turbine": "#56B4E9",
    "battery": "#009E73",
    "heat_pump": "#D55E00",
    "gas_boiler": "#CC79A7",
    "hot_water_tank": "#0072B2",
    "electric_load": "#44546A",
    "heat_load": "#44546A",
}
SPARE_COLOURS = ("#8C6D31", "#637939", "#7B4173", "#3182BD", "#E6550D", "#31A354", "#756BB1", "#636363", "#A6761D")
"""For kinds that have none of their own, in the order in which a site has them."""
FRONT = ("heat_pump", "gas_boiler", "wind_turbine", "pv_plant", "battery", "hot_water_tank", "grid_connection")
"""Layers from the axis outwards: loads first, then all other kinds, then these."""
MOST_OF_A_KIND = 6
"""More assets of a kind on one bus are one layer: their shades could not be told apart, and the legend would not
fit."""
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

    carriers = [bus for bus in buses_of(forms_of(planned.site)) if not is_electric(bus)]
    panels: list[tuple[float, Callable[[Axes], None]]] = [
        (PRICE_IN, lambda ax: _price(ax, planned)),
        (ELECTRICITY_IN, lambda ax: _electricity(ax, planned)),
        *((CARRIER_IN, partial(_carrier, planned=planned, bus=bus)) for bus in carriers if _layers(planned, bus)),
        *([(SOC_IN, lambda ax: _soc(ax, planned))] if stores(planned.site) else []),
    ]
    heights = [height for height, _ in panels]
    # text stays text in an .svg, and the same plan gives the same file
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "parkgrid", "font.size": 10, "hatch.linewidth": 0.6}):
        figure = Figure(figsize=(WIDTH_IN, sum(heights) + 1.0), dpi=DOTS_PER_INCH, layout="constrained")
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
        axes: list[Axes] = list(grid[:, 0])
        figure.suptitle(_title(planned), fontsize=12, x=0.01, ha="left")
        for (_, panel), ax in zip(panels, axes, strict=True):
            panel(ax)
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
    grids = site.grids
    name = " + ".join(grids)
    _stack(ax, planned, _layers(planned, ELECTRICITY))
    ax.stairs(
        grid_kw_of(forms_of(site), plan.assets),
        _edges(planned),
        color="#000000",
        linewidth=1.6,
        baseline=None,
        label=f"{name} net: import +, export -",
    )
    low, high = ax.get_ylim()
    label: str | None = f"limits of {name} net"
    for limit_kw in (
        sum(grid.import_limit_kw for grid in grids.values()),
        -sum(grid.export_limit_kw for grid in grids.values()),
    ):
        if low <= limit_kw <= high:
            ax.axhline(limit_kw, color="#000000", linestyle="--", linewidth=0.9, label=label)
            label = None
    ax.set_ylabel("electricity, kW\nused below, supplied above")
    _legend(ax)


def _carrier(ax: Axes, planned: Planned, bus: BusId) -> None:
    _stack(ax, planned, _layers(planned, bus))
    ax.set_ylabel(f"{bus.replace('_', ' ')}, kW\nused below, supplied above")
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
        colour = colour_of(planned.site, name)
        ax.plot(_edges(planned), soc, styles[number % len(styles)], color=colour, linewidth=2, label=label)
    ax.set_ylim(0, 100)
    ax.set_ylabel("state of charge, %")
    _legend(ax)


def _layers(planned: Planned, bus: BusId) -> list[Layer]:
    """What flows at a bus; the grid counts to the park's side of its transformers."""
    forms = forms_of(planned.site)
    towards: dict[str, list[tuple[str, FloatArray]]] = {}
    unused_kw = np.zeros(planned.plan.steps)
    for name in sorted(forms, key=lambda name: _depth(planned, name, forms[name])):
        asset = planned.plan.assets[name]
        if bus not in asset.flows_kw:
            continue
        flow_kw = asset.flows_kw[bus]
        if bus == ELECTRICITY and isinstance(forms[name], Link):
            flow_kw = -asset.power_kw  # what passes is the grid's, the transformer's is its loss
        towards.setdefault(planned.site.assets[name].kind, []).append((name, flow_kw))
        if asset.available_kw is not None:
            unused_kw = unused_kw + np.maximum(asset.available_kw - asset.power_kw, 0.0)
    if bus == ELECTRICITY:
        towards["grid_connection"] = [(name, planned.plan.assets[name].power_kw) for name in planned.site.grids]
    layers: list[Layer] = []
    for kind, members in towards.items():
        if len(members) > MOST_OF_A_KIND:
            flow_kw = np.sum([kw for _, kw in members], axis=0)
            layers.append(_layer(planned, members[0][0], flow_kw, f"{len(members)} of kind {kind}"))
        else:
            layers += [_layer(planned, name, flow_kw, name) for name, flow_kw in members]
    word = "curtailed" if bus == ELECTRICITY else "not used"
    layers.append(Layer(word, "none", unused_kw, np.zeros(planned.plan.steps)))
    return [layer for layer in layers if _shows(layer)]


def _depth(planned: Planned, name: str, form: Form) -> int:
    """How far out an asset's layer is."""
    kind = planned.site.dispatched[name].kind
    if kind in FRONT:
        return 2 + FRONT.index(kind)
    return 0 if isinstance(form, Demand) else 1


def _layer(planned: Planned, name: str, towards_kw: FloatArray, label: str) -> Layer:
    return Layer(label, colour_of(planned.site, name), np.maximum(towards_kw, 0.0), np.maximum(-towards_kw, 0.0))


def _shows(layer: Layer) -> bool:
    return float(max(layer.up_kw.max(), layer.down_kw.max())) > SHOWN_FROM_KW


def colour_of(site: Site, name: str) -> str:
    """The colour of an asset in every picture of its site."""
    from matplotlib.colors import to_hex, to_rgb

    kind = site.assets[name].kind
    spare = list(dict.fromkeys(asset.kind for asset in site.assets.values() if asset.kind not in COLOURS))
    base = COLOURS[kind] if kind in COLOURS else SPARE_COLOURS[spare.index(kind) % len(SPARE_COLOURS)]
    number = [other for other, asset in site.assets.items() if asset.kind == kind].index(name)
    towards_white = 1.0 - (1.0 - LIGHTER) ** number
    rgb = [part + (1.0 - part) * towards_white for part in to_rgb(base)]
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
