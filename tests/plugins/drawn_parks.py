"""Random parks of all kinds of assets, and situations of theirs that a park may well never see.

Each comes from a seed alone, so that whoever finds one that fails can have it again. Sizes, prices, states and times
are drawn from far wider ranges than a sane park has: full and empty stores, measured levels outside of their window,
assets that are away, paid import, export that pays more than import costs, ladders and caps long exceeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import tiny_kinds as kinds
from numpy.typing import NDArray
from tiny_park import TinyPark, make_park

from config.asset import CONNECTION_BUS, KWH_PER_KG_HYDROGEN, OnOff
from config.assets import Asset
from config.flexible_assets import EvChargers, ShiftableJob
from config.hydrogen_assets import HydrogenLoad
from config.loader import example_site, load_site
from config.price_series import PriceSeries
from config.whole_site import whole_site
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.forms.form import Need
from dispatch.plan import FloatArray, Running, Situation, Solved, Used, Wanted
from dispatch.registry import buses_of, forms_of, units_of
from dispatch.rules import rules_plan
from dispatch.soundness import stores

ASSETS: Mapping[str, Mapping[str, Any]] = {
    "load": {},
    "first": kinds.SHEDDABLE,
    "second": {**kinds.SHEDDABLE, "shed_order": 2, "lost_load_cny_per_kwh": 1.1},
    "pv": {},
    "turbine": {
        "kind": "wind_turbine",
        "device": "d",
        "rated_kw": 50,
        "hub_height_m": 80,
        "cut_in_m_per_s": 3,
        "rated_m_per_s": 12,
        "cut_out_m_per_s": 25,
    },
    "top_gas": kinds.TURBINE,
    "battery": {"soc_min": 0.1, "soc_max": 0.9, "wear_cny_per_kwh": 0.05},
    "heat": {},
    "boiler": {},
    "heat_pump": {},
    "tank": {"loss_per_h": 0.01, "soc_min": 0.1, "soc_max": 0.95},
    "rods": {**kinds.ELECTRIC_BOILER, "ramp_kw_per_s": 20 / 3600},
    "chp": kinds.CHP,
    "hot": kinds.HOT,
    "water": kinds.EXCHANGER,
    "generator": kinds.WASTE_BOILER,
    "orc": kinds.ORC,
    "steam": kinds.STEAM,
    "backup": kinds.STEAM_BOILER,
    "cooling": kinds.COOLING,
    "chiller": kinds.CHILLER,
    "absorber": kinds.ABSORBER,
    "cold": {**kinds.COLD_STORE, "loss_per_h": 0.02},
    "hydrogen": kinds.HYDROGEN,
    "electrolyser": {**kinds.ELECTROLYSER, "heat_recovery": 0.4, "min_power_kw": 200},
    "vessels": kinds.HYDROGEN_TANK,
    "cell": kinds.FUEL_CELL,
    "chargers": kinds.CHARGERS,
    "job": kinds.JOB,
    "district": kinds.DISTRICT_HEAT,
    "neighbour": kinds.NEIGHBOURS_STEAM,
    "transformer": {**kinds.TRANSFORMER, "rated_kva": 300},
}
"""One of each kind, two of the one that has an order."""

SITUATIONS = 5
"""Of each park: its problem is built once, and later ones are solved from the basis of those before."""
LOCAL_CHANCE = 0.08
"""Of an asset under local control: enough that a third of the parks have one, and most assets are planned."""
MOST_LOCAL = 0.6
"""Of the import limit, taken or given under local control: it has passed the transformers, so it is never many times
their rating."""
SIZES = (1.0, 40.0)
"""How many times larger than `ASSETS` all of a park is: rounding matters at 4 MW where it does not at 100 kW."""
PRICED = "_per_kwh"
"""What a kWh costs or emits has no size."""
SIZED = ("_kw", "_kwh", "_kva", "_kg", "_kg_per_h", "_kw_per_s")
STARTS = tuple(datetime(2026, *when, tzinfo=UTC) for when in ((3, 2), (3, 31, 20), (12, 31, 22)))
"""The second and the third end in another month, and the third in another year."""
SITE_STARTS = tuple(datetime(2026, *when, tzinfo=UTC) for when in ((10, 5, 16), (10, 31, 9), (11, 21, 1)))
"""Where the tariffs of the example sites hold; the second ends in another month."""


def faults_of(seed: int, *, units: bool = False) -> Iterator[str]:
    """What is wrong with the plans of a park that a seed draws, by solver and by rules; a sentence for each plan.

    With `units` they have least loads, minimum times, costs of starts and a past, and jobs are whole runs.
    """
    random = np.random.default_rng(seed)
    park = drawn_park(random)
    yield from _faults(with_units(park, random) if units else park, random, STARTS, f"seed {seed}", units=units)


def faults_of_site(name: str, seed: int) -> Iterator[str]:
    """The same of an example site with all of its assets, over a day."""
    site = whole_site(load_site(example_site(name)))
    park = TinyPark(site, 24 * 60 // site.control.interval_min)
    yield from _faults(park, np.random.default_rng(seed), SITE_STARTS, f"{name}, seed {seed}")


def _faults(
    park: TinyPark, random: np.random.Generator, starts: Sequence[datetime], where: str, *, units: bool = False
) -> Iterator[str]:
    dispatcher = Dispatcher(park.site, park.steps)
    for number in range(SITUATIONS):
        situation = drawn_situation(park, random, starts)
        if units:
            situation = with_past(park, situation, random)
        outcome = dispatcher.plan(situation, situation.start)
        if not isinstance(outcome, Solved):
            yield f"{where}, situation {number}: {outcome}"
            continue
        for plan in (outcome.plan, rules_plan(park.site, situation, situation.start)):
            left_open = unmet(park.site, situation, plan)
            faults = [words for words in check_plan(park.site, situation, plan) if words not in left_open]
            if faults:
                yield f"{where}, situation {number}, {plan.method.value}: {faults[0]} ({len(faults)} in all)"


def drawn_park(random: np.random.Generator) -> TinyPark:
    """A connection and one to all of `ASSETS`, with random terms; 2 to 8 intervals of an hour or less."""
    chance, size = random.uniform(0.1, 1.0), random.choice(SIZES)
    found: dict[str, dict[str, Any]] = {}
    for name, keys in ASSETS.items():
        if random.random() < chance:
            local = random.random() < LOCAL_CHANCE and name != "transformer"
            found[name] = dict(keys) | ({"control": "local"} if local else {})
    if not found:
        found["load"] = {}
    if "battery" in found:
        found["battery"] |= {
            "charge_efficiency": random.choice([0.8, 0.95, 1.0]),
            "discharge_efficiency": random.choice([0.8, 0.95, 1.0]),
            "wear_cny_per_kwh": random.choice([0.0, 0.05, 0.4]),
        }
    found["grid"] = {
        "import_limit_kw": random.choice([20.0, 100.0, 400.0, 3000.0]),
        "export_limit_kw": random.choice([0.0, 50.0, 1000.0]),
    }
    for keys in found.values():
        keys |= {key: size * value for key, value in keys.items() if key.endswith(SIZED) and not key.endswith(PRICED)}
    steps = int(random.integers(2, 9))
    prices = random.choice([0.0, 0.3, 0.6, 1.2, 1.9], steps) if random.random() < 0.5 else random.uniform(0, 2, steps)
    return make_park(found, prices.tolist(), site_keys=_site_keys(random), **_tariff_keys(random))


def with_units(park: TinyPark, random: np.random.Generator) -> TinyPark:
    """The same park with units that run or stand still, and with jobs that may not be interrupted."""
    assets: dict[str, Any] = {}
    for name, asset in park.site.assets.items():
        changes: dict[str, Any] = {}
        if isinstance(asset, OnOff):
            full = next(key for key in ("max_power_kw", "max_heat_kw", "max_cooling_kw") if hasattr(asset, key))
            changes = {
                full.replace("max", "min"): float(random.choice([0.0, 0.3, 0.6])) * getattr(asset, full),
                "min_on_s": float(random.choice([0, 3600, 9000])),
                "min_off_s": float(random.choice([0, 3600, 9000])),
                "start_cost_cny": float(random.choice([0, 5, 50])),
            }
        elif isinstance(asset, ShiftableJob):
            changes = {"interruptible": False}
        assets[name] = asset.model_copy(update=changes)
    # a busy machine must not cut a search short
    control = park.site.control.model_copy(update={"commitment": True, "commitment_time_limit_s": 60.0})
    file = park.site.file.model_copy(update={"assets": assets, "control": control})
    return TinyPark(replace(park.site, file=file), park.steps)


def with_past(park: TinyPark, situation: Situation, random: np.random.Generator) -> Situation:
    """Half of the units have run or stood still for some time; each job has a run that has begun, or two to come."""
    running = {
        name: Running(bool(random.integers(2)), random.choice([None, -0.5, 0.5, 1.5]))
        for name in units_of(park.site)
        if random.integers(2)
    }
    begins = float(random.uniform(-2.0, 3.0))
    jobs = {
        name: (
            (Wanted(-1.0, 1.0, float(random.uniform(1.0, 90.0)), 50.0),)
            if random.integers(2)
            else (Wanted(begins, begins + 3.0, 100.0, 50.0), Wanted(begins + 2.0, begins + 6.0, 100.0, 50.0))
        )
        for name in park.site.dispatched_of(ShiftableJob)
    }
    return replace(situation, running=running, wanted={**situation.wanted, **jobs})


def _tariff_keys(random: np.random.Generator) -> dict[str, Any]:
    def some(keys: dict[str, Any], chance: float = 0.3) -> dict[str, Any]:
        return keys if random.random() < chance else {}

    step = {"above_kwh": random.choice([0.0, 500.0]), "surcharge_per_kwh": 0.1}
    return {
        "export_per_kwh": random.choice([-0.1, 0.0, 0.3, 2.5]),
        "demand_charge_per_kw_month": random.choice([0.0, 3.0, 40.0]),
        "carbon_price_per_t": random.choice([0.0, 100.0]),
        "gas_per_kwh": random.choice([0.0, 0.3]),
        **some({"contracted_demand": {"kw": {"default": 100}, "excess_from": 1.05, "excess_times": 2}}),
        **some(
            {
                "ladder": {
                    "over": random.choice(["month", "year"]),
                    "steps": [step, {"above_kwh": 900, "surcharge_per_kwh": 0.3}],
                }
            }
        ),
    }


def _site_keys(random: np.random.Generator) -> dict[str, Any]:
    caps: dict[str, Any] = {}
    for name, most, price in (
        ("carbon", {"most_kg": random.choice([0.0, 60.0, 400.0])}, "price_per_kg"),
        ("energy_budget", {"most_tce": random.choice([0.0, 0.02, 0.1])}, "price_per_tce"),
        ("export_share", {"most": random.choice([0.0, 0.2, 0.8])}, "price_per_kwh"),
    ):
        if random.random() < 0.15:
            priced = {price: random.choice([0.2, 5.0])} if random.random() < 0.5 else {}
            caps[name] = {"over": random.choice(["horizon", "month"]), **most, **priced}
    control = {"interval_min": int(random.choice([15, 30, 60])), "horizon_h": 8}
    keys: dict[str, Any] = {"caps": caps, "control": control}
    if random.random() < 0.3:
        keys["spot_prices"] = {"file": "spot.csv", "interval_min": 60, "least_per_kwh": -0.5, "most_per_kwh": 3}
    return keys


def drawn_situation(park: TinyPark, random: np.random.Generator, starts: Sequence[datetime] = STARTS) -> Situation:
    forms, steps = forms_of(park.site), park.steps
    step_h = park.site.control.interval_min / 60.0
    limit_kw = park.site.grid[1].import_limit_kw

    def having(need: Need) -> list[str]:
        return [name for name, form in forms.items() if form.need == need]

    def powers(names: list[str]) -> dict[str, FloatArray]:
        """Each of them zero, low or beyond its nameplate, for some of the time or all of it."""
        times = random.choice([0.0, 0.5, 3.0], len(names))
        return {
            name: most * _nameplate_kw(park, name) * random.uniform(size=steps) * _at_times(random, steps)
            for name, most in zip(names, times, strict=True)
        }

    start = starts[int(random.integers(len(starts)))]
    names = [name for name in forms if name != park.site.grid[0]]
    spot = park.site.file.spot_prices is not None and random.random() < 0.8
    return park.situation(
        start,
        step_h=np.full(steps, step_h),
        available_kw=powers(having("available_kw")),
        load_kw=powers(having("load_kw")),
        cop={name: random.uniform(1.5, 6.0, steps) for name in having("cop")},
        stored_kwh={
            name: random.choice([0.0, 0.05, 0.5, 0.97, 1.0, random.random()]) * form.capacity_kwh
            for name, form in stores(park.site).items()
        },
        wanted={name: _windows(random, step_h, park.site.assets[name]) for name in having("wanted")},
        local_kw={
            bus: random.choice([0.0, MOST_LOCAL]) * limit_kw * random.uniform(-1.0, 1.0, steps)
            for bus in (buses_of(forms) if park.site.measured else ())
            if bus != CONNECTION_BUS
        },
        unavailable=frozenset(name for name in names if random.random() < 0.1),
        month_peak_kw=random.choice([0.0, 0.8, 2.0]) * limit_kw,
        used=_used(random),
        spot=_spot(start, steps, random) if spot else None,
    )


def _nameplate_kw(park: TinyPark, name: str) -> float:
    spec = park.site.assets[name]
    if isinstance(spec, HydrogenLoad):
        return spec.peak_kg_per_h * KWH_PER_KG_HYDROGEN
    return next(float(getattr(spec, key)) for key in ("peak_kw", "rated_kw", "max_heat_kw") if hasattr(spec, key))


def _at_times(random: np.random.Generator, steps: int) -> NDArray[np.bool_]:
    return np.asarray(random.random(steps) < random.choice([0.5, 1.0]))


def _windows(random: np.random.Generator, step_h: float, spec: Asset) -> tuple[Wanted, ...]:
    """Of vehicles that are there, come, or have left; some want more than they can get. A job takes all its power."""
    assert isinstance(spec, EvChargers | ShiftableJob)
    limit_kw = spec.limit_kw if isinstance(spec, EvChargers) else spec.power_kw
    most_kw = 0.45 * limit_kw if isinstance(spec, EvChargers) else limit_kw
    begins = step_h * random.uniform(-2.0, 6.0, int(random.integers(0, 4)))
    ends = begins + step_h * random.uniform(0.0, 4.0, len(begins))
    energies = step_h * limit_kw * random.uniform(0.0, 1.5, len(begins))
    return tuple(
        Wanted(begin, end, energy, most_kw)
        for begin, end, energy in zip(begins.tolist(), ends.tolist(), energies.tolist(), strict=True)
    )


def _used(random: np.random.Generator) -> Used:
    if random.random() < 0.4:
        return Used()
    imported = random.choice([300.0, 5000.0])
    return Used(
        month_import_kwh=imported,
        year_import_kwh=2 * imported,
        month_export_kwh=random.choice([0.0, 400.0]),
        month_gas_kwh=random.choice([0.0, 900.0]),
        month_co2_kg=random.choice([0.0, 300.0]),
        month_heat_kgce=random.choice([-20.0, 0.0, 40.0]),
        month_available_kwh=random.choice([0.0, 2000.0]),
    )


def _spot(start: datetime, steps: int, random: np.random.Generator) -> PriceSeries:
    """Known for the whole horizon or a part of it."""
    hours = int(random.integers(1, steps + 1))
    first = start - timedelta(hours=1)
    return PriceSeries(
        starts_s=tuple((first + timedelta(hours=hour)).timestamp() for hour in range(hours + 1)),
        length_s=3600.0,
        import_per_kwh=tuple(random.choice([-0.5, -0.2, 0.0, 0.4, 2.0], hours + 1).tolist()),
        export_per_kwh=tuple(random.uniform(-0.5, 2.5, hours + 1).tolist()) if random.random() < 0.5 else None,
    )
