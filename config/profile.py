"""Device profiles: a device as data. A new device model needs a profile and no code.

Figures may name device parameters (`config.figure`), texts may hold them in braces, so that one profile
serves every size and instance of a device. `points_of` resolves a profile for one device of a site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.base import Frozen
from config.figure import parameter_of
from config.point_spec import ModbusPoint, MqttPoint, OpcuaPoint, PointSpec, SparkplugPoint, figures_of
from config.register import USUAL_REQUESTS, DeviceText, Heartbeat, Requests, Table, registers_of
from config.requests import faults_of_requests

TopicPart = Annotated[str, Field(pattern=r"^[^/+#]+$")]
"""One level of a topic."""


class _Profile(Frozen):
    description: str
    verified: bool
    """True once two independent sources agree and nothing is open, or the device itself has been seen to agree."""
    source: str
    """Where the facts come from."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """What a site must say of each such device, with its meaning."""


class ModbusProfile(_Profile):
    protocol: Literal["modbus"]
    points: dict[str, ModbusPoint]
    heartbeats: tuple[Heartbeat, ...] = ()
    """What the device must hear regularly from whoever controls it."""
    requests: Requests = USUAL_REQUESTS
    identity: dict[str, DeviceText] = Field(default_factory=dict)
    """By what they say, such as ``manufacturer`` or ``serial``."""

    @model_validator(mode="after")
    def _can_be_asked_for(self) -> ModbusProfile:
        if faults := faults_of_requests(self.requests, self._spans()):
            raise ValueError("; ".join(faults))
        return self

    def _spans(self) -> Iterator[tuple[str, Table, int, int]]:
        """What, its table, first register, and how many."""
        for name, point in self.points.items():
            numbers = [point.address, *point.plus, *point.minus]
            single = [address for address in (point.scale_factor,) if address is not None]
            if point.direction is not None:
                single.append(point.direction.address)
                if point.direction.negative_address is not None:
                    numbers.append(point.direction.negative_address)
            yield from ((f"point {name!r}", point.table, at, registers_of(point.type)) for at in numbers)
            yield from ((f"point {name!r}", point.table, at, 1) for at in single)
        for name, text in self.identity.items():
            yield f"identity {name!r}", text.table, text.address, text.registers


class OpcuaProfile(_Profile):
    protocol: Literal["opcua"]
    points: dict[str, OpcuaPoint]


class MqttProfile(_Profile):
    """A device that has its own topics and payloads."""

    protocol: Literal["mqtt"]
    format: Literal["plain"] = "plain"
    points: dict[str, MqttPoint]

    @model_validator(mode="after")
    def _a_payload_keeps_its_own_names(self) -> MqttProfile:
        payloads = [point.setpoint.payload for point in self.points.values() if point.setpoint is not None]
        for name in ("value", "id"):
            if name in self.parameters and any("{" + name + "}" in payload for payload in payloads):
                raise ValueError(f"a parameter cannot be called {name}: in a payload {{{name}}} has its own meaning")
        return self


class SparkplugProfile(_Profile):
    """A device that is published as Sparkplug B."""

    protocol: Literal["mqtt"]
    format: Literal["sparkplug_b"]
    group: TopicPart
    edge_node: TopicPart
    device: TopicPart | None = None
    """The device behind the edge node; the node's own metrics when not given."""
    rebirth: bool = True
    """Whether the node may be asked to announce its metrics again; nothing else is published to it but setpoints."""
    points: dict[str, SparkplugPoint]


def _plain(profile: object) -> object:
    """An MQTT profile as it is written, plain where nothing else is said."""
    return {"format": "plain"} | profile if isinstance(profile, dict) else profile


_MqttByFormat = Annotated[MqttProfile | SparkplugProfile, Field(discriminator="format"), BeforeValidator(_plain)]

AnyProfile = ModbusProfile | OpcuaProfile | MqttProfile | SparkplugProfile
Profile = Annotated[ModbusProfile | OpcuaProfile | _MqttByFormat, Field(discriminator="protocol")]


def parameters_used(profile: AnyProfile) -> set[str]:
    """The device parameters that the figures of a profile need."""
    specs: Mapping[str, PointSpec] = profile.points
    names = (parameter_of(figure) for spec in specs.values() for figure in figures_of(spec))
    return {name for name in names if name is not None}
