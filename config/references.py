"""What must fit together in a site file: names that must exist and points that must be there."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from datetime import datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from config.asset import HEAT_BUS
from config.assets import SERIES_KINDS, STORE_KINDS
from config.base import IDENTIFIER, NAME_LENGTH
from config.browse_path import elements_of
from config.document import Document, Fault, Location, read_document, shown
from config.faults import SiteError, nearest, validate
from config.feeding import misplaced
from config.point import Point, SparkplugMetric, points_of
from config.point_spec import ModbusPoint, MqttPoint, OpcuaPoint
from config.points import NEEDS
from config.profile import AnyProfile, ModbusProfile, Profile, parameters_used
from config.reach import beyond_reach
from config.reserve import misnamed
from config.tariff import Tariff

SLOWEST_GRID_S = 3.0
"""The longest period of which three and a cycle are over within the ten seconds that safe values may take."""
HERE = Path(__file__).parent
_PROFILE: TypeAdapter[AnyProfile] = TypeAdapter(Profile)
_TARIFF: TypeAdapter[Tariff] = TypeAdapter(Tariff)


def load_profile(path: Path) -> AnyProfile:
    """Load one device profile. Raises SiteError with every fault found."""
    profile: AnyProfile = _load(path, _PROFILE, Profile)
    return profile


def load_tariff(path: Path) -> Tariff:
    """Load one tariff file. Raises SiteError with every fault found."""
    tariff: Tariff = _load(path, _TARIFF, Tariff)
    return tariff


def _load(path: Path, adapter: TypeAdapter[Any], model: Any) -> Any:
    document = read_document(path)
    faults = list(document.faults)
    loaded = validate(document, adapter, model, faults) if document.data is not None else None
    if faults:
        raise SiteError(faults)
    return loaded


class References:
    """Names that must exist and points that must be there; works on the raw data, valid or not."""

    def __init__(self, document: Document, data: dict[str, Any], folder: Path, faults: list[Fault]) -> None:
        self._document = document
        self._data = data
        self._folder = folder
        self._faults = faults
        self._profiles: dict[str, AnyProfile | None] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self.points: dict[str, tuple[Point, ...]] = {}
        self.modbus: dict[str, ModbusProfile] = {}
        self.tariffs: list[Tariff] = []

    def check(self) -> None:
        for index, name in enumerate(_listed(self._data.get("tariffs"))):
            self._tariff(("tariffs", index), name)
        self._tariffs_follow()
        for name, connection in self._section("connections"):
            self._files(name, connection)
        for name, device in self._section("devices"):
            self._device(name, device)
        for name, asset in self._section("assets"):
            self._asset(name, asset)
        self._boosting()
        self._grids()
        self._feeders()
        self._reserve()
        self._simulation()

    def _boosting(self) -> None:
        """Trees are somebody else's, and installed where a site asks for them."""
        control = self._data.get("control")
        forecast = control.get("forecast") if isinstance(control, dict) else None
        asked = isinstance(forecast, dict) and forecast.get("boosting") is True
        if asked and find_spec("sklearn") is None:
            self._fault(
                ("control", "forecast", "boosting"),
                "needs scikit-learn: pip install 'parkgrid[boosting]'",
            )

    def _section(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        section = self._data.get(key)
        if not isinstance(section, dict):
            return []
        return [(str(name), body) for name, body in section.items() if isinstance(body, dict)]

    def _fault(self, location: Location, what: str) -> None:
        self._faults.append(self._document.fault(location, what))

    def _found(self, location: Location, folder: str, name: object) -> Path | None:
        """A profile or tariff file: beside the site file first, then among those that come with parkgrid."""
        places = [self._folder / folder, HERE / folder, self._folder.parent / folder]
        if len(str(name)) <= NAME_LENGTH and re.match(IDENTIFIER, str(name)):
            for place in places:
                if (path := place / f"{name}.yaml").is_file():
                    return path
        known = {path.stem for place in places for path in place.glob("*.yaml")}
        self._fault(location, f"there is no {folder[:-1]} {shown(name)}; {nearest(str(name), known)}")
        return None

    def _files(self, name: str, connection: dict[str, Any]) -> None:
        """The files that a connection names, such as its certificate."""
        for key, file in connection.items():
            if key.endswith("_file") and isinstance(file, str) and not (self._folder / file).is_file():
                self._fault(("connections", name, key), f"there is no file {self._folder / file}")

    def _tariff(self, location: Location, name: object) -> None:
        path = self._found(location, "tariffs", name)
        if path is None:
            return
        try:
            self.tariffs.append(load_tariff(path))
        except SiteError as error:
            self._faults.extend(error.faults)

    def _tariffs_follow(self) -> None:
        """One tariff holds on every day from the first to the last, all in one currency."""
        dated = sorted(self.tariffs, key=lambda tariff: tariff.valid_from)
        for earlier, later in pairwise(dated):
            if earlier.valid_until is None or earlier.valid_until > later.valid_from:
                self._fault(("tariffs",), f"two tariffs hold on {later.valid_from}; set valid_until of the earlier one")
            elif earlier.valid_until < later.valid_from:
                self._fault(("tariffs",), f"no tariff holds from {earlier.valid_until} to {later.valid_from}")
        currencies = {tariff.currency for tariff in self.tariffs}
        if len(currencies) > 1:
            self._fault(("tariffs",), f"are in different currencies: {', '.join(sorted(currencies))}")
        over = {tariff.ladder.over for tariff in self.tariffs if tariff.ladder is not None}
        if len(over) > 1:
            self._fault(("tariffs",), "have ladders over the month and over the year; one kind is allowed")

    def _profile(self, location: Location, name: str) -> AnyProfile | None:
        if name in self._profiles:
            return self._profiles[name]
        path = self._found(location, "profiles", name)
        if path is None:
            return None
        try:
            self._profiles[name] = load_profile(path)
        except SiteError as error:
            self._profiles[name] = None
            self._faults.extend(error.faults)
        return self._profiles[name]

    def _device(self, name: str, device: dict[str, Any]) -> None:
        here: Location = ("devices", name)
        connections = dict(self._section("connections"))
        connection = device.get("connection")
        if isinstance(connection, str) and connection not in connections:
            self._fault(
                (*here, "connection"), f"there is no connection {shown(connection)}; {nearest(connection, connections)}"
            )
        if not isinstance(device.get("profile"), str):
            return
        profile = self._profile((*here, "profile"), device["profile"])
        if profile is None:
            return
        if isinstance(profile, ModbusProfile):
            self.modbus[name] = profile
        spoken = connections.get(str(connection), {}).get("protocol")
        if spoken in ("modbus", "opcua", "mqtt") and spoken != profile.protocol:
            self._fault(
                (*here, "connection"),
                f"connection {connection!r} speaks {spoken}, the profile speaks {profile.protocol}",
            )
        transport = connections.get(str(connection), {}).get("transport")
        if transport in ("rtu", "rtu_over_tcp") and device.get("unit") == 0:
            self._fault((*here, "unit"), "0 is every unit of a line, and none of them answers it; units are 1 to 247")
        parameters = device.get("parameters") or {}
        if not isinstance(parameters, dict):
            return
        wanted = parameters_used(profile) | set(profile.parameters)
        for missing in sorted(wanted - parameters.keys()):
            meaning = profile.parameters.get(missing, "used by its points")
            self._fault((*here, "parameters", missing), f"is missing; profile {device['profile']} needs it: {meaning}")
        for unknown in sorted(parameters.keys() - wanted):
            self._fault(
                (*here, "parameters", unknown), f"is not a parameter of the profile; {nearest(unknown, wanted)}"
            )
        writable = [point for point, spec in profile.points.items() if spec.setpoint is not None]
        for index, point in enumerate(_listed(device.get("write"))):
            if point not in writable:
                self._fault(
                    (*here, "write", index), f"{shown(point)} cannot be written; {nearest(str(point), writable)}"
                )
        if wanted <= parameters.keys():
            try:
                self.points[name] = points_of(name, profile, parameters)
            except (TypeError, ValueError, OverflowError) as error:
                self._fault((*here, "parameters"), str(error))
                return
            for point in self.points[name]:
                for what in loose_ends(point, profile.points):
                    self._fault((*here, "profile"), f"point {point.name!r} of profile {device['profile']}: {what}")
                if point.name in _listed(device.get("write")):
                    for what in beyond_reach(point):
                        self._fault((*here, "parameters"), f"{point.name} has a range that cannot be written: {what}")

    def _asset(self, name: str, asset: dict[str, Any]) -> None:
        here: Location = ("assets", name)
        devices = dict(self._section("devices"))
        device, kind = asset.get("device"), asset.get("kind")
        if isinstance(kind, str) and kind in NEEDS:
            self._control(here, name, asset)
        if not isinstance(device, str):
            return
        if device not in devices:
            self._fault((*here, "device"), f"there is no device {shown(device)}; {nearest(device, devices)}")
            return
        self._grid_is_read_often(kind, device, devices[device].get("fast_s"))
        profile = self._profiles.get(str(devices[device].get("profile")))
        if not isinstance(kind, str) or kind not in NEEDS or profile is None:
            return
        one_of = NEEDS[kind].one_of
        if one_of and not set(one_of) & set(profile.points):
            self._fault(
                (*here, "device"), f"device {device!r} has none of the points {', '.join(one_of)}; a {kind} needs one"
            )
        for point in NEEDS[kind].required:
            if point not in profile.points:
                self._fault((*here, "device"), f"device {device!r} has no point {point!r}, which a {kind} needs")
            elif (owner := self._owners.setdefault((device, point), name)) != name:
                self._fault((*here, "device"), f"point {point!r} of device {device!r} already belongs to {owner!r}")

    def _grid_is_read_often(self, kind: object, device: str, fast_s: object) -> None:
        """A lost grid meter must lead to safe values within ten seconds, and three of its periods may pass before."""
        if kind == "grid_connection" and isinstance(fast_s, int | float) and fast_s > SLOWEST_GRID_S:
            self._fault(
                ("devices", device, "fast_s"),
                f"the grid's meter must be read every {SLOWEST_GRID_S:g} s at least, or its loss is noticed too late",
            )

    def _control(self, here: Location, name: str, asset: dict[str, Any]) -> None:
        """What is under local control, or follows its own pressure, is written by nobody."""
        kind, control = asset["kind"], asset.get("control", "dispatch")
        device = dict(self._section("devices")).get(str(asset.get("device")), {})
        if control == "local":
            if kind == "grid_connection":
                self._fault((*here, "control"), "a grid_connection has no control of its own; leave the key out")
            setpoint = NEEDS[kind].setpoint
            if setpoint is not None and setpoint in _listed(device.get("write")):
                self._fault(
                    ("devices", str(asset.get("device")), "write"),
                    f"{setpoint!r} would never be written: {name!r} is under local control; take it out",
                )
        elif kind == "steam_boiler" and NEEDS[kind].setpoint in _listed(device.get("write")):
            self._fault(
                ("devices", str(asset.get("device")), "write"),
                f"a steam_boiler follows the steam demand by its own pressure control: {name!r} is planned and not "
                f"told; take {NEEDS[kind].setpoint!r} out",
            )
        source = asset.get("source_bus")
        fed = {str(other.get("heat_bus", HEAT_BUS)) for _, other in self._section("assets")}
        if isinstance(source, str) and source not in fed:
            self._fault((*here, "source_bus"), f"no asset has {shown(source)} as its heat_bus; {nearest(source, fed)}")

    def _grids(self) -> None:
        """A site has a connection, and transformers stand behind one."""
        grids = [name for name, asset in self._section("assets") if asset.get("kind") == "grid_connection"]
        if not grids:
            self._fault(("assets",), "needs an asset of kind 'grid_connection'")
        for name, asset in self._section("assets"):
            if asset.get("kind") != "transformer":
                continue
            connection = asset.get("connection")
            if connection is None and len(grids) > 1:
                self._fault(
                    ("assets", name, "connection"),
                    f"is missing; it stands behind one of the grid connections {', '.join(grids)}",
                )
            elif connection is not None and connection not in grids:
                self._fault(
                    ("assets", name, "connection"),
                    f"there is no grid_connection {shown(connection)}; {nearest(str(connection), grids)}",
                )

    def _feeders(self) -> None:
        for location, what in misplaced(dict(self._section("assets"))):
            self._fault(location, what)

    def _reserve(self) -> None:
        reserve = self._data.get("reserve")
        if isinstance(reserve, dict):
            for location, what in misnamed(reserve, dict(self._section("assets"))):
                self._fault(location, what)

    def _simulation(self) -> None:
        simulation = self._data.get("simulation")
        if not isinstance(simulation, dict):
            return
        self._starts_under_a_tariff(simulation.get("start"))
        assets = dict(self._section("assets"))
        loads = {name for name, asset in assets.items() if asset.get("kind") in SERIES_KINDS}
        series = simulation.get("series")
        given = set(series) if isinstance(series, dict) else set()
        for unknown in sorted(given - loads):
            self._fault(("simulation", "series", unknown), f"follows no series; {nearest(unknown, loads)}")
        for missing in sorted(loads - given):
            self._fault(("simulation", "series"), f"has no series for {missing!r}")
        levels = simulation.get("initial_soc")
        stores = {name for name, asset in assets.items() if asset.get("kind") in STORE_KINDS}
        for unknown in sorted(set(levels) - stores if isinstance(levels, dict) else ()):
            self._fault(
                ("simulation", "initial_soc", unknown), f"is not a store of the site; {nearest(unknown, stores)}"
            )

    def _starts_under_a_tariff(self, start: object) -> None:
        if not isinstance(start, datetime) or start.tzinfo is None or not self.tariffs:
            return
        if not any(_holds(tariff, start) for tariff in self.tariffs):
            self._fault(("simulation", "start"), f"no tariff of the site holds on {start:%Y-%m-%d}")


def _holds(tariff: Tariff, when: datetime) -> bool:
    day = when.astimezone(ZoneInfo(tariff.time_zone)).date()
    return tariff.valid_from <= day and (tariff.valid_until is None or day < tariff.valid_until)


def loose_ends(point: Point, names: Container[str]) -> Iterator[str]:
    """What does not hold together in a point once its figures are numbers; `names` are the points of its device."""
    low, high = point.valid
    if not low < high:
        yield f"valid should be a range from low to high, not {low:g} to {high:g}"
    match point.source:
        case ModbusPoint():
            texts = []
        case OpcuaPoint():
            texts = [point.source.address]
            yield from _no_path(point.source)
        case MqttPoint():
            texts = list(_topics(point))
            if point.source.setpoint is not None:
                # in a payload braces may be JSON's own: there only what could be a name is one
                texts += re.findall(r"\{(?!value\}|id\})[a-z][a-z0-9_]*\}", point.source.setpoint.payload)
        case SparkplugMetric():
            texts = [*_topics(point), point.source.metric]
    for topic in _topics(point):
        if "+" in topic or "#" in topic:
            yield f"{shown(topic)} has a wildcard, and one topic is meant"
    for text in texts:
        for brace in re.findall(r"\{.*?\}", text):
            yield f"{brace} in {shown(text)} is not a parameter of the profile"
    if point.setpoint is None:
        return
    span = point.setpoint
    if not span.low < span.high:
        yield f"the setpoint's range should be from low to high, not {span.low:g} to {span.high:g}"
    elif not span.low <= span.safe <= span.high:
        yield f"the safe value {span.safe:g} should be within the setpoint's range, {span.low:g} to {span.high:g}"
    if not (span.resolution > 0 and span.tolerance > 0):
        yield "resolution and tolerance of the setpoint should be above 0"
    if span.read_back not in names:
        yield f"its read_back {span.read_back!r} is not a point of the profile"


def _no_path(source: OpcuaPoint) -> Iterator[str]:
    """What is wrong with a browse path once parameters have been filled in."""
    if source.path is not None and "{" not in source.path:
        try:
            elements_of(source.path)
        except ValueError as error:
            yield str(error)


def _topics(point: Point) -> Iterator[str]:
    """Where a point is published, once parameters have been filled in."""
    match point.source:
        case MqttPoint(topic=topic, setpoint=setpoint):
            yield topic
            if setpoint is not None:
                yield setpoint.command_topic
                if setpoint.acknowledge is not None:
                    yield setpoint.acknowledge.topic
        case SparkplugMetric(group=group, edge_node=edge_node, device=device):
            yield from (part for part in (group, edge_node, device) if part is not None)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
