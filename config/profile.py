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

ModbusType = Literal["u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64"]
ReadClass = Literal["fast", "slow"]

Address = Annotated[int, Field(ge=0, le=65535)]


class RegisterValue(Frozen):
    """A fixed value written to a register, such as an enable bit or a reversion timer."""

    address: Address
    type: ModbusType = "u16"
    value: float


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
    """A setpoint with the registers that arm it, written after it in this order."""

    arm: tuple[RegisterValue, ...] = ()


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


class ModbusPoint(PointSpec):
    """A value in one to four registers."""

    address: Address
    table: Literal["holding", "input"] = "holding"
    type: ModbusType
    low_word_first: bool = False
    scale_factor: Address | None = None
    """Register of a SunSpec scale factor: the raw value is multiplied by ten to its power."""
    sentinels: tuple[int, ...] = ()
    """Raw values, as unsigned words, that mean "no value"."""
    setpoint: ModbusSetpoint | None = None


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
    """True once checked against the vendor's own document or the device itself."""
    source: str
    """Where the facts come from."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """What a site must say of each such device, with its meaning."""


class ModbusProfile(_Profile):
    protocol: Literal["modbus"]
    points: dict[str, ModbusPoint]


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


def parameters_used(profile: ModbusProfile | OpcuaProfile | MqttProfile) -> set[str]:
    """The device parameters that the figures of a profile need."""
    specs: Mapping[str, PointSpec] = profile.points
    names = (parameter_of(figure) for spec in specs.values() for figure in figures_of(spec))
    return {name for name in names if name is not None}
