"""What a situation must be before anything is planned from it: complete, finite and possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import numpy as np

from config.assets import Battery, ElectricLoad, HeatLoad, HeatPump, HotWaterTank, PvPlant, WindTurbine
from config.site import Site
from dispatch.plan import BUSES, BadSituation, FloatArray, Situation

LONGEST_HORIZON_H = 28 * 24
"""A horizon touches two calendar months at most, each with its own demand charge: no month is shorter."""


def generators(site: Site) -> dict[str, PvPlant | WindTurbine]:
    """PV plants and wind turbines by name, in the file's order."""
    return {name: asset for name, asset in site.dispatched.items() if isinstance(asset, PvPlant | WindTurbine)}


def stores(site: Site) -> dict[str, Battery | HotWaterTank]:
    """Batteries and tanks by name, in the file's order."""
    return {name: asset for name, asset in site.dispatched.items() if isinstance(asset, Battery | HotWaterTank)}


def require_sound(site: Site, situation: Situation) -> None:
    """Raises BadSituation with the name of the first series or state that is missing, misshapen or impossible.

    A store needs no stored energy while it is unavailable: its state of charge may be what cannot be read.
    """
    steps = situation.steps
    if situation.start.tzinfo is None or situation.start.utcoffset() != timedelta(0):
        raise BadSituation(f"start {situation.start.isoformat()} must be in UTC")
    if steps < 1:
        raise BadSituation("step_h is empty: at least one interval is needed")
    _require_series("step_h", situation.step_h, steps)
    if np.any(situation.step_h <= 0):
        raise BadSituation("step_h must be above 0 in every interval")
    if float(situation.step_h.sum()) > LONGEST_HORIZON_H:
        raise BadSituation(f"the horizon of {situation.step_h.sum():g} h is longer than {LONGEST_HORIZON_H} h")
    _require_all("available_kw", situation.available_kw, generators(site), steps)
    _require_all("load_kw", situation.load_kw, site.dispatched_of(ElectricLoad), steps)
    _require_all("heat_load_kw", situation.heat_load_kw, site.dispatched_of(HeatLoad), steps)
    _require_all("cop", situation.cop, site.dispatched_of(HeatPump), steps)
    _require_known("local_kw", situation.local_kw, BUSES)
    for bus, series in situation.local_kw.items():
        _require_finite(f"local_kw of {bus}", series, steps)
    for name, series in situation.cop.items():
        if np.any(series <= 0):
            raise BadSituation(f"cop of {name} must be above 0, lowest is {series.min():g}")
    _require_known("stored_kwh", situation.stored_kwh, stores(site))
    for name in stores(site):
        if name not in situation.stored_kwh:
            if name in situation.unavailable:
                continue
            raise BadSituation(f"stored_kwh of {name} is missing")
        stored = situation.stored_kwh[name]
        if not np.isfinite(stored) or stored < 0:
            raise BadSituation(f"stored_kwh of {name} is {stored:g}, it must be a number from 0 on")
    _require_known("unavailable", situation.unavailable, site.dispatched)
    if not np.isfinite(situation.month_peak_kw) or situation.month_peak_kw < 0:
        raise BadSituation(f"month_peak_kw is {situation.month_peak_kw:g}, it must be a number from 0 on")


def _require_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    if strange := sorted(set(names) - set(known)):
        raise BadSituation(f"{what} names {', '.join(strange)}, which this site does not have there")


def _require_all(what: str, given: Mapping[str, FloatArray], needed: Iterable[str], steps: int) -> None:
    needed = tuple(needed)
    _require_known(what, given, needed)
    for name in needed:
        if name not in given:
            raise BadSituation(f"{what} of {name} is missing")
        _require_series(f"{what} of {name}", given[name], steps)


def _require_finite(what: str, series: FloatArray, steps: int) -> None:
    if np.shape(series) != (steps,):
        raise BadSituation(f"{what} has shape {np.shape(series)}, expected ({steps},)")
    bad = np.flatnonzero(~np.isfinite(series))
    if len(bad):
        raise BadSituation(f"{what} is {series[bad[0]]} in step {bad[0]}: every value must be a finite number")


def _require_series(what: str, series: FloatArray, steps: int) -> None:
    _require_finite(what, series, steps)
    if np.any(series < 0):
        step = int(np.argmin(series))
        raise BadSituation(f"{what} is {series[step]:g} in step {step}: it must not be negative")
