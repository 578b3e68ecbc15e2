"""A point of one device of one site: a profile's point with every figure resolved to a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from config.figure import resolve
from config.point_spec import ModbusPoint, MqttPoint, OpcuaPoint, PointSpec, ReadClass, SparkplugPoint
from config.profile import AnyProfile, SparkplugProfile
from config.register import FurtherRegister
from config.setpoint_spec import MqttSetpoint, OnStop, SetpointSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkplugMetric:
    """Where a metric is published."""

    group: str
    edge_node: str
    device: str | None
    metric: str
    stale_s: float | None
    rebirth: bool


Source = ModbusPoint | OpcuaPoint | MqttPoint | SparkplugMetric


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointRange:
    """What may be written to a point, in the point's unit and the site's sign."""

    low: float
    high: float
    resolution: float
    tolerance: float
    safe: float
    revert_s: float | None
    refresh_s: float | None
    read_back: str
    """Name of the point on the same device that shows the value in force."""
    change_s: float | None = None
    on_stop: OnStop = "safe"
    installer_limit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of one device.

    value = sign * (raw * scale + offset), in the unit that the name ends with.
    """

    device: str
    name: str
    source: Source
    """The protocol's own address of the value, with braces in texts filled in."""
    scale: float
    offset: float
    sign: int
    valid: tuple[float, float]
    read: ReadClass
    setpoint: SetpointRange | None
    key: str = field(init=False)
    """The name that is unique in the site, such as ``bess_pcs.soc``."""

    def __post_init__(self) -> None:
        # made once: every reading of the point carries it
        object.__setattr__(self, "key", f"{self.device}.{self.name}")


def _written(value: float | str) -> str:
    """A parameter inside a text; a serial number is a whole number and stays one."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


Fill = Callable[[str], str]


def _filled(spec: PointSpec, profile: AnyProfile, parameters: Mapping[str, float | str]) -> Source:
    """The source with ``{parameter}`` filled in; a command payload keeps its ``{value}`` and ``{id}``."""

    def fill(text: str) -> str:
        for name, value in parameters.items():
            text = text.replace("{" + name + "}", _written(value))
        return text

    match spec:
        case OpcuaPoint():
            texts = {"node": spec.node, "path": spec.path}
            return spec.model_copy(update={key: fill(text) for key, text in texts.items() if text is not None})
        case MqttPoint():
            return spec.model_copy(update={"topic": fill(spec.topic), "setpoint": _command(spec.setpoint, fill)})
        case SparkplugPoint():
            assert isinstance(profile, SparkplugProfile)
            return SparkplugMetric(
                group=fill(profile.group),
                edge_node=fill(profile.edge_node),
                device=None if profile.device is None else fill(profile.device),
                metric=fill(spec.metric),
                stale_s=spec.stale_s,
                rebirth=profile.rebirth,
            )
        case ModbusPoint():
            if spec.setpoint is None or not spec.setpoint.also:
                return spec
            also = tuple(_resolved(further, parameters) for further in spec.setpoint.also)
            return spec.model_copy(update={"setpoint": spec.setpoint.model_copy(update={"also": also})})
        case other:
            raise AssertionError(f"no source for {type(other).__name__}")


def _command(setpoint: MqttSetpoint | None, fill: Fill) -> MqttSetpoint | None:
    if setpoint is None:
        return None
    acknowledge = setpoint.acknowledge
    if acknowledge is not None:
        acknowledge = acknowledge.model_copy(update={"topic": fill(acknowledge.topic)})
    return setpoint.model_copy(
        update={
            "command_topic": fill(setpoint.command_topic),
            "payload": fill(setpoint.payload),
            "release": None if setpoint.release is None else fill(setpoint.release),
            "acknowledge": acknowledge,
        }
    )


def _resolved(further: FurtherRegister, parameters: Mapping[str, float | str]) -> FurtherRegister:
    scale = None if further.scale is None else resolve(further.scale, parameters)
    span = None if further.range is None else tuple(resolve(figure, parameters) for figure in further.range)
    return further.model_copy(update={"scale": scale, "range": span})


def _setpoint(name: str, spec: SetpointSpec | None, parameters: Mapping[str, float | str]) -> SetpointRange | None:
    if spec is None:
        return None
    return SetpointRange(
        low=resolve(spec.range[0], parameters),
        high=resolve(spec.range[1], parameters),
        resolution=resolve(spec.resolution, parameters),
        tolerance=resolve(spec.tolerance, parameters),
        safe=resolve(spec.safe, parameters),
        revert_s=spec.revert_s,
        refresh_s=spec.refresh_s,
        read_back=spec.read_back or name,
        change_s=spec.change_s,
        on_stop=spec.on_stop,
        installer_limit=spec.installer_limit,
    )


def points_of(
    device: str,
    profile: AnyProfile,
    parameters: Mapping[str, float | str],
) -> tuple[Point, ...]:
    """The points of one device, in the profile's order.

    Raises KeyError for a missing parameter; the site loader reports that as a fault before.
    """
    specs: Mapping[str, PointSpec] = profile.points
    points = []
    for name, spec in specs.items():
        declared: SetpointSpec | None = getattr(spec, "setpoint", None)
        points.append(
            Point(
                device=device,
                name=name,
                source=_filled(spec, profile, parameters),
                scale=resolve(spec.scale, parameters),
                offset=spec.offset,
                sign=-1 if spec.turn else 1,
                valid=(resolve(spec.valid[0], parameters), resolve(spec.valid[1], parameters)),
                read=spec.read,
                setpoint=_setpoint(name, declared, parameters),
            )
        )
    return tuple(points)
