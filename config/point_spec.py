"""What a point of a device is and where it stands, by protocol, as a profile says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from config.base import Frozen
from config.browse_path import elements_of
from config.figure import Figure
from config.register import REGISTER_BITS, Address, ModbusType, RawNumber, registers_of
from config.setpoint_spec import ModbusSetpoint, MqttSetpoint, SetpointSpec, Topic
from config.template import Template
from config.writability import faults_of_setpoint

ReadClass = Literal["fast", "slow"]


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
