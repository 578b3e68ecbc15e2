"""Registers of a Modbus device as a profile names them: numbers, and what is written beside a setpoint's own value."""

from __future__ import annotations

from typing import Annotated, Literal, assert_never

from pydantic import BeforeValidator, Field, model_validator

from config.base import Frozen
from config.figure import Figure

ModbusType = Literal["u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64"]

REGISTER_BITS = 16

Address = Annotated[int, Field(ge=0, le=65535)]


def _as_whole(key: object) -> object:
    """A key as the number that it writes: keys come as texts, and a register's numbers are often written as 0xAA."""
    try:
        return int(key, 0) if isinstance(key, str) else key
    except ValueError:
        raise ValueError("should be a whole number such as 2 or 0xAA") from None


RawNumber = Annotated[int, BeforeValidator(_as_whole)]
"""A number as the device has it in its registers."""


Table = Literal["holding", "input"]


def registers_of(kind: ModbusType) -> int:
    """How many registers a type takes, 1 to 4."""
    return int(kind[1:]) // REGISTER_BITS


def fits(value: float, kind: ModbusType) -> bool:
    """Whether a register type can carry a number as it is."""
    if kind.startswith("f"):
        return True
    bits = registers_of(kind) * REGISTER_BITS
    low, high = (0, (1 << bits) - 1) if kind.startswith("u") else (-(1 << bits - 1), (1 << bits - 1) - 1)
    return value.is_integer() and low <= value <= high


Carries = Literal["value", "negative", "positive_part", "negative_part", "size", "share"]
"""What a register has of a value, as the device counts it (after `turn`): all of it, the same with the other sign, what
is above zero, the size of what is below zero, its size, or an even share among all registers that carry a share."""


def part_of(number: float, carries: Carries, shares: int = 1) -> float:
    """What a register has of a number; `shares` is among how many it is shared out."""
    match carries:
        case "value":
            return number
        case "negative":
            return -number
        case "positive_part":
            return max(number, 0.0)
        case "negative_part":
            return max(-number, 0.0)
        case "size":
            return abs(number)
        case "share":
            return number / shares
        case other:
            assert_never(other)


class Hole(Frozen):
    """Registers that no request may touch, such as those that a device answers with an exception or a reboot."""

    table: Table = "holding"
    first: Address
    last: Address

    @model_validator(mode="after")
    def _from_first_to_last(self) -> Hole:
        if self.last < self.first:
            raise ValueError(f"last ({self.last}) should be at least first ({self.first})")
        return self


class Requests(Frozen):
    """How many registers a device gives at a time, and which never."""

    most_registers: Annotated[int, Field(ge=1, le=125)] = 125
    """In one request; 125 is what the protocol allows (Modbus application protocol 1.1b3, 6.3)."""
    widest_gap: Annotated[int, Field(ge=0, le=124)] = 8
    """Registers read along for nothing: sixteen bytes cost less than the thirty of another request and its answer."""
    holes: tuple[Hole, ...] = ()


USUAL_REQUESTS = Requests()
"""Of devices that take whatever the protocol allows."""


class DeviceText(Frozen):
    """A text by which a device says who it is: two characters in each register, the first in the high byte."""

    table: Table = "holding"
    address: Address
    registers: Annotated[int, Field(ge=1, le=125)]
    low_byte_first: bool = False
    expect: str | None = None
    """What the text must begin with. A device that says something else is not read at all."""


class RegisterValue(Frozen):
    """A fixed value written to a register, such as an enable bit or a reversion timer."""

    address: Address
    type: ModbusType = "u16"
    value: float

    @model_validator(mode="after")
    def _fits(self) -> RegisterValue:
        if not fits(self.value, self.type):
            raise ValueError(f"{self.value:g} is no number that {self.type} can carry")
        return self


class FurtherRegister(Frozen):
    """A register that is written with something of the same value as the setpoint's own."""

    address: Address
    type: ModbusType | None = None
    """The point's own type when not given."""
    carries: Carries | None = None
    """What of the value it has; a register has either this or `codes`."""
    codes: dict[RawNumber, RawNumber] | None = None
    """By the sign of the value, as the device counts it: the raw number that tells the device which way it goes."""
    scale: Figure | None = None
    scale_factor: Address | None = None
    """Scale and scale factor are those of the point when neither is given."""
    range: tuple[Figure, Figure] | None = None
    """What this register may carry, in the point's unit; anything else is refused before a word is written."""
    sentinels: tuple[int, ...] | None = None
    """Raw values that would read as "no value"; those of the point when not given and the type is the point's."""

    @property
    def has_own_scale(self) -> bool:
        return self.scale is not None or self.scale_factor is not None

    @model_validator(mode="after")
    def _says_what_it_has(self) -> FurtherRegister:
        if (self.carries is None) == (self.codes is None):
            raise ValueError("should have either carries or codes")
        if self.codes is not None:
            if self.codes.keys() != {-1, 0, 1}:
                raise ValueError("codes should have one entry each for -1, 0 and 1")
            if (self.scale, self.scale_factor, self.range) != (None, None, None):
                raise ValueError("codes are raw numbers: they have no scale, scale_factor or range")
        return self


class Condition(Frozen):
    """What a register must say before anything is written."""

    address: Address
    table: Literal["holding", "input"] = "holding"
    type: ModbusType = "u16"
    values: Annotated[tuple[RawNumber, ...], Field(min_length=1)]
    """The raw numbers with which the device may be written."""
    otherwise: Annotated[str, Field(min_length=1)]
    """Why not, with any other number: what a person reads then."""


class Heartbeat(Frozen):
    """A register that is written again and again while the controller controls the device."""

    address: Address
    type: Literal["u16", "u32", "u64", "s16", "s32"] = "u16"
    low_word_first: bool = False
    value: float | None = None
    """What is written each time; without it the register counts: one more each time, from what the device shows."""
    period_s: Annotated[float, Field(gt=0)]
    """How often; at most half of the time after which the device thinks that the controller is gone."""

    @model_validator(mode="after")
    def _counts_upwards(self) -> Heartbeat:
        if self.value is None and not self.type.startswith("u"):
            raise ValueError("a heartbeat without a value counts, which needs a type u16, u32 or u64")
        if self.value is not None and not fits(self.value, self.type):
            raise ValueError(f"{self.value:g} is no number that {self.type} can carry")
        return self
