"""Snapshots and plans of the demo park, written down in a line: what is not named is quiet and well.

The fixture `park` is the demo park. ``park.snapshot({"grid": 500, "battery.soc": 0.9})`` is that park at noon
with 500 kW of import and a full battery; ``park.plan({"battery": 100})`` plans 100 kW of discharge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from config.assets import Asset, PvPlant, WindTurbine
from config.site import Site
from config.thermal_assets import ElectricBoiler
from controller.decide import decide
from controller.deciding.standing import Inputs
from controller.decision import Decision
from controller.demand_guard import Demand
from controller.image import Snapshot
from controller.modes import Mode
from controller.override import Override
from controller.tariff_now import EnergyPrices
from dispatch.plan import AssetPlan, FloatArray, Method, Plan
from drivers.driver import Quality, Reading

NOON = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
"""12:00 in Hangzhou, the start of an interval."""

HEAT_KINDS = ("gas_boiler", "heat_load", "heat_connection")

QUIET: Mapping[str, float] = {
    "active_power_kw": 0.0,
    "heat_power_kw": 0.0,
    "soc": 0.5,
    "available": 1.0,
    "energy_import_kwh": 1000.0,
    "energy_export_kwh": 200.0,
    "outdoor_degc": 15.0,
    "power_setpoint_kw": 0.0,
    "heat_setpoint_kw": 0.0,
    "feed_in_contact_100": 1.0,
    "feed_in_limit_share": 1.0,
    "feed_in_limit_kw": 1e6,
    "import_limit_kw": 1e6,
}

Values = Mapping[str, float | None]
"""By ``asset.point``, or by ``asset`` for its power; None for a point that cannot be read."""


@dataclass(frozen=True, repr=False)
class ParkBuilder:
    site: Site
    NOON = NOON

    def __repr__(self) -> str:
        return f"park({self.site.name})"

    # -- the site ------------------------------------------------------------------------------------

    def with_asset(self, name: str, **changes: Any) -> ParkBuilder:
        """The same park with another nameplate of one asset."""
        asset = self.site.assets[name].model_copy(update=changes)
        return self._with(assets={**self.site.assets, name: asset})

    def with_other(self, name: str, asset: Asset) -> ParkBuilder:
        """The same park with another asset, of whatever kind, in the place of one."""
        return self._with(assets={**self.site.assets, name: asset})

    def with_electric_boiler(self, name: str) -> ParkBuilder:
        """The same park with an electric boiler at the heat pump's device: 400 kW, 100 kW at least."""
        boiler = ElectricBoiler(
            kind="electric_boiler",
            device=self.site.assets[name].device,
            max_power_kw=400,
            min_power_kw=100,
            ramp_kw_per_s=50,
            efficiency=0.98,
        )
        return self.with_other(name, boiler)

    def with_copy(self, name: str, copy: str) -> ParkBuilder:
        """The same park with a second asset like `name`, on a device of its own."""
        device = f"{copy}_device"
        asset = self.site.assets[name].model_copy(update={"device": device})
        points = tuple(replace(p, device=device) for p in self.site.points[self.site.assets[name].device])
        park = self._with(
            assets={**self.site.assets, copy: asset},
            devices={**self.site.devices, device: self.site.devices[self.site.assets[name].device]},
        )
        return ParkBuilder(replace(park.site, points={**self.site.points, device: points}))

    def without(self, *names: str) -> ParkBuilder:
        return self._with(assets={name: asset for name, asset in self.site.assets.items() if name not in names})

    def with_device(self, name: str, **changes: Any) -> ParkBuilder:
        device = self.site.devices[name].model_copy(update=changes)
        return self._with(devices={**self.site.devices, name: device})

    def with_control(self, **changes: Any) -> ParkBuilder:
        return self._with(control=self.site.control.model_copy(update=changes))

    def with_file(self, **changes: Any) -> ParkBuilder:
        return self._with(**changes)

    def _with(self, **changes: Any) -> ParkBuilder:
        return ParkBuilder(replace(self.site, file=self.site.file.model_copy(update=changes)))

    # -- what is seen --------------------------------------------------------------------------------

    def key(self, name: str) -> str:
        """The point key of ``asset.point``, or of an asset's power."""
        asset, _, point = name.partition(".")
        power = "heat_power_kw" if self.site.assets[asset].kind in HEAT_KINDS else "active_power_kw"
        return f"{self.site.assets[asset].device}.{point or power}"

    def reading(self, name: str, value: float | None, *, received_s: float = 0.0, reason: str = "") -> Reading:
        return Reading(
            point=self.key(name),
            value=value,
            quality=Quality.BAD if value is None else Quality.GOOD,
            received_s=received_s,
            at=NOON,
            reason=reason,
        )

    def snapshot(
        self,
        values: Values | None = None,
        *,
        at: datetime = NOON,
        site_s: float = 0.0,
        ages_s: Mapping[str, float] | None = None,
        unread: Iterable[str] = (),
    ) -> Snapshot:
        """The park with `values`; `ages_s` makes single readings old, `unread` points were never read."""
        monotonic_s = 1000.0 + site_s
        readings: dict[str, Reading] = {}
        for asset, spec in self.site.assets.items():
            for point in self.site.points[spec.device]:
                value = QUIET.get(point.name, 0.0)
                if point.name == "power_limit_kw" and isinstance(spec, PvPlant | WindTurbine):
                    value = spec.rated_kw
                readings[point.key] = self.reading(f"{asset}.{point.name}", value, received_s=monotonic_s)
        for name, given in (values or {}).items():
            readings[self.key(name)] = self.reading(name, given, received_s=monotonic_s)
        for name, age_s in (ages_s or {}).items():
            key = self.key(name)
            readings[key] = readings[key]._replace(received_s=monotonic_s - age_s)
        for name in unread:
            del readings[self.key(name)]
        return Snapshot(site=self.site, at=at, site_s=site_s, monotonic_s=monotonic_s, readings=readings)

    # -- what is wanted ------------------------------------------------------------------------------

    def plan(
        self,
        power_kw: Mapping[str, float | Iterable[float]],
        *,
        stored_kwh: Mapping[str, Iterable[float]] | None = None,
        available_kw: Mapping[str, float] | None = None,
        stored_value: Mapping[str, float] | None = None,
        start: datetime = NOON,
        steps: int = 8,
        method: Method = Method.OPTIMAL,
        issued_at: datetime | None = None,
    ) -> Plan:
        """A plan for the named assets only, in quarters of an hour; a number holds for all of them."""
        stored, available = stored_kwh or {}, available_kw or {}
        return Plan(
            issued_at=issued_at or start,
            method=method,
            start=start,
            step_h=np.full(steps, 0.25),
            assets={
                name: AssetPlan(
                    power_kw=_series(power, steps),
                    stored_kwh=np.array(list(stored[name])) if name in stored else None,
                    available_kw=_series(available[name], steps) if name in available else None,
                )
                for name, power in power_kw.items()
            },
            import_price_per_kwh=np.full(steps, 0.5),
            cost={},
            stored_value_per_kwh={name: np.full(steps, value) for name, value in (stored_value or {}).items()},
        )

    def override(self, asset: str, value_kw: float, *, until: datetime = NOON + timedelta(hours=1)) -> Override:
        return Override(asset=asset, value_kw=value_kw, owner="Li", reason="test run", until=until)

    # -- what is decided -----------------------------------------------------------------------------

    def decide(
        self,
        values: Values | None = None,
        plan: Plan | None = None,
        *overrides: Override,
        mode: Mode = Mode.OPTIMAL,
        at: datetime = NOON,
        not_following: Iterable[str] = (),
        prices: tuple[float, float] | None = None,
        demand: Demand | None = None,
        held_back_kw: float = 0.0,
    ) -> Decision:
        """`prices` are those of import and export."""
        return decide(
            Inputs(
                snapshot=self.snapshot(values, at=at),
                plan=plan,
                mode=mode,
                overrides={override.asset: override for override in overrides},
                not_following=frozenset(not_following),
                prices=None if prices is None else EnergyPrices(import_per_kwh=prices[0], export_per_kwh=prices[1]),
                demand=demand,
                held_back_kw=held_back_kw,
            )
        )


def _series(value: float | Iterable[float], steps: int) -> FloatArray:
    return np.full(steps, float(value)) if isinstance(value, int | float) else np.array(list(value))


@pytest.fixture(scope="session")
def park(demo_site: Site) -> ParkBuilder:
    return ParkBuilder(demo_site)


def told(decision: Decision, asset: str) -> tuple[float | None, str]:
    """What an asset is told, and who decided it."""
    return decision.assets[asset].setpoint_kw, decision.assets[asset].owner
