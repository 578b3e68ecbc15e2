"""Parks of many devices as site files, loaded as any site is: what is measured is what an engineer would run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.loader import load_site
from config.points import NEEDS
from config.site import Site

HOST = "127.0.0.1"
MODBUS_DEVICES = 200
MODBUS_POINTS = 50
MODBUS_BLOCKS = ((0, 20), (1000, 20), (2000, 10))
"""First register and number of two-register values. They lie too far apart for one request: three requests a device."""
OPCUA_DEVICES, OPCUA_POINTS = 100, 100
MQTT_DEVICES, MQTT_POINTS = 100, 5

_VALID = [-1e9, 1e9]


def modbus_park(folder: Path, port: int, devices: int) -> Site:
    """Devices with a socket of their own each, and all their points read in every cycle."""
    addresses = [first + 2 * index for first, count in MODBUS_BLOCKS for index in range(count)]
    points = {name: {"address": at, "type": "f32"} for name, at in zip(_names(MODBUS_POINTS), addresses, strict=True)}
    sockets = {f"socket_{n}": {"protocol": "modbus", "host": HOST, "port": port} for n in range(devices)}
    behind = {f"device_{n}": {"connection": f"socket_{n}"} for n in range(devices)}
    return _loaded(folder, "modbus", points, sockets, behind)


def opcua_park(folder: Path, port: int) -> Site:
    """Devices behind one session; node `ns=2;s=DEVICE.POINT`."""
    points = {name: {"node": f"ns=2;s={{device}}.{name}"} for name in _names(OPCUA_POINTS)}
    session = {"protocol": "opcua", "endpoint": f"opc.tcp://{HOST}:{port}/", "security": "none", "timeout_s": 30}
    behind = {f"device_{n}": {"connection": "server"} for n in range(OPCUA_DEVICES)}
    return _loaded(folder, "opcua", points, {"server": session}, behind)


def opcua_nodes() -> list[str]:
    return [f"device_{n}.{name}" for n in range(OPCUA_DEVICES) for name in _names(OPCUA_POINTS)]


def mqtt_park(folder: Path, port: int) -> Site:
    """Devices on one broker; topic `DEVICE/POINT`, with a running number and the time that it was sent."""
    source = {"path": "number", "time_path": "sent", "stale_s": 60}
    points = {name: {**source, "topic": f"{{device}}/{name}"} for name in _names(MQTT_POINTS)}
    broker = {"protocol": "mqtt", "host": HOST, "port": port, "timeout_s": 10}
    behind = {f"device_{n}": {"connection": "broker"} for n in range(MQTT_DEVICES)}
    return _loaded(folder, "mqtt", points, {"broker": broker}, behind)


def mqtt_topics() -> list[str]:
    return [f"device_{n}/{name}" for n in range(MQTT_DEVICES) for name in _names(MQTT_POINTS)]


def _names(count: int) -> list[str]:
    """The first are what a grid connection needs: a site must have one."""
    return [*NEEDS["grid_connection"].required, *(f"value_{number}" for number in range(count))][:count]


def _loaded(
    folder: Path,
    protocol: str,
    points: Mapping[str, Mapping[str, Any]],
    connections: Mapping[str, Any],
    devices: Mapping[str, Mapping[str, Any]],
) -> Site:
    profile = {
        "description": "made up",
        "verified": True,
        "source": "park.py",
        "protocol": protocol,
        "parameters": {"device": "its name"},
        "points": {name: {**point, "valid": _VALID} for name, point in points.items()},
    }
    site = {
        "site": f"{protocol}_load",
        "location": {"latitude": 30.25, "longitude": 120.17, "time_zone": "Asia/Shanghai"},
        "tariffs": ["zhejiang_industry_2026"],
        "connections": connections,
        "devices": {
            name: {**device, "profile": f"{protocol}_load", "parameters": {"device": name}}
            for name, device in devices.items()
        },
        "assets": {
            "grid": {
                "kind": "grid_connection",
                "device": next(iter(devices)),
                "import_limit_kw": 1000,
                "export_limit_kw": 1000,
            }
        },
    }
    # JSON is YAML too
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "profiles" / f"{protocol}_load.yaml").write_text(json.dumps(profile), encoding="utf-8")
    path = folder / f"{protocol}.yaml"
    path.write_text(json.dumps(site), encoding="utf-8")
    return load_site(path)
