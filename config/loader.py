"""Loading a site file: refused at the door, with every fault at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from config.document import Document, Fault, Location, read_document
from config.point import Point, points_of
from config.points import NEEDS
from config.profile import ModbusProfile, MqttProfile, OpcuaProfile, Profile, parameters_used
from config.site import Site, SiteFile
from config.tariff import Tariff

HERE = Path(__file__).parent
AnyProfile = ModbusProfile | OpcuaProfile | MqttProfile
_PROFILE: TypeAdapter[AnyProfile] = TypeAdapter(Profile)
_TARIFF: TypeAdapter[Tariff] = TypeAdapter(Tariff)
_SITE: TypeAdapter[SiteFile] = TypeAdapter(SiteFile)


class SiteError(Exception):
    """A site file that cannot be used, with all of its faults in the order of their lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def example_site(name: str) -> Path:
    """The path of a site file that comes with parkgrid, such as ``demo_park``."""
    return HERE / "sites" / f"{name}.yaml"


def load_site(path: Path, connections: Mapping[str, Mapping[str, Any]] | None = None) -> Site:
    """Load and check a site file, its profiles and its tariffs.

    `connections` replaces single keys of connections, by connection name: where a simulated park
    listens is only known once it runs.

    Raises SiteError with every fault found.
    """
    document = read_document(path)
    faults = list(document.faults)
    for name, keys in (connections or {}).items():
        connection = document.data.get("connections", {}).get(name)
        if isinstance(connection, dict):
            connection.update(keys)
    file = _validate(document, _SITE, SiteFile, faults)
    references = _References(document, path.parent, faults)
    references.check()
    if faults or file is None:
        raise SiteError(faults)
    return Site(path=path, file=file, points=references.points, tariffs=tuple(references.tariffs))


def load_profile(path: Path) -> AnyProfile:
    """Load one device profile. Raises SiteError with every fault found."""
    profile: AnyProfile = _load(path, _PROFILE, ModbusProfile | OpcuaProfile | MqttProfile)
    return profile


def load_tariff(path: Path) -> Tariff:
    """Load one tariff file. Raises SiteError with every fault found."""
    tariff: Tariff = _load(path, _TARIFF, Tariff)
    return tariff


def _load(path: Path, adapter: TypeAdapter[Any], model: Any) -> Any:
    document = read_document(path)
    faults = list(document.faults)
    loaded = _validate(document, adapter, model, faults)
    if faults:
        raise SiteError(faults)
    return loaded


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at what was meant: the nearest known word, or all that are known."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(known)}" if known else "none are defined"


# -- from pydantic's errors to faults ------------------------------------------------------------


def _validate(document: Document, adapter: TypeAdapter[Any], model: Any, faults: list[Fault]) -> Any:
    try:
        return adapter.validate_python(document.data)
    except ValidationError as error:
        faults.extend(_fault_of(document, model, details) for details in error.errors())
        return None


def _fault_of(document: Document, model: Any, details: ErrorDetails) -> Fault:
    location = _in_document(document.data, details["loc"], details["type"] == "missing")
    match details["type"]:
        case "extra_forbidden":
            hint = nearest(str(details["loc"][-1]), _keys_of(model, details["loc"][:-1]))
            what = f"is not a known key; {hint}"
        case "missing":
            what = "is missing"
        case "union_tag_not_found":
            tag = str(details.get("ctx", {}).get("discriminator", "kind")).strip("'")
            what = f"needs a {tag!r}"
        case "union_tag_invalid":
            context = details.get("ctx", {})
            tag = str(context.get("discriminator", "kind")).strip("'")
            location = (*location, tag)
            allowed = [word.strip(" '") for word in str(context.get("expected_tags", "")).split(",")]
            what = f"{context.get('tag')!r} is unknown; {nearest(str(context.get('tag')), allowed)}"
        case "value_error":
            what = details["msg"].removeprefix("Value error, ")
        case _:
            message = details["msg"]
            value = details["input"]
            shown = f"{value!r} is not allowed: " if isinstance(value, str | int | float | bool) else ""
            what = shown + message[0].lower() + message[1:]
    return document.fault(location, what)


def _in_document(data: Any, loc: tuple[int | str, ...], missing: bool) -> Location:
    """pydantic's location without the union tags that do not stand in the file."""
    found: list[str | int] = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        match data, part:
            case dict(), _ if part in data:
                data = data[part]
            case list(), int() if part < len(data):
                data = data[part]
            case _ if not (missing and last):
                continue
        found.append(part)
    return tuple(found)


def _keys_of(annotation: Any, loc: tuple[int | str, ...]) -> set[str]:
    """The keys that a model has at a location, as far as its annotations tell."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _keys_of(get_args(annotation)[0], loc)
    if origin in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        tagged = [member for member in members if loc and loc[0] in _tags_of(member)]
        if tagged:
            return _keys_of(tagged[0], loc[1:])
        return set().union(*(_keys_of(member, loc) for member in members))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            return set(annotation.model_fields)
        field = annotation.model_fields.get(str(loc[0]))
        return _keys_of(field.annotation, loc[1:]) if field else set()
    if origin in (dict, tuple, list) and loc:
        return _keys_of(get_args(annotation)[-1 if origin is dict else 0], loc[1:])
    return set()


@cache
def _tags_of(model: Any) -> frozenset[str]:
    """The discriminator values of a model of a union."""
    if get_origin(model) is Annotated:
        model = get_args(model)[0]
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return frozenset()
    tags: set[str] = set()
    for name in ("kind", "protocol"):
        if name in model.model_fields:
            tags.update(get_args(model.model_fields[name].annotation))
    return frozenset(tags)


# -- what must fit together ----------------------------------------------------------------------


class _References:
    """Names that must exist and points that must be there; works on the raw data, valid or not."""

    def __init__(self, document: Document, folder: Path, faults: list[Fault]) -> None:
        self._document = document
        self._folder = folder
        self._faults = faults
        self._profiles: dict[str, AnyProfile | None] = {}
        self.points: dict[str, tuple[Point, ...]] = {}
        self.tariffs: list[Tariff] = []

    def check(self) -> None:
        for index, name in enumerate(_listed(self._document.data.get("tariffs"))):
            self._tariff(("tariffs", index), name)
        for name, device in self._section("devices"):
            self._device(name, device)
        for name, asset in self._section("assets"):
            self._asset(name, asset)
        self._one_grid()
        self._simulation()

    def _section(self, key: str) -> list[tuple[str, dict[str, Any]]]:
        section = self._document.data.get(key)
        if not isinstance(section, dict):
            return []
        return [(str(name), body) for name, body in section.items() if isinstance(body, dict)]

    def _fault(self, location: Location, what: str) -> None:
        self._faults.append(self._document.fault(location, what))

    def _found(self, location: Location, folder: str, name: object) -> Path | None:
        """A profile or tariff file: beside the site file first, then among those that come with parkgrid."""
        places = [self._folder / folder, HERE / folder, self._folder.parent / folder]
        for place in places:
            if (path := place / f"{name}.yaml").is_file():
                return path
        known = {path.stem for place in places for path in place.glob("*.yaml")}
        self._fault(location, f"there is no {folder[:-1]} {name!r}; {nearest(str(name), known)}")
        return None

    def _tariff(self, location: Location, name: object) -> None:
        path = self._found(location, "tariffs", name)
        if path is None:
            return
        try:
            self.tariffs.append(load_tariff(path))
        except SiteError as error:
            self._faults.extend(error.faults)

    def _profile(self, location: Location, name: str) -> AnyProfile | None:
        if name not in self._profiles:
            self._profiles[name] = None
            path = self._found(location, "profiles", name)
            if path is not None:
                try:
                    self._profiles[name] = load_profile(path)
                except SiteError as error:
                    self._faults.extend(error.faults)
        return self._profiles[name]

    def _device(self, name: str, device: dict[str, Any]) -> None:
        here: Location = ("devices", name)
        connections = dict(self._section("connections"))
        connection = device.get("connection")
        if isinstance(connection, str) and connection not in connections:
            self._fault(
                (*here, "connection"), f"there is no connection {connection!r}; {nearest(connection, connections)}"
            )
        if not isinstance(device.get("profile"), str):
            return
        profile = self._profile((*here, "profile"), device["profile"])
        if profile is None:
            return
        spoken = connections.get(str(connection), {}).get("protocol")
        if spoken is not None and spoken != profile.protocol:
            self._fault(
                (*here, "connection"),
                f"connection {connection!r} speaks {spoken}, the profile speaks {profile.protocol}",
            )
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
                self._fault((*here, "write", index), f"{point!r} cannot be written; {nearest(str(point), writable)}")
        if wanted <= parameters.keys():
            try:
                self.points[name] = points_of(name, profile, parameters)
            except (TypeError, ValueError) as error:
                self._fault((*here, "parameters"), str(error))

    def _asset(self, name: str, asset: dict[str, Any]) -> None:
        here: Location = ("assets", name)
        devices = dict(self._section("devices"))
        device, kind = asset.get("device"), asset.get("kind")
        if not isinstance(device, str):
            return
        if device not in devices:
            self._fault((*here, "device"), f"there is no device {device!r}; {nearest(device, devices)}")
            return
        profile = self._profiles.get(str(devices[device].get("profile")))
        if kind not in NEEDS or profile is None:
            return
        for point in NEEDS[kind].required:
            if point not in profile.points:
                self._fault((*here, "device"), f"device {device!r} has no point {point!r}, which a {kind} needs")

    def _one_grid(self) -> None:
        grids = [name for name, asset in self._section("assets") if asset.get("kind") == "grid_connection"]
        if not grids:
            self._fault(("assets",), "needs an asset of kind 'grid_connection'")
        for extra in grids[1:]:
            self._fault(("assets", extra), f"is a second grid_connection; {grids[0]!r} is the first, one is allowed")

    def _simulation(self) -> None:
        simulation = self._document.data.get("simulation")
        if not isinstance(simulation, dict):
            return
        assets = dict(self._section("assets"))
        loads = {name for name, asset in assets.items() if asset.get("kind") in ("electric_load", "heat_load")}
        series = simulation.get("series")
        given = set(series) if isinstance(series, dict) else set()
        for unknown in sorted(given - loads):
            self._fault(("simulation", "series", unknown), f"is not a load of the site; {nearest(unknown, loads)}")
        for missing in sorted(loads - given):
            self._fault(("simulation", "series"), f"has no series for load {missing!r}")
        levels = simulation.get("initial_soc")
        stores = {name for name, asset in assets.items() if asset.get("kind") in ("battery", "hot_water_tank")}
        for unknown in sorted(set(levels) - stores if isinstance(levels, dict) else ()):
            self._fault(
                ("simulation", "initial_soc", unknown), f"is not a store of the site; {nearest(unknown, stores)}"
            )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
