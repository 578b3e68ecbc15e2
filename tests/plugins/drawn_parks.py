"""Random parks of all kinds of assets, and situations of theirs that a park may well never see.

Each comes from a seed alone, so that whoever finds one that fails can have it again. Sizes, prices, states and times
are drawn from far wider ranges than a sane park has: full and empty stores, measured levels outside of their window,
assets that are away, paid import, export that pays more than import costs, ladders and caps long exceeded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import tiny_kinds as kinds
from tiny_park import TinyPark, make_park

from config.asset import CONNECTION_BUS
from config.price_series import PriceSeries
from dispatch.checker import check_plan, unmet
from dispatch.dispatcher import Dispatcher
from dispatch.forms.form import Need
from dispatch.plan import FloatArray, Situation, Solved, Used, Wanted
from dispatch.registry import buses_of, forms_of
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
BOTH_WAYS = "charges and discharges at once"
"""What a plan says of itself where it burns power in a battery's losses, which the checker refuses."""
LAST_EVENING = datetime(2026, 3, 31, 20, tzinfo=UTC)
"""From here a horizon touches two months."""


def faults_of(seed: int) -> Iterator[str]:
    """What is wrong with the plans of a park that a seed draws, by solver and by rules; a sentence for each plan."""
    random = np.random.default_rng(seed)
    park = drawn_park(random)
    dispatcher = Dispatcher(park.site, park.steps)
    for number in range(SITUATIONS):
        situation = drawn_situation(park, random)
        outcome = dispatcher.plan(situation, situation.start)
        if not isinstance(outcome, Solved):
            yield f"seed {seed}, situation {number}: {outcome}"
            continue
        for plan in (outcome.plan, rules_plan(park.site, situation, situation.start)):
            left_open = unmet(park.site, situation, plan)
            faults = [words for words in check_plan(park.site, situation, plan) if words not in left_open]
            if faults:
                burns = f" ({BOTH_WAYS})" if BOTH_WAYS in plan.note else ""
                where = f"seed {seed}, situation {number}, {plan.method.value}{burns}"
                yield f"{where}: {faults[0]} ({len(faults)} in all)"


def drawn_park(random: np.random.Generator) -> TinyPark:
    """A connection and one to all of `ASSETS`, with random sizes and terms; 2 to 8 intervals of an hour."""
    chance = random.uniform(0.1, 1.0)
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
    steps = int(random.integers(2, 9))
    prices = random.choice([0.0, 0.3, 0.6, 1.2, 1.9], steps) if random.random() < 0.5 else random.uniform(0, 2, steps)
    return make_park(found, prices.tolist(), site_keys=_site_keys(random), **_tariff_keys(random))


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
    keys: dict[str, Any] = {"caps": caps}
    if random.random() < 0.3:
        keys["spot_prices"] = {"file": "spot.csv", "interval_min": 60, "least_per_kwh": -0.5, "most_per_kwh": 3}
    return keys


def drawn_situation(park: TinyPark, random: np.random.Generator) -> Situation:
    forms, steps = forms_of(park.site), park.steps

    def having(need: Need) -> list[str]:
        return [name for name, form in forms.items() if form.need == need]

    def powers(names: list[str]) -> dict[str, FloatArray]:
        """Each of them zero, low or beyond its nameplate, for some of the time or all of it."""
        most = random.choice([0.0, 50.0, 400.0], len(names))
        return {
            name: top * random.uniform(size=steps) * (random.random(steps) < random.choice([0.5, 1.0]))
            for name, top in zip(names, most, strict=True)
        }

    start = random.choice([LAST_EVENING, datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 12, 31, 22, tzinfo=UTC)])
    names = [name for name in forms if name != park.site.grid[0]]
    spot = park.site.file.spot_prices is not None and random.random() < 0.8
    return park.situation(
        start,
        available_kw=powers(having("available_kw")),
        load_kw=powers(having("load_kw")),
        cop={name: random.uniform(1.5, 6.0, steps) for name in having("cop")},
        stored_kwh={
            name: random.choice([0.0, 0.05, 0.5, 0.97, 1.0, random.random()]) * form.capacity_kwh
            for name, form in stores(park.site).items()
        },
        wanted={name: _windows(random) for name in having("wanted")},
        local_kw={
            bus: random.choice([0.0, 30.0]) * random.normal(size=steps)
            for bus in (buses_of(forms) if park.site.measured else ())
            if bus != CONNECTION_BUS
        },
        unavailable=frozenset(name for name in names if random.random() < 0.1),
        month_peak_kw=random.choice([0.0, 90.0, 500.0]),
        used=_used(random),
        spot=_spot(start, steps, random) if spot else None,
    )


def _windows(random: np.random.Generator) -> tuple[Wanted, ...]:
    """Of vehicles that are there, come, or have left; some want more than they can get."""
    begins = random.uniform(-2.0, 6.0, int(random.integers(0, 4)))
    return tuple(
        Wanted(float(begin), float(begin + random.uniform(0.0, 4.0)), float(random.uniform(0, 60)), 22.0)
        for begin in begins
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
