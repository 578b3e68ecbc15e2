"""A site and its devices as tables for people and as data for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from config.assets import (
    Asset,
    Battery,
    ElectricLoad,
    GasBoiler,
    GridConnection,
    HeatLoad,
    HeatPump,
    HotWaterTank,
    PvPlant,
    WindTurbine,
)
from config.connection import Connection, ModbusRtu, ModbusRtuOverTcp, ModbusTcp, ModbusTls, Mqtt, OpcUa
from config.heat_network import NetworkConnection
from config.point import Point
from config.site import Site
from parkgrid.device_check import DeviceCheck, unit_of


def site_tables(site: Site) -> list[Table]:
    """The site's assets, devices and connections, and what may be written."""
    assets = _table(
        f"{site.name}: {len(site.assets)} assets", "asset", "kind", "name", "nameplate", "device", "setpoint"
    )
    for name, asset in site.assets.items():
        setpoint = site.setpoint(name)
        assets.add_row(
            name, asset.kind, asset.label or "", nameplate(asset), asset.device, setpoint.name if setpoint else "-"
        )
    devices = _table(f"{len(site.devices)} devices", "device", "connection", "profile", "points", "may be written")
    for name, device in site.devices.items():
        written = "\n".join(_written(point) for point in site.points[name] if point.name in device.write)
        devices.add_row(name, device.connection, device.profile, str(len(site.points[name])), written or "nothing")
    connections = _table(f"{len(site.connections)} connections", "connection", "protocol", "address")
    for name, connection in site.connections.items():
        connections.add_row(name, connection.protocol, address(connection))
    return [assets, devices, connections]


def site_data(site: Site) -> dict[str, Any]:
    """The same for programs."""
    return {
        "site": site.name,
        "tariffs": [tariff.description for tariff in site.tariffs],
        "assets": {
            name: asset.model_dump(exclude_none=True)
            | {"setpoint": point.name if (point := site.setpoint(name)) else None}
            for name, asset in site.assets.items()
        },
        "devices": {
            name: {"connection": device.connection, "profile": device.profile, "write": list(device.write)}
            | {"points": [point.name for point in site.points[name]]}
            for name, device in site.devices.items()
        },
        "connections": {
            name: {"protocol": connection.protocol, "address": address(connection)}
            for name, connection in site.connections.items()
        },
    }


def device_tables(checked: Sequence[DeviceCheck]) -> list[Table]:
    """What every point of the answering devices said, and which devices answer."""
    points = _table("Points", "point", "value", "unit", "quality", "reason")
    points.columns[1].justify = "right"
    for device in checked:
        if not device.answers:
            continue
        for reading, unit in zip(device.readings, device.units, strict=True):
            value = "-" if reading.value is None else f"{reading.value:.6g}"
            points.add_row(reading.point, value, unit, reading.quality.value, reading.reason)
        points.add_section()
    devices = _table("Devices", "device", "answers", "round trip", "says that it is", "reason")
    for device in checked:
        trip = "-" if device.round_trip_ms is None else f"{device.round_trip_ms:.1f} ms"
        said = ", ".join(f"{what} {text}" for what, text in device.identity.items() if text)
        devices.add_row(device.name, "yes" if device.answers else "no", trip, said, device.reason)
    return [points, devices]


_FIGURES = {
    "capacity_kwh": "{:g} kWh",
    "capacity_kg": "{:g} kg",
    "max_power_kw": "{:g} kW",
    "max_heat_kw": "{:g} kW heat",
    "max_cooling_kw": "{:g} kW cooling",
    "rated_kva": "{:g} kVA",
    "rated_kw": "{:g} kW",
    "limit_kw": "up to {:g} kW",
    "peak_kw": "up to {:g} kW",
    "power_kw": "{:g} kW",
    "peak_kg_per_h": "up to {:g} kg/h",
}
"""Of the kinds that are measured only: the first of these that it has."""


def nameplate(asset: Asset) -> str:
    """The figures that people know an asset by."""
    match asset:
        case GridConnection() | NetworkConnection():
            return f"import {asset.import_limit_kw:g} kW, export {asset.export_limit_kw:g} kW"
        case PvPlant():
            return f"{asset.peak_kw:g} kWp, {asset.rated_kw:g} kW AC"
        case WindTurbine():
            return f"{asset.rated_kw:g} kW"
        case Battery():
            return f"{asset.capacity_kwh:g} kWh, {asset.max_charge_kw:g} kW in, {asset.max_discharge_kw:g} kW out"
        case HeatPump():
            return f"{asset.max_power_kw:g} kW electric"
        case HotWaterTank():
            return f"{asset.capacity_kwh:g} kWh heat"
        case GasBoiler():
            return f"{asset.max_heat_kw:g} kW heat"
        case ElectricLoad():
            return f"up to {asset.peak_kw:g} kW"
        case HeatLoad():
            return f"up to {asset.peak_kw:g} kW heat"
        case _:
            figures = asset.model_dump()
            return next((form.format(figures[name]) for name, form in _FIGURES.items() if name in figures), "")


def address(connection: Connection) -> str:
    """Where a connection goes, in one word."""
    match connection:
        case OpcUa(endpoint=endpoint):
            return endpoint
        case ModbusRtu(serial_port=serial_port):
            return serial_port
        case ModbusTcp() | ModbusRtuOverTcp() | ModbusTls() | Mqtt():
            return f"{connection.host}:{connection.port}"


def _written(point: Point) -> str:
    span = point.setpoint
    if span is None:
        return point.name
    unit = unit_of(point)
    safe = f"{span.safe:g} {unit} when left alone"
    after = f", by itself after {span.revert_s:g} s" if span.revert_s is not None else ""
    return f"{point.name}: {span.low:g} to {span.high:g} {unit}; {safe}{after}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
