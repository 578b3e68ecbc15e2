"""What the park would have measured before the simulation began, as means of 15 minutes.

It comes from the same surroundings as the simulation itself, so that the past runs on into the present.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from config.asset import KWH_PER_KG_HYDROGEN, AssetBase
from config.hydrogen_assets import HydrogenLoad
from config.site import Site
from config.thermal_assets import PressureTurbine
from simulators.noise import FloatArray
from simulators.pressure_turbine import per_flow_kw
from simulators.surroundings import OUTDOOR, Surroundings, simulation_of

INTERVAL_S = 900
SAMPLE_S = 30
"""Clouds and fluctuations average out over the 30 samples of an interval."""


@dataclass(frozen=True, slots=True)
class Past:
    """Means of past intervals."""

    start_s: FloatArray
    """Start of each interval, UTC seconds since 1970, shape (n,)."""
    columns: dict[str, FloatArray]
    """By asset: demand of loads, available power of generators in kW; and ``outdoor_degc``. Each of shape (n,)."""


def past_of(site: Site, start: datetime, days: int, seed: int | None = None) -> Past:
    """The last `days` days of whole intervals before an aware `start`; `seed` is the site file's when not given.

    Raises ValueError for a site that cannot be simulated or no days.
    """
    if days < 1:
        raise ValueError(f"the past needs at least one day, not {days}")
    surroundings = Surroundings(site, simulation_of(site).seed if seed is None else seed)
    end_s = start.timestamp() // INTERVAL_S * INTERVAL_S
    start_s: FloatArray = end_s + np.arange(-days * 86400 // INTERVAL_S, 0, dtype=np.float64) * INTERVAL_S
    return Past(start_s=start_s, columns=interval_means(site, surroundings, start_s))


def interval_means(site: Site, surroundings: Surroundings, start_s: FloatArray) -> dict[str, FloatArray]:
    """What the intervals bring that start at these times: by asset kW, and ``outdoor_degc``; each of shape (n,)."""
    inside = (np.arange(INTERVAL_S // SAMPLE_S) + 0.5) * SAMPLE_S
    course = surroundings.course((start_s[:, None] + inside).ravel())
    means = {key: values.reshape(len(start_s), -1).mean(axis=1) for key, values in course.items()}
    columns = {
        name: mean if what != "demand_kw" else _demand_kw(site.assets[name], mean)
        for name in site.dispatched
        for (asset, what), mean in means.items()
        if asset == name and what.endswith("_kw")
    }
    return {**columns, "outdoor_degc": means[OUTDOOR]}


def _demand_kw(asset: AssetBase, demand: FloatArray) -> FloatArray:
    """A series as a power: some count kilograms."""
    match asset:
        case HydrogenLoad():
            return demand * KWH_PER_KG_HYDROGEN
        case PressureTurbine():
            runs = demand >= asset.min_flow_kg_per_s
            return np.where(runs, np.minimum(demand * per_flow_kw(asset), asset.rated_kw), 0.0)
        case _:
            return demand


def write_history(site: Site, start: datetime, days: int, path: Path, seed: int | None = None) -> None:
    """Write the past as CSV: ``time_utc`` (ISO 8601, start of the interval) and one column per series."""
    past = past_of(site, start, days, seed)
    stamps = np.datetime_as_string(past.start_s.astype(np.int64).astype("datetime64[s]"), unit="s")
    table = np.column_stack([np.char.mod("%.3f", column) for column in past.columns.values()])
    lines = [",".join(("time_utc", *past.columns))]
    lines += [f"{stamp}Z,{','.join(row)}" for stamp, row in zip(stamps, table, strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
