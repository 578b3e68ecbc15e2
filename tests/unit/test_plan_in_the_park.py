"""A day's plan of all assets, told to the simulated park interval by interval: what it does is what was planned.

Forecasts are perfect. Energies of every asset over the day, and levels of every store at the end of each interval, are
within 2 %.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.asset import KWH_PER_KG_HYDROGEN, carrier_of
from config.assets import GridConnection, HeatPump, HotWaterTank
from config.flexible_assets import EvChargers, ShiftableJob, Transformer
from config.hydrogen_assets import HydrogenLoad, HydrogenTank
from config.loader import example_site, example_sites, load_site
from config.points import NEEDS
from config.site import Site
from config.thermal_assets import ColdStore, Orc, PressureTurbine
from config.whole_site import whole_site
from controller.deciding.load_range import in_load_range
from dispatch.dispatcher import Dispatcher
from dispatch.forecast.park import cops
from dispatch.forecast.windows import job_windows
from dispatch.plan import FloatArray, Plan, Situation, Solved, Wanted
from dispatch.registry import forms_of
from dispatch.soundness import stores
from simulators.account import Account
from simulators.ev_chargers import visits_of
from simulators.heat_pump import cop
from simulators.plant import Plant
from simulators.pressure_turbine import per_flow_kw
from simulators.surroundings import OUTDOOR, WATER, Surroundings

HOURS = 24
STEP_S = 900
SEED = 5
SHARE = 0.02
ROUNDING_KWH = 15.0
"""An interval at the least load more or less, of a unit that a plan runs at less than that for a part of the day."""


def foreseen(site: Site, plant: Plant, course: Surroundings) -> Situation:
    """What the simulated park will bring, as if it were known."""
    steps, start_s = HOURS * 3600 // STEP_S, plant.now.timestamp()
    times = start_s + np.arange(0, HOURS * 3600, 30.0) + 15.0
    means = {key: values.reshape(steps, -1).mean(axis=1) for key, values in course.course(times).items()}
    available_kw: dict[str, FloatArray] = {}
    load_kw: dict[str, FloatArray] = {}
    for name, form in forms_of(site).items():
        spec = site.assets[name]
        demand = means.get((name, "demand_kw"))
        if form.need == "available_kw":
            scale = per_flow_kw(spec) if isinstance(spec, PressureTurbine) else 1.0
            available_kw[name] = means[name, "available_kw"] if demand is None else demand * scale
        elif form.need == "load_kw" and demand is not None:
            load_kw[name] = demand * (KWH_PER_KG_HYDROGEN if isinstance(spec, HydrogenLoad) else 1.0)
    held = plant.tally().accounts
    return Situation(
        start=plant.now,
        step_h=np.full(steps, STEP_S / 3600),
        available_kw=available_kw,
        load_kw=load_kw,
        cop=cops(site, means[OUTDOOR])
        | {
            name: np.array([cop("water", degc, spec.supply_degc) for degc in means[WATER].tolist()])
            for name, spec in site.dispatched_of(HeatPump).items()
            if spec.source == "water"
        },
        stored_kwh={name: held[name].stored_kwh for name in stores(site)},
        wanted={
            **{name: vehicles(site, name, plant.now) for name in site.dispatched_of(EvChargers)},
            **{name: jobs(site, name, plant.now) for name in site.dispatched_of(ShiftableJob)},
        },
        month_peak_kw=site.grid[1].import_limit_kw,
    )


def vehicles(site: Site, name: str, now: datetime) -> tuple[Wanted, ...]:
    spec = site.dispatched_of(EvChargers)[name]
    offset_s = ZoneInfo(site.location.time_zone).utcoffset(now.replace(tzinfo=None))
    assert offset_s is not None
    local_s = now.timestamp() + offset_s.total_seconds()
    found = visits_of(int(local_s // 86400), spec.stations, name, SEED)
    hours = [((visit.begin_s - local_s) / 3600, (visit.end_s - local_s) / 3600, visit.left_kwh) for visit in found]
    return tuple(Wanted(a, b, kwh / spec.efficiency, spec.station_kw) for a, b, kwh in hours if a >= 0)


def jobs(site: Site, name: str, now: datetime) -> tuple[Wanted, ...]:
    """Those whose window is to come: the simulated park has missed what began before it."""
    found = job_windows(site.dispatched_of(ShiftableJob)[name], site, now, np.full(HOURS, 1.0))
    return tuple(each for each in found if each.from_h >= 0)


def tell(site: Site, plant: Plant, situation: Situation, plan: Plan, step: int) -> None:
    """Every setpoint of an interval; a load below the least one is rounded to nothing or to that."""
    for name, asset in plan.assets.items():
        spec = site.assets[name]
        point = NEEDS[spec.kind].setpoint
        if point is None or site.point(name, point) is None:
            continue
        value = float(asset.power_kw[step])
        if name in situation.load_kw and value > 0.999 * float(situation.load_kw[name][step]):
            continue  # a limit at the mean would cut off what is above it
        if asset.available_kw is not None and value > 0.98 * float(asset.available_kw[step]):
            value = float(getattr(spec, "rated_kw", value))
        least = max(getattr(spec, key, 0.0) for key in ("min_power_kw", "min_heat_kw", "min_cooling_kw"))
        if 0.0 < value < least:
            value = in_load_range(value, spec)
        if isinstance(spec, Orc) and value > 0.0:
            value = spec.max_power_kw  # a limit; it takes what heat there is, as the controller lets it
        plant.command(spec.device, point, value)


def moved_kwh(before: Account, after: Account, carrier: str) -> tuple[float, float]:
    """What an asset gave to the buses of a carrier between two accounts, and what it took."""
    fed = getattr(after, f"{carrier}_fed_kwh") - getattr(before, f"{carrier}_fed_kwh")
    used = getattr(after, f"{carrier}_used_kwh") - getattr(before, f"{carrier}_used_kwh")
    return float(fed), float(used)


@pytest.mark.parametrize("name", example_sites())
def test_a_park_does_what_was_planned(name: str) -> None:
    file = load_site(example_site(name))
    site = whole_site(file)
    assert file.file.simulation is not None
    course = Surroundings(file, SEED)
    plant = Plant(file, start=file.file.simulation.start, seed=SEED, surroundings=course)
    situation = foreseen(site, plant, course)
    outcome = Dispatcher(site, situation.steps).plan(situation, situation.start)
    assert isinstance(outcome, Solved), outcome
    plan = outcome.plan
    assert plan.note == ""
    before = plant.tally().accounts
    tanks = tanks_of(site)
    for step in range(plan.steps):
        tell(site, plant, situation, plan, step)
        plant.advance(STEP_S)
        held = plant.tally().accounts
        for together in tanks:
            capacity_kwh = sum(stores(site)[each].capacity_kwh for each in together)
            planned_kwh = sum(planned_level(plan, each)[step + 1] for each in together)
            seen_kwh = sum(held[each].stored_kwh for each in together)
            assert seen_kwh == pytest.approx(planned_kwh, abs=SHARE * capacity_kwh), f"{together}, step {step}"
    after = plant.tally().accounts
    for asset, made in plan.assets.items():
        spec = site.assets[asset]
        # the level of a tank is looked at above, and a transformer's losses depend on reactive power, too
        if isinstance(spec, HotWaterTank | ColdStore | HydrogenTank | Transformer):
            continue
        for bus, flow_kw in made.flows_kw.items():
            carrier = "electricity" if bus == "connection" else carrier_of(bus)
            fed_kwh, used_kwh = moved_kwh(before[asset], after[asset], carrier)
            gives, takes = (float(np.maximum(sign * flow_kw, 0.0) @ plan.step_h) for sign in (1.0, -1.0))
            if isinstance(spec, GridConnection):  # within an interval it goes both ways, and plans have its mean
                assert fed_kwh - used_kwh == pytest.approx(gives - takes, rel=SHARE, abs=ROUNDING_KWH), asset
                continue
            if gives > 0.0:
                assert fed_kwh == pytest.approx(gives, rel=SHARE, abs=ROUNDING_KWH), f"{asset} to {bus}"
            if takes > 0.0:
                assert used_kwh == pytest.approx(takes, rel=SHARE, abs=ROUNDING_KWH), f"{asset} from {bus}"


def tanks_of(site: Site) -> list[list[str]]:
    """The stores of each bus: tanks take no command, so their plans are one; each battery is by itself."""
    by_bus: dict[str, list[str]] = {}
    for asset, form in stores(site).items():
        by_bus.setdefault(asset if form.bus == "electricity" else form.bus, []).append(asset)
    return list(by_bus.values())


def planned_level(plan: Plan, asset: str) -> FloatArray:
    stored_kwh = plan.assets[asset].stored_kwh
    assert stored_kwh is not None
    return stored_kwh
