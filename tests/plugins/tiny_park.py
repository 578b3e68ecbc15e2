"""Parks of a few assets and a few one-hour steps, small enough to be planned by hand.

The fixture `tiny_park` makes one from assets and hourly prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.site import Site, SiteFile
from config.tariff import Tariff
from dispatch.dispatcher import Dispatcher
from dispatch.forms.form import Need
from dispatch.plan import Outcome, Plan, Situation, Solved
from dispatch.registry import forms_of

START = datetime(2026, 3, 2, tzinfo=UTC)

GRID = {"kind": "grid_connection", "device": "d", "import_limit_kw": 1000, "export_limit_kw": 1000}
LOAD = {"kind": "electric_load", "device": "d", "peak_kw": 100}
HEAT = {"kind": "heat_load", "device": "d", "peak_kw": 100}
PV = {"kind": "pv_plant", "device": "d", "peak_kw": 200, "rated_kw": 200, "tilt_deg": 10, "azimuth_deg": 180}
BATTERY = {
    "kind": "battery",
    "device": "d",
    "capacity_kwh": 100,
    "max_charge_kw": 50,
    "max_discharge_kw": 50,
    "charge_efficiency": 0.9,
    "discharge_efficiency": 0.9,
    "soc_min": 0,
    "soc_max": 1,
    "ramp_kw_per_s": 10,
    "wear_cny_per_kwh": 0,
}
HEAT_PUMP = {
    "kind": "heat_pump",
    "device": "d",
    "max_power_kw": 100,
    "min_power_kw": 0,
    "source": "air",
    "supply_degc": 55,
    "min_on_s": 0,
    "min_off_s": 0,
    "ramp_kw_per_s": 10,
}
TANK = {
    "kind": "hot_water_tank",
    "device": "d",
    "capacity_kwh": 200,
    "loss_per_h": 0,
    "max_charge_kw": 200,
    "max_discharge_kw": 200,
    "soc_min": 0,
    "soc_max": 1,
    "low_degc": 40,
    "high_degc": 75,
}
BOILER = {
    "kind": "gas_boiler",
    "device": "d",
    "max_heat_kw": 100,
    "min_heat_kw": 0,
    "efficiency": 0.9,
    "min_on_s": 0,
    "min_off_s": 0,
}
KINDS = {
    "grid": GRID,
    "load": LOAD,
    "heat": HEAT,
    "pv": PV,
    "battery": BATTERY,
    "heat_pump": HEAT_PUMP,
    "tank": TANK,
    "boiler": BOILER,
}


def tariff(prices: Sequence[float], **keys: Any) -> Tariff:
    """Hour by hour from midnight UTC on; the last price holds until midnight."""
    last = len(prices) - 1
    hours = {f"h{hour}": (f"{hour:02}:00-{24 if hour == last else hour + 1:02}:00",) for hour in range(len(prices))}
    data: dict[str, Any] = {
        "description": "hour by hour",
        "source": "test",
        "currency": "CNY",
        "time_zone": "UTC",
        "valid_from": date(2026, 1, 1),
        "fixed_per_kwh": 0,
        "base_per_kwh": {"default": 1},
        "ratios": {f"h{hour}": price for hour, price in enumerate(prices)},
        "seasons": ({"months": tuple(range(1, 13)), "bands": hours},),
        "export_per_kwh": 0,
        "demand_charge_per_kw_month": 0,
        "gas_per_kwh": 0.3,
        "grid_co2_kg_per_kwh": 0.5,
        "gas_co2_kg_per_kwh": 0.2,
    }
    return Tariff.model_validate({**data, **keys})


@dataclass(frozen=True)
class TinyPark:
    """A site and how to plan it."""

    site: Site
    steps: int

    def situation(self, start: datetime = START, **given: Any) -> Situation:
        """A situation; series as numbers or lists by asset, missing loads, generators and stores at zero, COP at 3."""

        def series(key: str, names: Iterable[str], default: float) -> dict[str, Any]:
            values = {**dict.fromkeys(names, default), **given.pop(key, {})}
            return {
                name: np.broadcast_to(np.array(value, dtype=float), (self.steps,)) for name, value in values.items()
            }

        def needing(what: Need) -> list[str]:
            return [name for name, form in forms_of(self.site).items() if form.need == what]

        return Situation(
            start=start,
            step_h=given.pop("step_h", np.ones(self.steps)),
            available_kw=series("available_kw", needing("available_kw"), 0.0),
            load_kw=series("load_kw", needing("load_kw"), 0.0),
            cop=series("cop", needing("cop"), 3.0),
            stored_kwh={**dict.fromkeys(needing("stored_kwh"), 0.0), **given.pop("stored_kwh", {})},
            wanted={**dict.fromkeys(needing("wanted"), ()), **given.pop("wanted", {})},
            **given,
        )

    def outcome(self, situation: Situation) -> Outcome:
        return Dispatcher(self.site, self.steps).plan(situation, situation.start)

    def plan(self, situation: Situation) -> Plan:
        outcome = self.outcome(situation)
        assert isinstance(outcome, Solved), outcome
        return outcome.plan


def make_park(
    assets: Mapping[str, Mapping[str, Any]],
    prices: Sequence[float] = (1.0, 1.0),
    *,
    tariffs: Sequence[Tariff] | None = None,
    site_keys: Mapping[str, Any] | None = None,
    **keys: Any,
) -> TinyPark:
    """A park of `assets` (name -> changes to the kind of that name, or a whole asset) beside a grid connection.

    As many steps of one hour as there are prices; `keys` go to the tariff, `site_keys` to the site file.
    """
    found: dict[str, Any] = {"grid": {**GRID, **assets.get("grid", {})}}
    for name, changes in assets.items():
        found[name] = {**KINDS.get(name, {}), **changes}
    file = SiteFile.model_validate(
        {
            "site": "tiny",
            "location": {"latitude": 30, "longitude": 120, "time_zone": "UTC"},
            "control": {"interval_min": 60, "horizon_h": max(2, len(prices))},
            "tariffs": ("test",),
            "connections": {},
            "devices": {},
            "assets": found,
            **(site_keys or {}),
        }
    )
    known = tuple(tariffs) if tariffs is not None else (tariff(prices, **keys),)
    return TinyPark(Site(path=Path("tiny.yaml"), file=file, points={}, tariffs=known), len(prices))


@pytest.fixture
def tiny_park() -> Callable[..., TinyPark]:
    return make_park


@pytest.fixture
def hourly_tariff() -> Callable[..., Tariff]:
    return tariff


@pytest.fixture
def park_with_all(tiny_park: Callable[..., TinyPark]) -> TinyPark:
    """One asset of each kind over four hours, the second cheap, the third dear, with demand charge and carbon price."""
    return tiny_park(
        {
            "load": {},
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
            "battery": {"wear_cny_per_kwh": 0.05},
            "heat": {},
            "heat_pump": {},
            "tank": {"loss_per_h": 0.01},
            "boiler": {},
        },
        (0.6, 0.3, 1.2, 0.6),
        export_per_kwh=0.2,
        demand_charge_per_kw_month=5,
        carbon_price_per_t=100,
    )


def demo_day() -> Situation:
    """A clear autumn day of the demo park in quarters of an hour."""
    hour = np.arange(96) / 4.0
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    return Situation(
        start=datetime(2026, 10, 13, 16, tzinfo=UTC),
        step_h=np.full(96, 0.25),
        available_kw={"pv_a": 900 * sun, "pv_b": 850 * sun, "wind": np.full(96, 200.0)},
        load_kw={
            "hall_1": np.full(96, 700.0),
            "hall_2": np.where((hour > 8) & (hour < 18), 800.0, 100.0),
            "heat_demand": 1500 + 400 * np.cos(hour / 24 * 2 * np.pi),
        },
        cop={"heat_pump": np.full(96, 2.8)},
        stored_kwh={"battery": 1000.0, "tank": 3000.0},
        month_peak_kw=1200.0,
    )
