"""The controller's records: what of a cycle, an interval, a plan and an alarm goes to telemetry. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from config.assets import GridConnection
from config.points import NEEDS
from config.site import Site
from controller.alarming.alarm import AlarmEvent
from controller.decision import AssetDecision, Decision
from controller.image import Snapshot
from controller.interval import Interval
from controller.telemetry.record import Record
from controller.writes import Written
from dispatch.forecast.learned import Skill
from dispatch.plan import Plan

PARK = "park"
"""The asset tag of the park's totals."""

Fields = dict[str, float | int | bool | str]


def point_records(snapshot: Snapshot) -> list[Record]:
    """One record per device: every point that has a value, and how many have none."""
    records = []
    for device, points in snapshot.site.points.items():
        readings = [snapshot.readings[point.key] for point in points if point.key in snapshot.readings]
        if not readings:
            continue
        fields: Fields = {
            reading.point.partition(".")[2]: reading.value for reading in readings if reading.value is not None
        }
        fields["bad"] = sum(reading.value is None for reading in readings)
        fields["age_s"] = snapshot.monotonic_s - max(reading.received_s for reading in readings)
        tags = {"site": snapshot.site.name, "device": device}
        records.append(Record(measurement="point", tags=tags, fields=fields, at=snapshot.at))
    return records


def asset_records(snapshot: Snapshot, decision: Decision | None, plan: Plan | None) -> list[Record]:
    """One record per asset: measured, planned and set power, state and whether it can be used."""
    records = []
    step = plan.step_at(snapshot.at) if plan is not None else None
    for name, asset in snapshot.site.assets.items():
        fields: Fields = {"available": snapshot.available(name)}
        _put(fields, "power_kw", snapshot.power_kw(name))
        _put(fields, "soc", snapshot.value(name, "soc"))
        if asset.kind in ("heat_pump", "electric_boiler"):
            _put(fields, "heat_kw", snapshot.value(name, "heat_power_kw"))
        if plan is not None and step is not None and name in plan.assets:
            fields["planned_kw"] = float(plan.assets[name].power_kw[step])
        decided = decision.assets.get(name) if decision is not None else None
        if decided is not None:
            _put(fields, "setpoint_kw", decided.setpoint_kw)
            fields["mode"] = "manual" if decided.owner == "operator" else "automatic"
        _put(fields, "reactive_kvar", snapshot.value(name, "reactive_power_kvar"))
        reactive = decision.reactive.get(name) if decision is not None else None
        if reactive is not None:
            _put(fields, "reactive_setpoint_kvar", reactive.setpoint_kvar)
            fields["reactive_reason"] = f"{reactive.owner}: {reactive.reason}"
        if name == snapshot.site.grid[0] and decision is not None and decision.release is not None:
            fields["released"] = decision.release.released
            fields["release_reason"] = f"{decision.release.owner}: {decision.release.reason}"
        if isinstance(asset, GridConnection):
            fields["limit_kw"] = asset.import_limit_kw
        tags = {"site": snapshot.site.name, "asset": name, "kind": asset.kind}
        records.append(Record(measurement="asset", tags=tags, fields=fields, at=snapshot.at))
    return records


def decision_record(site: Site, decision: Decision, asset: AssetDecision, written: Written | None) -> Record:
    """Why an asset was told what it was told, and what became of it."""
    fields: Fields = {"owner": asset.owner, "reason": asset.reason, "correction_kw": asset.correction_kw}
    _put(fields, "setpoint_kw", asset.setpoint_kw)
    _put(fields, "planned_kw", asset.planned_kw)
    _put(fields, "low_kw", asset.low_kw)
    _put(fields, "high_kw", asset.high_kw)
    if asset.setpoint_kw is None:
        fields["written"] = "held"
    else:
        fields["written"] = written.outcome if written is not None else "held"
    tags = {"site": site.name, "asset": asset.asset}
    return Record(measurement="decision", tags=tags, fields=fields, at=decision.at)


def interval_records(site: Site, interval: Interval) -> list[Record]:
    """The closed interval by asset, and the park's totals, stamped with its start."""
    records = [
        Record(
            measurement="interval",
            tags={"site": site.name, "asset": name},
            fields={"energy_kwh": energy_kwh},
            at=interval.start,
        )
        for name, energy_kwh in interval.energy_kwh.items()
    ]
    generation_kwh = _electricity_of(site, interval, 1)
    totals: Fields = {
        "import_kwh": interval.import_kwh,
        "export_kwh": interval.export_kwh,
        "gas_kwh": interval.gas_kwh,
        "bought_heat_kwh": interval.bought_heat_kwh,
        "sold_heat_kwh": interval.sold_heat_kwh,
        "consumption_kwh": _electricity_of(site, interval, -1),
        "generation_kwh": generation_kwh,
        "self_use_kwh": max(0.0, generation_kwh - interval.export_kwh),
        "curtailed_kwh": interval.curtailed_kwh,
        "tce": interval.tce,
        "peak_kw": interval.peak_kw,
    }
    if interval.bill is not None:
        totals["import_price"] = interval.bill.import_price
        totals["co2_kg"] = interval.bill.co2_kg
        totals["cost_total"] = sum(interval.bill.cost.values())
        totals.update({f"cost_{term}": cost for term, cost in interval.bill.cost.items()})
    tags = {"site": site.name, "asset": PARK}
    return [*records, Record(measurement="interval", tags=tags, fields=totals, at=interval.start)]


def plan_records(site: Site, plan: Plan) -> list[Record]:
    """What is planned, per asset and interval; a newer plan for the same interval replaces it."""
    records = []
    for name, asset in plan.assets.items():
        start = plan.start
        for step in range(plan.steps):
            fields: Fields = {
                "power_kw": float(asset.power_kw[step]),
                "method": plan.method.value,
                "issued_at": plan.issued_at.isoformat(),
            }
            if asset.stored_kwh is not None:
                fields["stored_kwh"] = float(asset.stored_kwh[step])
            if name in plan.reasons:
                fields["reason"] = plan.reasons[name][step].value
            tags = {"site": site.name, "asset": name}
            records.append(Record(measurement="plan", tags=tags, fields=fields, at=start))
            start += timedelta(hours=float(plan.step_h[step]))
    return records


def skill_records(site: Site, skills: Mapping[str, Skill], at: datetime) -> list[Record]:
    """How well each series was forecast over the last weeks."""
    records = []
    for name, skill in skills.items():
        fields: Fields = {"way": skill.way}
        for what, by_hours in (("error", skill.error_kw), ("low", skill.low_kw), ("high", skill.high_kw)):
            fields |= {f"{what}_{hours}h_kw": value for hours, value in by_hours.items()}
        records.append(Record(measurement="forecast", tags={"site": site.name, "asset": name}, fields=fields, at=at))
    return records


def alarm_records(site: Site, events: Iterable[AlarmEvent]) -> list[Record]:
    records = []
    for event in events:
        fields: Fields = {
            "state": event.what,
            "active": int(event.alarm.active),
            "priority": event.alarm.kind.priority,
            "text": event.alarm.text,
        }
        if event.by:
            fields["by"] = event.by
        tags = {"site": site.name, "alarm": event.alarm.kind.name, "asset": event.alarm.asset or PARK}
        records.append(Record(measurement="alarm", tags=tags, fields=fields, at=event.at))
    return records


def controller_record(snapshot: Snapshot, fields: Mapping[str, float | int | str]) -> Record:
    return Record(measurement="controller", tags={"site": snapshot.site.name}, fields=dict(fields), at=snapshot.at)


def balance_residual_kw(snapshot: Snapshot) -> float | None:
    """What the electric bus does not explain: grid + generation + battery - consumption, None if unmeasured."""
    residual_kw = 0.0
    for name in snapshot.site.assets:
        taken_kw = snapshot.taken_kw(name, "electricity")
        if taken_kw is None:
            return None
        residual_kw -= taken_kw
    return residual_kw


def _electricity_of(site: Site, interval: Interval, direction: int) -> float:
    """Energy of the assets that only give electricity (1) or only take it (-1)."""
    total_kwh = 0.0
    for name, energy_kwh in interval.energy_kwh.items():
        needs = NEEDS[site.assets[name].kind]
        if needs.direction("electricity") == direction and not needs.two_way and needs.power == "active_power_kw":
            total_kwh += energy_kwh
    return total_kwh


def _put(fields: Fields, name: str, value: float | None) -> None:
    """A missing value is left out: it is never a 0."""
    if value is not None:
        fields[name] = value
