"""What is the case now that a person should know: the conditions that the alarm board turns into alarms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.assets import GridConnection, HotWaterTank
from config.hydrogen_assets import HydrogenTank
from config.thermal_assets import ColdStore
from controller.alarms import Condition
from controller.deciding.standing import SUPPLY_RESERVE_SOC
from controller.image import Snapshot
from controller.modes import Mode

CLOCK_TOLERANCE_S = 5.0
"""How far the calendar may drift from the elapsed time between two cycles before it counts as a jump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the controller's own parts are doing; an empty text means well."""

    plan_failure: str
    plan_refused: str
    plan_short: str
    """What the plan in force leaves open."""
    tariff_missing: str
    planner_lost: str
    influxdb_down: str
    telemetry_lost: str
    state_not_saved: str
    override_damaged: str
    internal_error: str
    overrun: str


def conditions(
    snapshot: Snapshot,
    before: Snapshot | None,
    mode: Mode,
    not_followed: Mapping[str, str],
    health: Health,
    demand_at_risk: str = "",
    implausible: Mapping[str, str] | None = None,
) -> list[Condition]:
    """Every condition that holds in this cycle; `demand_at_risk` says how the month's peak is about to grow,
    `implausible` which state of charge cannot be right."""
    found = [*_park(snapshot, mode), *_clock(snapshot, before)]
    if demand_at_risk:
        found.append(Condition("demand_at_risk", snapshot.site.grid[0], demand_at_risk))
    found += [Condition("soc_implausible", asset, why) for asset, why in (implausible or {}).items()]
    found += [Condition("setpoint_not_followed", asset, why) for asset, why in not_followed.items()]
    for kind, text in (
        ("fallback_plan", health.plan_failure),
        ("plan_refused", health.plan_refused),
        ("demand_not_met", health.plan_short),
        ("tariff_missing", health.tariff_missing),
        ("planner_lost", health.planner_lost),
        ("influxdb_down", health.influxdb_down),
        ("telemetry_lost", health.telemetry_lost),
        ("state_not_saved", health.state_not_saved),
        ("override_damaged", health.override_damaged),
        ("internal_error", health.internal_error),
        ("cycle_overrun", health.overrun),
    ):
        if text:
            found.append(Condition(kind, "", text))
    return found


def _park(snapshot: Snapshot, mode: Mode) -> list[Condition]:
    found = []
    for name, asset in snapshot.site.assets.items():
        why = snapshot.why_unavailable(name)
        match asset:
            case GridConnection() if (power_kw := snapshot.power_kw(name)) is not None:
                found += _limits(name, asset, power_kw)
                if why and mode is not Mode.STARTING:
                    found.append(Condition("asset_unavailable", name, why))
            case GridConnection():
                if mode is not Mode.STARTING:
                    found.append(Condition("grid_meter_lost", name, why))
            case _ if why and mode is not Mode.STARTING:
                found.append(Condition("asset_unavailable", name, why))
            case HotWaterTank():
                found += _store_low(snapshot, name, asset, "heat_supply_low", "tank")
            case ColdStore():
                found += _store_low(snapshot, name, asset, "cold_supply_low", "cold store")
            case HydrogenTank():
                found += _store_low(snapshot, name, asset, "hydrogen_supply_low", "tank")
            case _:
                pass
    return found


def _store_low(
    snapshot: Snapshot, name: str, store: HotWaterTank | ColdStore | HydrogenTank, kind: str, word: str
) -> list[Condition]:
    soc = snapshot.value(name, "soc")
    if soc is None or soc > store.soc_min + SUPPLY_RESERVE_SOC:
        return []
    return [Condition(kind, name, f"{word} at {soc:.0%}")]


def _limits(name: str, grid: GridConnection, power_kw: float) -> list[Condition]:
    if power_kw > grid.import_limit_kw:
        text = f"import of {power_kw:.0f} kW is above the limit of {grid.import_limit_kw:.0f} kW"
        return [Condition("import_limit_exceeded", name, text)]
    if -power_kw > grid.export_limit_kw:
        text = f"export of {-power_kw:.0f} kW is above the limit of {grid.export_limit_kw:.0f} kW"
        return [Condition("export_limit_exceeded", name, text)]
    return []


def _clock(snapshot: Snapshot, before: Snapshot | None) -> list[Condition]:
    if before is None:
        return []
    jumped_s = (snapshot.at - before.at).total_seconds() - (snapshot.site_s - before.site_s)
    if abs(jumped_s) <= CLOCK_TOLERANCE_S:
        return []
    return [Condition("clock_jumped", "", f"the calendar moved by {jumped_s:+.0f} s against the elapsed time")]
