"""The SunSpec models that we use, as data: which point lies where.

Offsets count registers from a model's ID register, which is 0; its length register is 1. Only what a profile or a
person bringing a device up can use is listed. Source: the SunSpec information models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.register import ModbusType

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


COMMON: Final = 1
COMMON_TEXTS: Final[Mapping[str, tuple[int, int]]] = {
    "manufacturer": (2, 16),
    "model": (18, 16),
    "version": (42, 8),
    "serial": (50, 16),
}
"""Texts of the common model: offset and registers, two characters each."""

# NAME TYPE OFFSET[/OFFSET OF THE SCALE FACTOR] [UNIT] [rw]
_INVERTER = """
    A uint16 2/6 A; AphA uint16 3/6 A; AphB uint16 4/6 A; AphC uint16 5/6 A
    PhVphA uint16 10/13 V; PhVphB uint16 11/13 V; PhVphC uint16 12/13 V
    W int16 14/15 W; Hz uint16 16/17 Hz; VA int16 18/19 VA; VAr int16 20/21 var; PF int16 22/23 %
    WH acc32 24/26 Wh; DCA uint16 27/28 A; DCV uint16 29/30 V; DCW int16 31/32 W; TmpCab int16 33/37 °C
    St enum16 38; StVnd enum16 39; Evt1 bitfield32 40
"""
_FLOAT_INVERTER = """
    A float32 2 A; AphA float32 4 A; AphB float32 6 A; AphC float32 8 A
    PhVphA float32 16 V; PhVphB float32 18 V; PhVphC float32 20 V
    W float32 22 W; Hz float32 24 Hz; VA float32 26 VA; VAr float32 28 var; PF float32 30 %
    WH float32 32 Wh; DCA float32 34 A; DCV float32 36 V; DCW float32 38 W; TmpCab float32 40 °C
    St enum16 48; StVnd enum16 49; Evt1 bitfield32 50
"""
_METER = """
    A int16 2/6 A; AphA int16 3/6 A; AphB int16 4/6 A; AphC int16 5/6 A
    PhV int16 7/15 V; PhVphA int16 8/15 V; PhVphB int16 9/15 V; PhVphC int16 10/15 V; PPV int16 11/15 V
    Hz int16 16/17 Hz; W int16 18/22 W; WphA int16 19/22 W; WphB int16 20/22 W; WphC int16 21/22 W
    VA int16 23/27 VA; VAR int16 28/32 var; PF int16 33/37 %
    TotWhExp acc32 38/54 Wh; TotWhImp acc32 46/54 Wh; Evt bitfield32 105
"""
_FLOAT_METER = """
    A float32 2 A; AphA float32 4 A; AphB float32 6 A; AphC float32 8 A
    PhV float32 10 V; PhVphA float32 12 V; PhVphB float32 14 V; PhVphC float32 16 V; PPV float32 18 V
    Hz float32 26 Hz; W float32 28 W; WphA float32 30 W; WphB float32 32 W; WphC float32 34 W
    VA float32 36 VA; VAR float32 44 var; PF float32 52 %
    TotWhExp float32 60 Wh; TotWhImp float32 68 Wh; Evt bitfield32 124
"""

_TABLES: Final[tuple[tuple[int, str, int, str], ...]] = (
    (COMMON, "Common", 66, ""),
    (101, "Inverter, single phase", 50, _INVERTER),
    (102, "Inverter, split phase", 50, _INVERTER),
    (103, "Inverter, three phases", 50, _INVERTER),
    (111, "Inverter, single phase, float", 60, _FLOAT_INVERTER),
    (112, "Inverter, split phase, float", 60, _FLOAT_INVERTER),
    (113, "Inverter, three phases, float", 60, _FLOAT_INVERTER),
    (
        120,
        "Nameplate ratings",
        26,
        """
        DERTyp enum16 2; WRtg uint16 3/4 W; VARtg uint16 5/6 VA; WHRtg uint16 19/20 Wh
        MaxChaRte uint16 23/24 W; MaxDisChaRte uint16 25/26 W
        """,
    ),
    (121, "Basic settings", 30, "WMax uint16 2/22 W rw; VAMax uint16 7/26 VA rw; WGra uint16 12/28 %WMax/s rw"),
    (
        122,
        "Extended status",
        44,
        """
        PVConn bitfield16 2; StorConn bitfield16 3; ECPConn bitfield16 4; ActWh acc64 5 Wh; WAval uint16 31/32 W
        """,
    ),
    (
        123,
        "Immediate controls",
        24,
        """
        Conn enum16 4 rw; WMaxLimPct uint16 5/23 %WMax rw; WMaxLimPct_WinTms uint16 6 s rw
        WMaxLimPct_RvrtTms uint16 7 s rw; WMaxLimPct_RmpTms uint16 8 s rw; WMaxLim_Ena enum16 9 rw
        """,
    ),
    (
        124,
        "Storage controls",
        24,
        """
        WChaMax uint16 2/18 W rw; StorCtl_Mod bitfield16 5 rw; MinRsvPct uint16 7/21 % rw; ChaState uint16 8/22 %
        ChaSt enum16 11; OutWRte int16 12/25 % rw; InWRte int16 13/25 % rw; InOutWRte_RvrtTms uint16 15 s rw
        ChaGriSet enum16 17 rw
        """,
    ),
    (160, "MPPT modules", 8, "N uint16 8"),
    (201, "Meter, single phase", 105, _METER),
    (202, "Meter, split phase", 105, _METER),
    (203, "Meter, three phases, wye", 105, _METER),
    (204, "Meter, three phases, delta", 105, _METER),
    (211, "Meter, single phase, float", 124, _FLOAT_METER),
    (212, "Meter, split phase, float", 124, _FLOAT_METER),
    (213, "Meter, three phases, wye, float", 124, _FLOAT_METER),
    (
        701,
        "DER AC measurements",
        153,
        """
        St enum16 3; InvSt enum16 4; ConnSt enum16 5; Alrm bitfield32 6; W int16 10/116 W; VA int16 11/118 VA
        Var int16 12/119 var; PF int16 13/117; A int16 14/113 A; LLV uint16 15/114 V; LNV uint16 16/114 V
        Hz uint32 17/115 Hz; TotWhInj uint64 19/120 Wh; TotWhAbs uint64 23/120 Wh
        """,
    ),
    (
        702,
        "DER capacity",
        50,
        """
        WMaxRtg uint16 2/45 W; WChaRteMaxRtg uint16 10/45 W; WDisChaRteMaxRtg uint16 11/45 W; WMax uint16 26/45 W rw
        """,
    ),
    (703, "Enter service", 17, "ES enum16 2 rw; ESDlyTms uint32 9 s rw; ESRmpTms uint32 13 s rw"),
    (
        704,
        "DER AC controls",
        65,
        """
        WMaxLimPctEna enum16 14 rw; WMaxLimPct uint16 15/54 % rw; WMaxLimPctRvrt uint16 16/54 % rw
        WMaxLimPctEnaRvrt enum16 17 rw; WMaxLimPctRvrtTms uint32 18 s rw; WMaxLimPctRvrtRem uint32 20 s
        WSetEna enum16 22 rw; WSetMod enum16 23 rw; WSet int32 24/55 W rw; WSetRvrt int32 26/55 W rw
        WSetPct int16 28/56 % rw; WSetEnaRvrt enum16 30 rw; WSetRvrtTms uint32 31 s rw; WSetRvrtRem uint32 33 s
        """,
    ),
    (
        713,
        "DER storage capacity",
        7,
        "WHRtg uint16 2/7 Wh; WHAvail uint16 3/7 Wh; SoC uint16 4/8 %; SoH uint16 5/8 %; Sta enum16 6",
    ),
    (
        715,
        "DER control",
        7,
        "LocRemCtl enum16 2; DERHb uint32 3; ControllerHb uint32 5 rw; OpCtl enum16 8 rw",
    ),
    (
        802,
        "Battery base",
        62,
        """
        WHRtg uint16 3/53 Wh; WChaRteMax uint16 4/54 W; WDisChaRteMax uint16 5/54 W; SocRsvMax uint16 9/56 % rw
        SoCRsvMin uint16 10/56 % rw; SoC uint16 11/56 %; SoH uint16 13/58 %; ChaSt enum16 16; LocRemCtl enum16 17
        Hb uint16 18; CtrlHb uint16 19 rw; State enum16 22; Evt1 bitfield32 26; V uint16 34/59 V; A int16 44/61 A
        AChaMax uint16 45/62 A; ADisChaMax uint16 46/62 A; W int16 47/63 W
        """,
    ),
)
_MODULES: Final[Mapping[int, tuple[int, str]]] = {
    160: (
        20,
        "ID uint16 0; DCA uint16 9/2 A; DCV uint16 10/3 V; DCW uint16 11/4 W; DCWH acc32 12/5 Wh; DCSt enum16 17",
    ),
}
"""Repeated modules: registers of one, and its points."""


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
    module_length, module_table = _MODULES.get(model_id, (0, ""))
    return SunspecModel(
        id=model_id,
        title=title,
        length=length,
        points=_points(table),
        module_points=_points(module_table),
        module_length=module_length,
    )


MODELS: Final[Mapping[int, SunspecModel]] = {table[0]: _model(*table) for table in _TABLES}
"""By model ID."""
