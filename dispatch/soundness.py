"""What a situation must be before anything is planned from it: complete, finite and possible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta

import numpy as np

from config.per_site import per_site
from config.site import Site
from dispatch.forms.form import Form, Need
from dispatch.forms.storage import Storage
from dispatch.plan import BadSituation, FloatArray, Situation, Wanted
from dispatch.registry import buses_of, forms_of, units_of

SURE = 1e-6
"""How far probabilities may be from 1 together: they were divided and added up."""
LONGEST_HORIZON_H = 31 * 24 + 1
"""A whole calendar month, in the autumn in which clocks are put back."""


@per_site
def stores(site: Site) -> dict[str, Storage]:
    """The stores that dispatch plans, of any carrier, by name, in the file's order."""
    return {name: form for name, form in forms_of(site).items() if isinstance(form, Storage)}


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
    forms = forms_of(site)
    _require_all("available_kw", situation.available_kw, _in_need(forms, "available_kw"), steps)
    _require_all("load_kw", situation.load_kw, _in_need(forms, "load_kw"), steps)
    _require_scenarios(situation, forms)
    _require_all("cop", situation.cop, _in_need(forms, "cop"), steps)
    _require_windows(situation.wanted, _in_need(forms, "wanted"))
    _require_known("local_kw", situation.local_kw, buses_of(forms))
    for bus, series in situation.local_kw.items():
        _require_finite(f"local_kw of {bus}", series, steps)
    for name, series in situation.cop.items():
        if np.any(series <= 0):
            raise BadSituation(f"cop of {name} must be above 0, lowest is {series.min():g}")
    stored_in = _in_need(forms, "stored_kwh")
    _require_known("stored_kwh", situation.stored_kwh, stored_in)
    for name in stored_in:
        if name not in situation.stored_kwh:
            if name in situation.unavailable:
                continue
            raise BadSituation(f"stored_kwh of {name} is missing")
        stored = situation.stored_kwh[name]
        if not np.isfinite(stored) or stored < 0:
            raise BadSituation(f"stored_kwh of {name} is {stored:g}, it must be a number from 0 on")
    _require_known("running", situation.running, units_of(site))
    for name, past in situation.running.items():
        if past.since_h is not None and not np.isfinite(past.since_h):
            raise BadSituation(f"running of {name} is since {past.since_h} h, it must be a finite number or none")
    _require_known("unavailable", situation.unavailable, site.dispatched)
    for name in ("month_peak_kw", "usual_peak_kw"):
        peak_kw = getattr(situation, name)
        if not np.isfinite(peak_kw) or peak_kw < 0:
            raise BadSituation(f"{name} is {peak_kw:g}, it must be a number from 0 on")
    if not np.all(np.isfinite(situation.import_errors_kw)):
        raise BadSituation("import_errors_kw has a value that is not a finite number")
    for bus, value in situation.end_value_per_kwh.items():
        if not np.isfinite(value):
            raise BadSituation(f"end_value_per_kwh of {bus} is {value:g}, it must be a number")
    if situation.spot is not None:
        for what in ("import_per_kwh", "export_per_kwh"):
            prices = getattr(situation.spot, what)
            if prices is not None and not np.all(np.isfinite(prices)):
                raise BadSituation(f"spot has {what} that is not a finite number")
    for what, value in asdict(situation.used).items():
        least = -np.inf if what == "month_heat_kgce" else 0.0
        if isinstance(value, float | int) and not (np.isfinite(value) and value >= least):
            from_0 = "" if least < 0.0 else " from 0 on"
            raise BadSituation(f"{what} is {value:g}, it must be a number{from_0}")


def _in_need(forms: Mapping[str, Form], what: Need) -> tuple[str, ...]:
    """The assets that must be found in a mapping of the situation."""
    return tuple(name for name, form in forms.items() if form.need == what)


def _require_scenarios(situation: Situation, forms: Mapping[str, Form]) -> None:
    if not situation.scenarios:
        return
    names: set[str] = set()
    for scenario in situation.scenarios:
        if scenario.name in names:
            raise BadSituation(f"scenario {scenario.name} is there twice")
        names.add(scenario.name)
        if not 0.0 < scenario.probability <= 1.0 + SURE:
            what_it_is = f"scenario {scenario.name} has a probability of {scenario.probability:g}"
            raise BadSituation(f"{what_it_is}, it must be above 0, and 1 at most")
        needs: tuple[Need, Need] = ("available_kw", "load_kw")
        for what in needs:
            given: Mapping[str, FloatArray] = getattr(scenario, what)
            _require_known(f"{what} of scenario {scenario.name}", given, _in_need(forms, what))
            for name, series in given.items():
                _require_series(f"{what} of {name} in scenario {scenario.name}", series, situation.steps)
    together = sum(scenario.probability for scenario in situation.scenarios)
    if abs(together - 1.0) > SURE:
        raise BadSituation(f"the probabilities of all scenarios are {together:g} together, they must be 1")


def _require_windows(given: Mapping[str, tuple[Wanted, ...]], needed: Iterable[str]) -> None:
    needed = tuple(needed)
    _require_known("wanted", given, needed)
    for name in needed:
        if name not in given:
            raise BadSituation(f"wanted of {name} is missing; nothing at all is an empty list")
        for each in given[name]:
            numbers = (each.from_h, each.until_h, each.energy_kwh, each.most_kw)
            if not np.all(np.isfinite(numbers)):
                raise BadSituation(f"wanted of {name} has {numbers}: every value must be a finite number")
            if each.until_h < each.from_h or each.energy_kwh < 0 or each.most_kw < 0:
                raise BadSituation(
                    f"wanted of {name} has {numbers}: a window ends after it begins, and nothing is negative"
                )


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
