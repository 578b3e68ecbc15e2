"""What is the case now that a person should know: the conditions that the alarm board turns into alarms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.assets import Asset, GridConnection, HotWaterTank
from config.feeder import Feeder
from config.hydrogen_assets import HydrogenTank
from config.thermal_assets import ColdStore
from controller.alarming.alarm import Condition, Key
from controller.deciding.standing import SUPPLY_RESERVE_SOC
from controller.image import Snapshot
from controller.island import breaker_open, island_of
from controller.limits import CONTRACT, Limit, Limits, limits_now
from controller.modes import Mode

LIMIT_DEADBAND = 0.005
"""Share of a connection's limit by which its alarm's cause must be gone: half of what is kept free of it, so that a
controller that keeps to the limit ends the alarm."""
SOC_DEADBAND = 0.01
"""And a store's; far above what a level sensor wavers by."""
_EXPLAINED_BY: Mapping[str, Key] = {"fallback_plan": ("planner_lost", "")}
"""Without a planner there is no plan."""
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
    audit_not_kept: str
    request_damaged: str
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
    frozen: Mapping[str, str] | None = None,
    imbalance: str = "",
) -> list[Condition]:
    """Every condition that holds in this cycle; `demand_at_risk` says how the month's peak is about to grow,
    `implausible` which state of charge cannot be right, `frozen` which power has stopped moving, and `imbalance` how
    the powers do not go together."""
    found = [*_park(snapshot, mode), *_clock(snapshot, before)]
    if mode is not Mode.STARTING:
        found += _lost_connections(snapshot)
    if demand_at_risk:
        found.append(Condition("demand_at_risk", snapshot.site.grid[0], demand_at_risk))
    found += [Condition("soc_implausible", asset, why) for asset, why in (implausible or {}).items()]
    found += [Condition("measurement_frozen", asset, why) for asset, why in (frozen or {}).items()]
    if imbalance:
        found.append(Condition("balance_not_closed", "", imbalance))
    found += [
        Condition("setpoint_not_followed", asset, why, explained_by=("asset_unavailable", asset))
        for asset, why in not_followed.items()
    ]
    for kind, text in (
        ("fallback_plan", health.plan_failure),
        ("plan_refused", health.plan_refused),
        ("demand_not_met", health.plan_short),
        ("tariff_missing", health.tariff_missing),
        ("planner_lost", health.planner_lost),
        ("influxdb_down", health.influxdb_down),
        ("telemetry_lost", health.telemetry_lost),
        ("state_not_saved", health.state_not_saved),
        ("audit_not_kept", health.audit_not_kept),
        ("request_damaged", health.request_damaged),
        ("internal_error", health.internal_error),
        ("cycle_overrun", health.overrun),
    ):
        if text:
            found.append(Condition(kind, "", text, explained_by=_EXPLAINED_BY.get(kind)))
    return found


def _lost_connections(snapshot: Snapshot) -> list[Condition]:
    """Connections of which nothing answers, where that says more than the alarm of one asset does."""
    found = []
    for connection in snapshot.site.connections:
        behind = {spec.device for spec in snapshot.site.assets.values() if _connection(snapshot, spec) == connection}
        if len(behind) > 1 and all(snapshot.silent(device) for device in behind):
            found.append(Condition("connection_lost", connection, f"no answer from {', '.join(sorted(behind))}"))
    return found


def _connection(snapshot: Snapshot, spec: Asset) -> str:
    return snapshot.site.devices[spec.device].connection


def _unavailable(snapshot: Snapshot, name: str, why: str) -> Condition:
    connection = _connection(snapshot, snapshot.site.assets[name])
    return Condition("asset_unavailable", name, why, explained_by=("connection_lost", connection))


def _park(snapshot: Snapshot, mode: Mode) -> list[Condition]:
    limits = limits_now(snapshot)
    found = []
    if breaker_open(snapshot):
        found.append(Condition("islanded", snapshot.site.grid[0], _island(snapshot)))
    if mode is not Mode.STARTING:
        found += [Condition("operator_limit_lost", name, why) for name, why in limits.unreadable.items()]
    for name, asset in snapshot.site.assets.items():
        why = snapshot.why_unavailable(name)
        match asset:
            case GridConnection() if (power_kw := snapshot.power_kw(name)) is not None:
                found += _limits(name, limits, power_kw)
                if why and mode is not Mode.STARTING:
                    found.append(_unavailable(snapshot, name, why))
            case Feeder() if (power_kw := snapshot.power_kw(name)) is not None:
                found += _limits(name, _own_limits(asset), power_kw)
            case GridConnection():
                if mode is not Mode.STARTING:
                    found.append(Condition("grid_meter_lost", name, why))
            case _ if why and mode is not Mode.STARTING:
                found.append(_unavailable(snapshot, name, why))
            case HotWaterTank():
                found += _store_low(snapshot, name, asset, "heat_supply_low", "tank")
            case ColdStore():
                found += _store_low(snapshot, name, asset, "cold_supply_low", "cold store")
            case HydrogenTank():
                found += _store_low(snapshot, name, asset, "hydrogen_supply_low", "tank")
            case _:
                pass
    return found


def _island(snapshot: Snapshot) -> str:
    island = island_of(snapshot)
    if island is None:
        return "the breaker is open, and nothing forms the grid"
    return (
        f"the breaker is open: at SOC {island.soc:.0%} the battery gives {island.power_kw:+.0f} kW "
        f"of at most {island.most_discharge_kw:.0f} kW"
    )


def _store_low(
    snapshot: Snapshot, name: str, store: HotWaterTank | ColdStore | HydrogenTank, kind: str, word: str
) -> list[Condition]:
    soc = snapshot.value(name, "soc")
    low_soc = store.soc_min + SUPPLY_RESERVE_SOC
    if soc is None or soc > low_soc + SOC_DEADBAND:
        return []
    return [Condition(kind, name, f"{word} at {soc:.0%}", nearly=soc > low_soc)]


def _limits(name: str, limits: Limits, power_kw: float) -> list[Condition]:
    for kind, word, flow_kw, limit in (
        ("import_limit_exceeded", "import", power_kw, limits.imports),
        ("export_limit_exceeded", "export", -power_kw, limits.exports),
    ):
        if flow_kw > limit.kw * (1 - LIMIT_DEADBAND) and flow_kw > 0:
            text = f"{word} of {flow_kw:.0f} kW is above the limit of {limit.kw:.0f} kW"
            if limit.owner != CONTRACT:
                text += f": {limit.reason}"
            return [Condition(kind, name, text, nearly=flow_kw <= limit.kw)]
    return []


def _own_limits(feeder: Feeder) -> Limits:
    return Limits(
        Limit(feeder.import_limit_kw, CONTRACT, "what it may carry"),
        Limit(feeder.export_limit_kw, CONTRACT, "what it may carry back"),
        {},
    )


def _clock(snapshot: Snapshot, before: Snapshot | None) -> list[Condition]:
    if before is None:
        return []
    jumped_s = (snapshot.at - before.at).total_seconds() - (snapshot.site_s - before.site_s)
    if abs(jumped_s) <= CLOCK_TOLERANCE_S:
        return []
    return [Condition("clock_jumped", "", f"the calendar moved by {jumped_s:+.0f} s against the elapsed time")]
