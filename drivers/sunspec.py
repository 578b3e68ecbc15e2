"""SunSpec discovery: which models a device has, where they lie, and what they say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.codec import decode, registers_of
from drivers.driver import DriverError
from drivers.modbus_connection import Refusal
from drivers.register_values import text_in
from drivers.registers import MOST_REGISTERS
from drivers.scaling import EXPONENTS
from drivers.sunspec_models import COMMON, COMMON_TEXTS, MODELS, SunspecPoint

Read = Callable[[int, int], Awaitable[tuple[int, ...] | Refusal]]
"""Reads holding registers of one unit: address and count, at most 125. Raises LinkDown when nothing comes."""

BASES: Final = (40000, 0, 50000)
"""Where a SunSpec block may start, the usual place first."""

MARKER: Final = (0x5375, 0x6E53)
"""``SunS`` in ASCII."""

END: Final = 0xFFFF
"""The model ID that closes the block."""

HEADER: Final = 2
"""Registers of ID and length, which the length does not count."""

LONGEST_MODEL: Final = 4096
"""The longest models of the standard, with a hundred modules of 25 registers, have some 2500."""

MOST_MODELS: Final = 100
"""No device shows more; whoever does answers the same at every address."""


class BadSunspec(DriverError):
    """A block that starts as SunSpec does and then makes no sense. The message says where."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """One model of a device."""

    id: int
    address: int
    """Of the ID register."""
    length: int
    """What the device's length register says: registers after ID and length."""

    @property
    def title(self) -> str:
        """Empty for a model that is not in our table."""
        return MODELS[self.id].title if self.id in MODELS else ""

    @property
    def modules(self) -> int:
        """Repeated modules that the length has room for."""
        if self.id not in MODELS or not MODELS[self.id].module_length:
            return 0
        return max(0, self.length - MODELS[self.id].length) // MODELS[self.id].module_length


@dataclass(frozen=True, slots=True)
class PlacedPoint:
    """A point of a found model, at its addresses in the device."""

    name: str
    """SunSpec's name; ``2.DCW`` in the second repeated module."""
    address: int
    scale_factor: int | None
    """Address of the scale factor's register."""
    spec: SunspecPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """What a SunSpec device says about itself."""

    base: int
    models: tuple[FoundModel, ...]
    """In the order of their addresses."""
    manufacturer: str = ""
    model: str = ""
    version: str = ""
    serial: str = ""
    ended: str = ""
    """Why the walk ended where there was no end marker; empty where there was one."""

    def first(self, *ids: int) -> FoundModel | None:
        """The first model that has one of these ids."""
        return next((model for model in self.models if model.id in ids), None)


Values = Mapping[FoundModel, Mapping[str, float | None]]
"""By model and point name, in SunSpec's units after the scale factor; None where the device has no value."""


async def discover(read: Read) -> Discovered | Refusal:
    """Look for a SunSpec block and walk its models.

    Returns a Refusal that says what stands at the three bases when there is no block. Some devices lack the end
    marker: an answer that refuses the next header ends the walk. Raises BadSunspec and LinkDown.
    """
    seen: dict[str, list[str]] = {}
    for base in BASES:
        words = await read(base, len(MARKER))
        if words == MARKER:
            return await _walk(read, base)
        reason = words.reason if isinstance(words, Refusal) else "other registers stand there"
        seen.setdefault(reason, []).append(str(base))
    return Refusal("; ".join(f"no SunSpec block at {', '.join(bases)}: {reason}" for reason, bases in seen.items()))


async def _walk(read: Read, base: int) -> Discovered:
    models: list[FoundModel] = []
    address = base + len(MARKER)
    ended = ""
    while True:
        if address > 0xFFFF - 1:
            raise BadSunspec(f"the models from {base} on run over the last register")
        header = await read(address, HEADER)
        if isinstance(header, Refusal):
            ended = f"no end marker at {address}: {header.reason}"
            break
        model_id, length = header
        if model_id == END:
            break
        if model_id == 0 or not 0 < length <= LONGEST_MODEL:
            raise BadSunspec(f"at {address} stands model {model_id} with a length of {length}, which cannot be")
        if len(models) == MOST_MODELS:
            raise BadSunspec(f"more than {MOST_MODELS} models from {base} on: the device repeats itself")
        models.append(FoundModel(model_id, address, length))
        address += HEADER + length
    common = next((model for model in models if model.id == COMMON), None)
    texts = await _texts(read, common) if common is not None else {}
    return Discovered(base=base, models=tuple(models), ended=ended, **texts)


async def _texts(read: Read, common: FoundModel) -> dict[str, str]:
    words = await _registers(read, common)
    return {
        name: text_in(words[offset : offset + count])
        for name, (offset, count) in COMMON_TEXTS.items()
        if offset + count <= len(words)
    }


async def _registers(read: Read, model: FoundModel, most: int = LONGEST_MODEL) -> tuple[int, ...]:
    """The registers of a model from its ID on, as far as the device gives them."""
    words: tuple[int, ...] = ()
    wanted = min(HEADER + model.length, most)
    while len(words) < wanted:
        piece = await read(model.address + len(words), min(MOST_REGISTERS, wanted - len(words)))
        if isinstance(piece, Refusal):
            break
        words += piece
    return words


def points_of_model(model: FoundModel) -> Iterator[PlacedPoint]:
    """The points that we know of a found model and that lie within its length, in the order of our table."""
    spec = MODELS.get(model.id)
    if spec is None:
        return
    end = HEADER + model.length
    for point in spec.points:
        if point.offset + registers_of(point.type) <= end and (point.scale_factor or 0) < end:
            yield _placed(model, point, 0, "")
    for number in range(model.modules):
        start = HEADER + spec.length + number * spec.module_length
        for point in spec.module_points:
            yield _placed(model, point, start, f"{number + 1}.")


def _placed(model: FoundModel, point: SunspecPoint, start: int, prefix: str) -> PlacedPoint:
    factor = None if point.scale_factor is None else model.address + point.scale_factor
    return PlacedPoint(prefix + point.name, model.address + start + point.offset, factor, point)


async def values_of(read: Read, discovered: Discovered) -> Values:
    """What the points that we know say now. What the device does not give is left out. Raises LinkDown."""
    values: dict[FoundModel, dict[str, float | None]] = {}
    for model in discovered.models:
        points = list(points_of_model(model))
        if points:
            end = max(point.address + registers_of(point.spec.type) for point in points)
            end = max(end, *(1 + point.scale_factor for point in points if point.scale_factor is not None), 0)
            words = await _registers(read, model, end - model.address)
            values[model] = {
                point.name: _value(point, words, model.address) for point in points if _within(point, words, model)
            }
    return values


def _within(point: PlacedPoint, words: tuple[int, ...], model: FoundModel) -> bool:
    last = max(point.address + registers_of(point.spec.type) - 1, point.scale_factor or 0)
    return last < model.address + len(words)


def _value(point: PlacedPoint, words: tuple[int, ...], start: int) -> float | None:
    at = point.address - start
    raw = decode(words[at : at + registers_of(point.spec.type)], point.spec.type, sentinels=point.spec.sentinels)
    if raw is None or point.scale_factor is None:
        return None if raw is None else float(raw)
    at = point.scale_factor - start
    exponent = decode(words[at : at + 1], "s16", sentinels=(0x8000,))
    if exponent is None or exponent not in EXPONENTS:
        return None
    # dividing by a whole power of ten rounds once, multiplying by 0.1 twice
    return raw * 10.0**exponent if exponent >= 0 else raw / 10.0**-exponent
