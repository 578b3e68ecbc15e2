"""What the planner is told of the present, taken from a snapshot. Pure."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

from config.assets import HeatPump, PvPlant, WindTurbine
from config.flexible_assets import EvChargers, SheddableLoad, ShiftableJob
from config.price_series import PriceSeries
from controller.deciding.load_range import runs
from controller.decision import Decision
from controller.guard import GuardState
from controller.held_back import AT_ITS_LIMIT
from controller.image import Snapshot
from dispatch.forecast.park import ParkState
from dispatch.plan import Plan, Running, Used
from dispatch.registry import buses_of, forecast_for, forms_of, units_of
from dispatch.soundness import stores


def park_state(
    snapshot: Snapshot,
    month_peak_kw: float,
    used: Used,
    limited: frozenset[str] = frozenset(),
    spot: PriceSeries | None = None,
    guards: GuardState | None = None,
) -> ParkState:
    """State of stores, last measurements, which units run, and what cannot be used.

    What is named in `limited` is left out of the measurements: what it feeds, or uses, is not what it could.
    """
    site = snapshot.site
    stored_kwh = {}
    for name, store in stores(site).items():
        soc = snapshot.value(name, "soc")
        if soc is not None:
            stored_kwh[name] = soc * store.capacity_kwh
    measured_kw = {}
    for name in forecast_for(site):
        power_kw = snapshot.power_kw(name)
        if power_kw is not None and name not in limited:
            measured_kw[name] = power_kw
    needed_kwh = {
        name: max(kwh, 0.0)
        for kind in (EvChargers, ShiftableJob)
        for name in site.dispatched_of(kind)
        if (kwh := snapshot.value(name, "energy_needed_kwh")) is not None
    }
    outdoor = [snapshot.value(name, "outdoor_degc") for name in site.dispatched_of(HeatPump)]
    return ParkState(
        stored_kwh=stored_kwh,
        measured_kw=measured_kw,
        needed_kwh=needed_kwh,
        outdoor_degc=next((degc for degc in outdoor if degc is not None), None),
        local_kw=_local_kw(snapshot),
        running=_running(snapshot, guards or {}),
        unavailable=frozenset(name for name in site.dispatched if not snapshot.available(name)),
        month_peak_kw=month_peak_kw,
        used=used,
        spot=_published(snapshot, spot),
    )


def _published(snapshot: Snapshot, spot: PriceSeries | None) -> PriceSeries | None:
    """What the market has said by now."""
    terms = snapshot.site.file.spot_prices
    if spot is None or terms is None:
        return spot
    return spot.published(terms, snapshot.at, ZoneInfo(snapshot.site.location.time_zone))


def _running(snapshot: Snapshot, guards: GuardState) -> dict[str, Running]:
    """What units do now: as the guard has told them, which holds them to their minimum times; else as they show it."""
    found = {}
    for name in units_of(snapshot.site):
        held, power_kw = guards.get(name), snapshot.power_kw(name)
        if held is not None:
            since_h = (snapshot.site_s - held.switched_s) / 3600.0
            ready = not held.running and held.setpoint_kw > 0.0
            found[name] = Running(held.running, since_h if math.isfinite(since_h) else None, ready)
        elif power_kw is not None:
            on = runs(power_kw, snapshot.site.assets[name])
            found[name] = Running(on, ready=not on and power_kw > 0.0)
    return found


def _local_kw(snapshot: Snapshot) -> dict[str, float]:
    """What assets under local control take from each bus that is planned; those that cannot be read are left out."""
    site = snapshot.site
    if not site.measured:
        return {}
    return {bus: sum(snapshot.taken_kw(name, bus) or 0.0 for name in site.measured) for bus in buses_of(forms_of(site))}


def shed_loads(snapshot: Snapshot, decision: Decision | None) -> frozenset[str]:
    """Loads that use what they were left with, and would use more."""
    held = set()
    for name, load in snapshot.site.dispatched_of(SheddableLoad).items():
        decided = decision.assets.get(name) if decision is not None else None
        power_kw = snapshot.power_kw(name)
        if decided is None or decided.setpoint_kw is None or power_kw is None:
            continue
        if decided.setpoint_kw < load.peak_kw and power_kw >= AT_ITS_LIMIT * decided.setpoint_kw:
            held.add(name)
    return frozenset(held)


def limited_generators(snapshot: Snapshot, decision: Decision | None, plan: Plan | None) -> dict[str, float]:
    """Generators that feed at a limit below their rating, with what they could feed instead in kW.

    What they could is the plan's forecast, or the limit itself where no plan tells.
    """
    limited = {}
    generators: dict[str, PvPlant | WindTurbine] = {
        **snapshot.site.dispatched_of(PvPlant),
        **snapshot.site.dispatched_of(WindTurbine),
    }
    step = plan.step_at(snapshot.at) if plan is not None else None
    for name, generator in generators.items():
        decided = decision.assets.get(name) if decision is not None else None
        power_kw = snapshot.power_kw(name)
        if decided is None or decided.setpoint_kw is None or power_kw is None:
            continue
        if decided.setpoint_kw < generator.rated_kw and power_kw >= AT_ITS_LIMIT * decided.setpoint_kw:
            could_kw = decided.setpoint_kw
            if plan is not None and step is not None and name in plan.assets:
                available = plan.assets[name].available_kw
                if available is not None:
                    could_kw = max(could_kw, float(available[step]))
            limited[name] = could_kw
    return limited
