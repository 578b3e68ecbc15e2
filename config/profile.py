"""Device profiles: a device as data. A new device model needs a profile and no code.

Figures may name device parameters (`config.figure`), texts may hold them in braces, so that one profile
serves every size and instance of a device. `points_of` resolves a profile for one device of a site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from config.base import Frozen
from config.figure import Figure, parameter_of
from config.register import (
    Address,
    Carries,
    Condition,
    FurtherRegister,
    Heartbeat,
    ModbusType,
    RawNumber,
    RegisterValue,
    part_of,
    registers_of,
)

ReadClass = Literal["fast", "slow"]

MOST_WRITTEN = 123
"""What one write request may carry (Modbus application protocol 1.1b3, 6.12)."""

_ROUNDING = 1e-9
"""Three thirds are not quite one."""


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

    @property
    def shares(self) -> int:
        """Among how many registers the value is shared out."""
        return [self.carries, *(further.carries for further in self.also)].count("share")


class MqttSetpoint(SetpointSpec):
    """A setpoint that is published as a command; it is read back from a status topic."""

    command_topic: str
    payload: str = "{value}"
    """What is published; ``{value}`` stands for the number."""


class PointSpec(Frozen):
    """One value of a device. value = raw * scale + offset, turned to the site's sign by `turn`."""

    scale: Figure = 1.0
    offset: float = 0.0
    turn: bool = False
    """True when the device counts the other way than the site does."""
    valid: tuple[Figure, Figure]
    """The range of believable values, after scale and turn. Anything else is BAD."""
    read: ReadClass = "fast"


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
    def _can_be_written(self) -> ModbusPoint:
        if self.setpoint is not None:
            faults = faults_of_setpoint(self, self.setpoint)
            if faults:
                raise ValueError("; ".join(faults))
        return self


def faults_of_setpoint(point: ModbusPoint, setpoint: ModbusSetpoint) -> list[str]:
    """Why nobody could write this point, or not what it then reads; empty when all is well."""
    faults = []
    if point.table == "input":
        faults.append("a setpoint needs table: holding, an input register cannot be written")
    if point.values is not None and len(set(point.values.values())) < len(point.values):
        faults.append("a setpoint needs values that differ, or it is open which raw number to write")
    if setpoint.also and (point.values is not None or point.offset != 0):
        faults.append("a setpoint with further registers (also) can have neither values nor an offset")
    if point.direction is None:
        faults.extend(_faults_of_sum(point, setpoint))
    else:
        faults.extend(_faults_of_direction(point, point.direction, setpoint))
    for first, last in setpoint.together:
        faults.extend(_faults_of_block(point, setpoint, first, last))
    return faults


def _faults_of_direction(point: ModbusPoint, direction: Direction, setpoint: ModbusSetpoint) -> Iterator[str]:
    signs = list(direction.signs.values())
    if direction.bit is not None:
        yield "a setpoint cannot have a single bit as its direction"
    elif signs.count(1) != 1 or signs.count(-1) != 1 or signs.count(0) > 1:
        yield "a setpoint needs one entry for -1, one for 1 and at most one for 0 in signs"
    if point.plus or point.minus or setpoint.carries != "value":
        yield "a setpoint with a direction cannot be a sum of registers, or carry a part of its value"
    if setpoint.together and direction.negative_address is not None:
        yield "a setpoint with two addresses for its value (negative_address) cannot be written together"


def _faults_of_sum(point: ModbusPoint, setpoint: ModbusSetpoint) -> Iterator[str]:
    """What is written must add up to the value when it is read again, in both directions."""
    written = {
        further.address: further.carries
        for further in setpoint.also
        if further.carries is not None and further.type in (None, point.type) and not further.has_own_scale
    }
    carried: list[tuple[Carries, int]] = [(setpoint.carries, 1)]
    for address, sign in (*((each, 1) for each in point.plus), *((each, -1) for each in point.minus)):
        carries = written.get(address)
        if carries is None:
            yield f"a setpoint cannot be a sum of registers that it does not write as they are read: {address}"
            return
        carried.append((carries, sign))
    for value in (1.0, -1.0):
        total = sum(sign * part_of(value, kind, setpoint.shares) for kind, sign in carried)
        if abs(total - value) > _ROUNDING:
            yield "what the registers of a setpoint carry should add up to its value, positive and negative"
            return


def _faults_of_block(point: ModbusPoint, setpoint: ModbusSetpoint, first: int, last: int) -> Iterator[str]:
    """A block is one request: registers without a gap, each once, not longer than the protocol allows."""
    block = range(first, last + 1)
    if not 1 < len(block) <= MOST_WRITTEN:
        yield f"together from {first} to {last} should be 2 to {MOST_WRITTEN} registers"
        return
    written = sorted(
        address for registers in _registers_of(point, setpoint) for address in registers if address in block
    )
    cut = any((registers[0] in block) is not (registers[-1] in block) for registers in _registers_of(point, setpoint))
    if written != list(block) or cut:
        yield f"together from {first} to {last} should be filled by what the setpoint writes, each register once"


def _registers_of(point: ModbusPoint, setpoint: ModbusSetpoint) -> Iterator[range]:
    """The registers of each number that is written for a setpoint."""
    kinds = [(fixed.address, fixed.type) for fixed in (*setpoint.before, *setpoint.arm)]
    kinds.append((point.address, point.type))
    kinds.extend((further.address, further.type or point.type) for further in setpoint.also)
    if point.direction is not None:
        kinds.append((point.direction.address, "u16"))
    for address, kind in kinds:
        yield range(address, address + registers_of(kind))


class OpcuaPoint(PointSpec):
    """A value of an OPC UA variable."""

    node: str
    """``nsu=<namespace uri>;s=<name>`` or ``ns=<index>;s=<name>``; ``i=``, ``g=`` likewise."""
    type: Literal["double", "float", "int16", "int32", "int64", "uint16", "uint32", "uint64", "boolean"] = "double"
    setpoint: SetpointSpec | None = None


class MqttPoint(PointSpec):
    """A value in the payload of a topic."""

    topic: str
    path: str | None = None
    """Dotted path into a JSON payload, such as ``em.total_power``; the whole payload when not given."""
    time_path: str | None = None
    """Where the payload carries its ISO 8601 time; it is recorded, never trusted."""
    stale_s: PositiveFloat = 10.0
    """A value older than this is not a value any more."""
    setpoint: MqttSetpoint | None = None


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


class OpcuaProfile(_Profile):
    protocol: Literal["opcua"]
    points: dict[str, OpcuaPoint]


class MqttProfile(_Profile):
    protocol: Literal["mqtt"]
    points: dict[str, MqttPoint]


Profile = Annotated[ModbusProfile | OpcuaProfile | MqttProfile, Field(discriminator="protocol")]


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


def parameters_used(profile: ModbusProfile | OpcuaProfile | MqttProfile) -> set[str]:
    """The device parameters that the figures of a profile need."""
    specs: Mapping[str, PointSpec] = profile.points
    names = (parameter_of(figure) for spec in specs.values() for figure in figures_of(spec))
    return {name for name in names if name is not None}
