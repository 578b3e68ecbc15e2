"""The SunSpec models that we use, as data: which point lies where, and what it is in registers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.register import ModbusType
from drivers.sunspec_tables import COMMON as COMMON
from drivers.sunspec_tables import KACO as KACO
from drivers.sunspec_tables import MODULES, TABLES

_TYPES: Final[Mapping[str, tuple[ModbusType, tuple[int, ...]]]] = {
    "int16": ("s16", (0x8000,)),
    "uint16": ("u16", (0xFFFF,)),
    "int32": ("s32", (0x80000000,)),
    "uint32": ("u32", (0xFFFFFFFF,)),
    "uint64": ("u64", (0xFFFFFFFFFFFFFFFF,)),
    # a counter that does not count stands at 0, which is a number
    "acc32": ("u32", ()),
    "acc64": ("u64", ()),
    "enum16": ("u16", (0xFFFF,)),
    "bitfield16": ("u16", (0xFFFF,)),
    "bitfield32": ("u32", (0xFFFFFFFF,)),
    # not implemented is a NaN here, which is no value in itself
    "float32": ("f32", ()),
}
"""SunSpec's types as registers, with what stands for "not implemented"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SunspecPoint:
    """One value of a model."""

    name: str
    """SunSpec's own name, such as ``WMaxLimPct``."""
    offset: int
    """Registers after the ID register; after the first register of its module in a repeated group."""
    type: ModbusType
    scale_factor: int | None
    """Offset of the scale factor from the ID register; None when the number stands as it is."""
    unit: str
    """SunSpec's unit, such as W, Wh, V or %; empty for states and flags."""
    sentinels: tuple[int, ...]
    writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SunspecModel:
    """One information model."""

    id: int
    title: str
    length: int
    """What its length register says in the standard, without repeated modules."""
    points: tuple[SunspecPoint, ...]
    module_points: tuple[SunspecPoint, ...] = ()
    """What each repeated module has."""
    module_length: int = 0
    """Registers of one repeated module; 0 for a model without."""


COMMON_TEXTS: Final[Mapping[str, tuple[int, int]]] = {
    "manufacturer": (2, 16),
    "model": (18, 16),
    "version": (42, 8),
    "serial": (50, 16),
}
"""Texts of the common model: offset and registers, two characters each."""


def _points(table: str) -> tuple[SunspecPoint, ...]:
    return tuple(_point(entry.split()) for line in table.splitlines() for entry in line.split(";") if entry.strip())


def _point(words: list[str]) -> SunspecPoint:
    name, kind, place, *rest = words
    offset, _, scale_factor = place.partition("/")
    register_type, sentinels = _TYPES[kind]
    return SunspecPoint(
        name=name,
        offset=int(offset),
        type=register_type,
        scale_factor=int(scale_factor) if scale_factor else None,
        unit=next((word for word in rest if word != "rw"), ""),
        sentinels=sentinels,
        writable="rw" in rest,
    )


def _model(model_id: int, title: str, length: int, table: str) -> SunspecModel:
    module_length, module_table = MODULES.get(model_id, (0, ""))
    return SunspecModel(
        id=model_id,
        title=title,
        length=length,
        points=_points(table),
        module_points=_points(module_table),
        module_length=module_length,
    )


MODELS: Final[Mapping[int, SunspecModel]] = {table[0]: _model(*table) for table in TABLES}
"""By model ID."""
