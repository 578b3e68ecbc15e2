"""Device profiles: a device as data. A new device model needs a profile and no code.

Figures may name device parameters (`config.figure`), texts may hold them in braces, so that one profile
serves every size and instance of a device. `points_of` resolves a profile for one device of a site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, model_validator

from config.base import Frozen
from config.browse_path import elements_of
from config.figure import Figure, parameter_of
from config.register import (
    REGISTER_BITS,
    USUAL_REQUESTS,
    Address,
    Carries,
    Condition,
    DeviceText,
    FurtherRegister,
    Heartbeat,
    ModbusType,
    RawNumber,
    RegisterValue,
    Requests,
    Table,
    registers_of,
)
from config.requests import faults_of_requests
from config.template import Template
from config.writability import faults_of_setpoint

ReadClass = Literal["fast", "slow"]
OnStop = Literal["safe", "restore", "release"]


class SetpointSpec(Frozen):
    """How a point may be written. All figures are in the point's unit and sign."""

    range: tuple[Figure, Figure]
    resolution: Figure
    """The smallest step that the device tells apart."""
    tolerance: Figure
    """How far the read-back may be off before the write counts as not followed."""
    safe: Figure
    """What the device is left with when the controller stops or loses its eyes."""
    revert_s: PositiveFloat | None = None
    """After this time without a write the device falls back by itself."""
    refresh_s: PositiveFloat | None = None
    """How often an unchanged value is written again."""
    read_back: str | None = None
    """The point that shows the value in force; the setpoint's own point when not given."""
    change_s: PositiveFloat | None = None
    """The least time between two changes, for devices that are slow or wear out; the safe value never waits."""
    on_stop: OnStop = "safe"
    """What the device is left with when the controller stops: its safe value, what was found before the first write,
    or its own control."""
    installer_limit: bool = False
    """True for a limit that the installer has set: what is found before the first write is never exceeded."""

    @model_validator(mode="after")
    def _can_be_released(self) -> SetpointSpec:
        if self.on_stop == "release" and not getattr(self, "release", None):
            raise ValueError("on_stop: release needs release, which only Modbus and plain MQTT setpoints have")
        return self

    @model_validator(mode="after")
    def _refreshed_in_time(self) -> SetpointSpec:
        if self.revert_s is not None and (self.refresh_s is None or self.refresh_s > self.revert_s / 2):
            raise ValueError(f"refresh_s must be given and at most half of revert_s ({self.revert_s / 2:g})")
        return self


class ModbusSetpoint(SetpointSpec):
    """A setpoint with the registers that belong to it, written in the order before, value, also, direction, arm."""

    only_when: tuple[Condition, ...] = ()
    """Read before anything is written, such as the switch that leaves a device to whoever stands before it."""
    before: tuple[RegisterValue, ...] = ()
    """Written first, such as a duration that the command is to last."""
    carries: Carries = "value"
    """What of the value the point's own register has, for a device that keeps it in several (`also`)."""
    also: tuple[FurtherRegister, ...] = ()
    """Further registers that are written with something of the same value."""
    arm: tuple[RegisterValue, ...] = ()
    """Written last, such as the bit that lets the value count."""
    together: tuple[tuple[Address, Address], ...] = ()
    """First and last register of blocks that the device wants in one request, each in the place of its first part."""
    function: Literal[6, 16] = 6
    """What a single register is written with; several are always written with 16."""
    release: tuple[RegisterValue, ...] = ()
    """Written in this order to hand the device back to its own control."""

    @property
    def shares(self) -> int:
        """Among how many registers the value is shared out."""
        return [self.carries, *(further.carries for further in self.also)].count("share")


Topic = Annotated[str, Field(pattern=r"^[^+#]+$")]
"""One topic and no wildcard."""

TopicPart = Annotated[str, Field(pattern=r"^[^/+#]+$")]
"""One level of a topic."""


class Sign(Frozen):
    """By what an answer is known: words that stand at a path, or that something stands there at all."""

    path: str | None = None
    """Dotted path into a JSON answer; the whole answer when not given."""
    words: tuple[str, ...] = ()
    """One of these stands there; when none are given, anything but null."""

    @model_validator(mode="after")
    def _says_something(self) -> Sign:
        if self.path is None and not self.words:
            raise ValueError("needs words or a path, or every answer would count")
        return self


class Acknowledgement(Frozen):
    """How a device answers a command, each in turn; an answer that is neither a yes nor a no says nothing."""

    topic: Topic
    accepted: Sign
    rejected: Sign
    reason_path: str | None = None
    """Where a no says why."""
    id_path: str | None = None
    """Where the answer repeats the ``{id}`` of its command; without one, answers count in the order of commands."""
    enough: bool = False
    """True where the device shows nowhere what is in force: its yes is then all there is."""


class MqttSetpoint(SetpointSpec):
    """A setpoint that is published as a command; it is read back from a status topic."""

    command_topic: Topic
    payload: str = "{value}"
    """What is published; ``{value}`` stands for the number or its text, ``{id}`` for a number of this command alone."""
    retain: bool = False
    """True lets the broker keep the command for a device that comes later."""
    release: str | None = None
    """Payload of the command that hands the device back to its own control."""
    acknowledge: Acknowledgement | None = None

    @model_validator(mode="after")
    def _says_what_is_wanted(self) -> MqttSetpoint:
        if "{value}" not in self.payload:
            raise ValueError("payload needs a {value}, or every command would say the same")
        if self.acknowledge is not None and self.acknowledge.id_path is not None and "{id}" not in self.payload:
            raise ValueError("acknowledge has an id_path, so the payload needs an {id} that is repeated there")
        return self


class PointSpec(Frozen):
    """One value of a device. value = raw * scale + offset, turned to the site's sign by `turn`."""

    scale: Figure = 1.0
    offset: float = 0.0
    turn: bool = False
    """True when the device counts the other way than the site does."""
    valid: tuple[Figure, Figure]
    """The range of believable values, after scale and turn. Anything else is BAD."""
    read: ReadClass = "fast"


Bit = Annotated[int, Field(ge=0, le=63)]


class Direction(Frozen):
    """Another register of the same table that says which way a number without a sign counts."""

    address: Address
    bit: Annotated[int, Field(ge=0, le=15)] | None = None
    """Only this bit of it counts, 0 being the lowest."""
    signs: Annotated[dict[RawNumber, Literal[-1, 0, 1]], Field(min_length=1)]
    """By what the register (or the bit) says: the sign of the raw number. With anything else there is no value."""
    negative_address: Address | None = None
    """Where the number stands when its sign is -1, for a device that keeps the two directions apart."""


class ModbusPoint(PointSpec):
    """A value in one to four registers, or a sum of such values."""

    address: Address
    table: Literal["holding", "input"] = "holding"
    type: ModbusType
    low_word_first: bool = False
    bits: tuple[Bit, Bit] | None = None
    """Only these bits of it are the number, from the lowest, 0, to the highest: ``[4, 7]``, or ``[3, 3]`` for one."""
    plus: tuple[Address, ...] = ()
    """Further numbers of the same type, added to the first: the phases of a meter, the tariffs of a counter."""
    minus: tuple[Address, ...] = ()
    """Numbers of the same type that are taken away: the other direction of a flow."""
    values: dict[RawNumber, float] | None = None
    """By raw number, the number that stands for it, before scale. With any other raw number there is no value."""
    direction: Direction | None = None
    """For a number without a sign; a raw number that is negative already stays as it is."""
    scale_factor: Address | None = None
    """Register of a SunSpec scale factor: the raw value is multiplied by ten to its power."""
    sentinels: tuple[int, ...] = ()
    """Raw values, as unsigned words, that mean "no value"."""
    setpoint: ModbusSetpoint | None = None

    @model_validator(mode="after")
    def _sentinels_can_be_said(self) -> ModbusPoint:
        width = registers_of(self.type) * REGISTER_BITS
        for sentinel in self.sentinels:
            if not 0 <= sentinel < 1 << width:
                raise ValueError(f"sentinel {sentinel:#x} is not an unsigned number of {width} bits")
        return self

    @model_validator(mode="after")
    def _has_these_bits(self) -> ModbusPoint:
        if self.bits is None:
            return self
        low, high = self.bits
        if not self.type.startswith("u"):
            raise ValueError("bits are those of a number without a sign: type u16, u32 or u64")
        if not low <= high < registers_of(self.type) * REGISTER_BITS:
            raise ValueError(f"bits should go from the lower to the higher of the bits of {self.type}")
        if self.plus or self.minus or self.direction is not None:
            raise ValueError("bits go with neither plus, minus nor direction")
        if self.setpoint is not None:
            raise ValueError("bits cannot be written: the others in the register would be written with them")
        return self

    @model_validator(mode="after")
    def _can_be_written(self) -> ModbusPoint:
        if self.setpoint is not None:
            faults = faults_of_setpoint(self, self.setpoint)
            if faults:
                raise ValueError("; ".join(faults))
        return self


class OpcuaPoint(PointSpec):
    """A value of an OPC UA variable."""

    node: str | None = None
    """``nsu=<namespace uri>;s=<name>`` or ``ns=<index>;s=<name>``; ``i=``, ``g=`` likewise."""
    path: str | None = None
    """Where it is found from the root, as in `config.browse_path`; instead of `node`."""
    type: Literal["double", "float", "int16", "int32", "int64", "uint16", "uint32", "uint64", "boolean"] = "double"
    setpoint: SetpointSpec | None = None

    @model_validator(mode="after")
    def _is_somewhere(self) -> OpcuaPoint:
        if (self.node is None) == (self.path is None):
            raise ValueError("needs either a node or a path")
        if self.path is not None and "{" not in self.path:
            elements_of(self.path)
        return self

    @property
    def address(self) -> str:
        """The node or the path; a path begins with a slash, which no node does."""
        return self.node if self.node is not None else self.path or ""


class MqttPoint(PointSpec):
    """A value in the payload of a topic."""

    topic: Topic
    path: str | None = None
    """Dotted path into a JSON payload, such as ``em.total_power``; the whole payload when not given."""
    template: Template | None = None
    """Text with the number in it, such as ``P={value} kW;*``; the number itself when not given."""
    values: Annotated[dict[str, float], Field(min_length=1)] | None = None
    """By text, the number that stands for it, before scale. With any other text there is no value."""
    time_path: str | None = None
    """Where the payload carries its ISO 8601 time; it is recorded, never trusted."""
    stale_s: PositiveFloat = 10.0
    """A value older than this is not a value any more."""
    retained: bool = False
    """Whether the device lets the broker keep what it says on this topic, for those who come later."""
    setpoint: MqttSetpoint | None = None

    @model_validator(mode="after")
    def _one_way_to_its_number(self) -> MqttPoint:
        if self.template is not None and self.values is not None:
            raise ValueError("template and values cannot both say where the number is")
        if self.setpoint is not None and self.values is not None and len(set(self.values.values())) < len(self.values):
            raise ValueError("a setpoint needs values that differ, or it is open which text to write")
        return self


class SparkplugPoint(PointSpec):
    """A metric of an edge node, or of a device behind it."""

    metric: Annotated[str, Field(min_length=1)]
    """Its name in the birth certificate."""
    stale_s: PositiveFloat | None = None
    """A value that has not been sent for longer is not a value any more; when not given, one holds while its
    node is alive, since only changes are sent."""
    setpoint: SetpointSpec | None = None


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


def figures_of(spec: PointSpec) -> Iterator[float | str]:
    """Every figure of a point, in no particular order."""
    yield spec.scale
    yield from spec.valid
    setpoint: SetpointSpec | None = getattr(spec, "setpoint", None)
    if setpoint is not None:
        yield from (*setpoint.range, setpoint.resolution, setpoint.tolerance, setpoint.safe)
    if isinstance(setpoint, ModbusSetpoint):
        for further in setpoint.also:
            yield from (figure for figure in (further.scale, *(further.range or ())) if figure is not None)


def parameters_used(profile: AnyProfile) -> set[str]:
    """The device parameters that the figures of a profile need."""
    specs: Mapping[str, PointSpec] = profile.points
    names = (parameter_of(figure) for spec in specs.values() for figure in figures_of(spec))
    return {name for name in names if name is not None}
