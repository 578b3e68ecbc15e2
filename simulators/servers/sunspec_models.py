"""SunSpec information models as they lie in registers: names, types and scale factors in the standard's order."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

BASE = 40000
"""Where the block starts; the standard also allows 0 and 50000."""

MARKER = (0x5375, 0x6E53)
"""``SunS``, the two registers that tell a client that it looks at a SunSpec block."""

END = (0xFFFF, 0)
"""Model id and length that close the block."""

Content = Mapping[str, float | str]
"""Values of a model's points in the standard's own unit (W, Wh, V, ...), before the scale factor."""

_NOT_IMPLEMENTED = {
    "B": 0xFFFF,
    "U": 0xFFFFFFFF,
    "A": 0,
    "u": 0xFFFF,
    "i": 0x8000,
    "e": 0xFFFF,
    "f": 0x8000,
    "p": 0x8000,
    "b": 0xFFFFFFFF,
    "a": 0,
    "I": 0x80000000,
    "Q": 0xFFFFFFFFFFFFFFFF,
}
_PACKING = {
    "u": "H",
    "e": "H",
    "p": "H",
    "B": "H",
    "i": "h",
    "f": "h",
    "U": "I",
    "a": "I",
    "b": "I",
    "I": "i",
    "A": "Q",
    "Q": "Q",
}
_LIMITS = {
    "B": (0, 0x7FFF),
    "U": (0, 0xFFFFFFFE),
    "u": (0, 0xFFFE),
    "e": (0, 0xFFFE),
    "i": (-0x7FFF, 0x7FFF),
    "f": (-10, 10),
    "b": (0, 0x7FFFFFFF),
    "I": (-0x7FFFFFFF, 0x7FFFFFFF),
    "Q": (0, 0xFFFFFFFFFFFFFFFE),
}

# name:type:scale factor. u, U and Q unsigned of 16, 32 and 64 bits, i and I signed of 16 and 32, e enum16,
# f scale factor, a and A counters of 32 and 64 bits, B and b flags of 16 and 32 bits, p pad, sN text
_TABLES: dict[int, str] = {
    1: "Mn:s16 Md:s16 Opt:s8 Vr:s8 SN:s16 DA:u Pad:p",
    103: (
        "A:u:A_SF AphA:u:A_SF AphB:u:A_SF AphC:u:A_SF A_SF:f PPVphAB:u:V_SF PPVphBC:u:V_SF PPVphCA:u:V_SF "
        "PhVphA:u:V_SF PhVphB:u:V_SF PhVphC:u:V_SF V_SF:f W:i:W_SF W_SF:f Hz:u:Hz_SF Hz_SF:f VA:i:VA_SF VA_SF:f "
        "VAr:i:VAr_SF VAr_SF:f PF:i:PF_SF PF_SF:f WH:a:WH_SF WH_SF:f DCA:u:DCA_SF DCA_SF:f DCV:u:DCV_SF DCV_SF:f "
        "DCW:i:DCW_SF DCW_SF:f TmpCab:i:Tmp_SF TmpSnk:i:Tmp_SF TmpTrns:i:Tmp_SF TmpOt:i:Tmp_SF Tmp_SF:f St:e "
        "StVnd:e Evt1:b Evt2:b EvtVnd1:b EvtVnd2:b EvtVnd3:b EvtVnd4:b"
    ),
    120: (
        "DERTyp:e WRtg:u:WRtg_SF WRtg_SF:f VARtg:u:VARtg_SF VARtg_SF:f VArRtgQ1:i:VArRtg_SF VArRtgQ2:i:VArRtg_SF "
        "VArRtgQ3:i:VArRtg_SF VArRtgQ4:i:VArRtg_SF VArRtg_SF:f ARtg:u:ARtg_SF ARtg_SF:f PFRtgQ1:i:PFRtg_SF "
        "PFRtgQ2:i:PFRtg_SF PFRtgQ3:i:PFRtg_SF PFRtgQ4:i:PFRtg_SF PFRtg_SF:f WHRtg:u:WHRtg_SF WHRtg_SF:f "
        "AhrRtg:u:AhrRtg_SF AhrRtg_SF:f MaxChaRte:u:MaxChaRte_SF MaxChaRte_SF:f MaxDisChaRte:u:MaxDisChaRte_SF "
        "MaxDisChaRte_SF:f Pad:p"
    ),
    123: (
        "Conn_WinTms:u Conn_RvrtTms:u Conn:e WMaxLimPct:u:WMaxLimPct_SF WMaxLimPct_WinTms:u WMaxLimPct_RvrtTms:u "
        "WMaxLimPct_RmpTms:u WMaxLim_Ena:e OutPFSet:i:OutPFSet_SF OutPFSet_WinTms:u OutPFSet_RvrtTms:u "
        "OutPFSet_RmpTms:u OutPFSet_Ena:e VArWMaxPct:i:VArPct_SF VArMaxPct:i:VArPct_SF VArAvalPct:i:VArPct_SF "
        "VArPct_WinTms:u VArPct_RvrtTms:u VArPct_RmpTms:u VArPct_Mod:e VArPct_Ena:e WMaxLimPct_SF:f OutPFSet_SF:f "
        "VArPct_SF:f"
    ),
    121: (
        "WMax:u:WMax_SF VRef:u:VRef_SF VRefOfs:i:VRefOfs_SF VMax:u:VMinMax_SF VMin:u:VMinMax_SF VAMax:u:VAMax_SF "
        "VArMaxQ1:i:VArMax_SF VArMaxQ2:i:VArMax_SF VArMaxQ3:i:VArMax_SF VArMaxQ4:i:VArMax_SF WGra:u:WGra_SF "
        "PFMinQ1:i:PFMin_SF PFMinQ2:i:PFMin_SF PFMinQ3:i:PFMin_SF PFMinQ4:i:PFMin_SF VArAct:e ClcTotVA:e "
        "MaxRmpRte:u:MaxRmpRte_SF ECPNomHz:u:ECPNomHz_SF ConnPh:e WMax_SF:f VRef_SF:f VRefOfs_SF:f VMinMax_SF:f "
        "VAMax_SF:f VArMax_SF:f WGra_SF:f PFMin_SF:f MaxRmpRte_SF:f ECPNomHz_SF:f"
    ),
    122: (
        "PVConn:B StorConn:B ECPConn:B ActWh:A ActVAh:A ActVArhQ1:A ActVArhQ2:A ActVArhQ3:A ActVArhQ4:A "
        "VArAval:i:VArAval_SF VArAval_SF:f WAval:u:WAval_SF WAval_SF:f StSetLimMsk:b StActCtl:b TmSrc:s4 Tms:U "
        "RtSt:B Ris:u:Ris_SF Ris_SF:f"
    ),
    124: (
        "WChaMax:u:WChaMax_SF WChaGra:u:WChaDisChaGra_SF WDisChaGra:u:WChaDisChaGra_SF StorCtl_Mod:B "
        "VAChaMax:u:VAChaMax_SF MinRsvPct:u:MinRsvPct_SF ChaState:u:ChaState_SF StorAval:u:StorAval_SF "
        "InBatV:u:InBatV_SF ChaSt:e OutWRte:i:InOutWRte_SF InWRte:i:InOutWRte_SF InOutWRte_WinTms:u "
        "InOutWRte_RvrtTms:u InOutWRte_RmpTms:u ChaGriSet:e WChaMax_SF:f WChaDisChaGra_SF:f VAChaMax_SF:f "
        "MinRsvPct_SF:f ChaState_SF:f StorAval_SF:f InBatV_SF:f InOutWRte_SF:f"
    ),
    203: (
        "A:i:A_SF AphA:i:A_SF AphB:i:A_SF AphC:i:A_SF A_SF:f PhV:i:V_SF PhVphA:i:V_SF PhVphB:i:V_SF PhVphC:i:V_SF "
        "PPV:i:V_SF PhVphAB:i:V_SF PhVphBC:i:V_SF PhVphCA:i:V_SF V_SF:f Hz:i:Hz_SF Hz_SF:f W:i:W_SF WphA:i:W_SF "
        "WphB:i:W_SF WphC:i:W_SF W_SF:f VA:i:VA_SF VAphA:i:VA_SF VAphB:i:VA_SF VAphC:i:VA_SF VA_SF:f VAR:i:VAR_SF "
        "VARphA:i:VAR_SF VARphB:i:VAR_SF VARphC:i:VAR_SF VAR_SF:f PF:i:PF_SF PFphA:i:PF_SF PFphB:i:PF_SF "
        "PFphC:i:PF_SF PF_SF:f TotWhExp:a:TotWh_SF TotWhExpPhA:a:TotWh_SF TotWhExpPhB:a:TotWh_SF "
        "TotWhExpPhC:a:TotWh_SF TotWhImp:a:TotWh_SF TotWhImpPhA:a:TotWh_SF TotWhImpPhB:a:TotWh_SF "
        "TotWhImpPhC:a:TotWh_SF TotWh_SF:f TotVAhExp:a:TotVAh_SF TotVAhExpPhA:a:TotVAh_SF "
        "TotVAhExpPhB:a:TotVAh_SF TotVAhExpPhC:a:TotVAh_SF TotVAhImp:a:TotVAh_SF TotVAhImpPhA:a:TotVAh_SF "
        "TotVAhImpPhB:a:TotVAh_SF TotVAhImpPhC:a:TotVAh_SF TotVAh_SF:f TotVArhImpQ1:a:TotVArh_SF "
        "TotVArhImpQ1PhA:a:TotVArh_SF TotVArhImpQ1PhB:a:TotVArh_SF TotVArhImpQ1PhC:a:TotVArh_SF "
        "TotVArhImpQ2:a:TotVArh_SF TotVArhImpQ2PhA:a:TotVArh_SF TotVArhImpQ2PhB:a:TotVArh_SF "
        "TotVArhImpQ2PhC:a:TotVArh_SF TotVArhExpQ3:a:TotVArh_SF TotVArhExpQ3PhA:a:TotVArh_SF "
        "TotVArhExpQ3PhB:a:TotVArh_SF TotVArhExpQ3PhC:a:TotVArh_SF TotVArhExpQ4:a:TotVArh_SF "
        "TotVArhExpQ4PhA:a:TotVArh_SF TotVArhExpQ4PhB:a:TotVArh_SF TotVArhExpQ4PhC:a:TotVArh_SF TotVArh_SF:f "
        "Evt:b"
    ),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One point of a model."""

    name: str
    kind: str
    offset: int
    """Registers after the model's id register, which is 0."""
    size: int
    """In registers."""
    scale_factor: str | None


@dataclass(frozen=True, slots=True)
class Model:
    id: int
    fields: tuple[Field, ...]

    @property
    def length(self) -> int:
        """Registers after id and length, as the length register says."""
        return sum(field.size for field in self.fields)

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def encode(self, content: Content) -> list[int]:
        """The registers of the model with id and length; points without content, or NaN, read as not implemented.

        A scale factor is content of its own, as its exponent. Numbers beyond a type's ends stop there,
        counters go round.
        """
        words = [self.id, self.length]
        for field in self.fields:
            words += _encode(field, content.get(field.name), content)
        return words


def _encode(field: Field, value: float | str | None, content: Content) -> list[int]:
    if field.kind == "s":
        return list(
            struct.unpack(
                f">{field.size}H", str(value or "").encode("ascii")[: 2 * field.size].ljust(2 * field.size, b"\0")
            )
        )
    assert not isinstance(value, str)
    if value is None or math.isnan(value):
        packed = _NOT_IMPLEMENTED[field.kind].to_bytes(2 * field.size, "big")
    else:
        exponent = content[field.scale_factor] if field.scale_factor is not None else 0
        assert not isinstance(exponent, str)
        number = round(value / 10.0**exponent)
        if field.kind in "aA":
            number %= 2 ** (16 * field.size)
        else:
            low, high = _LIMITS[field.kind]
            number = min(max(number, low), high)
        packed = struct.pack(">" + _PACKING[field.kind], number)
    return list(struct.unpack(f">{field.size}H", packed))


_SIZES = {"a": 2, "b": 2, "U": 2, "I": 2, "A": 4, "Q": 4}
"""Registers of types with more than one."""


def model(model_id: int, table: str) -> Model:
    """A model from its points in the standard's order, written as in the tables above."""
    fields = []
    offset = 2
    for word in table.split():
        name, kind, *scale_factor = word.split(":")
        size = int(kind[1:]) if kind[0] == "s" else _SIZES.get(kind, 1)
        fields.append(Field(name, kind[0], offset, size, scale_factor[0] if scale_factor else None))
        offset += size
    return Model(model_id, tuple(fields))


MODELS: dict[int, Model] = {model_id: model(model_id, table) for model_id, table in _TABLES.items()}

_TRACKER = (
    "{n}ID:u {n}IDStr:s8 {n}DCA:u:DCA_SF {n}DCV:u:DCV_SF {n}DCW:u:DCW_SF {n}DCWH:a:DCWH_SF {n}Tms:U {n}Tmp:i {n}DCSt:e "
    "{n}DCEvt:b "
)


def trackers(count: int) -> Model:
    """Model 160 with so many modules; their points have the module's number before their names, from 1."""
    head = "DCA_SF:f DCV_SF:f DCW_SF:f DCWH_SF:f Evt:b N:u TmsPer:u "
    return model(160, head + "".join(_TRACKER.format(n=number) for number in range(1, count + 1)))


def start_of(models: tuple[int, ...], model_id: int) -> int:
    """Address of a model's id register in a block of these models."""
    before = models[: models.index(model_id)]
    return BASE + len(MARKER) + sum(2 + MODELS[other].length for other in before)


SHORT_COMMON = model(1, _TABLES[1].removesuffix(" Pad:p"))
"""The common model without its pad, as some vendors have it: everything after it stands one register earlier."""


def block(models: tuple[int, ...], contents: Mapping[int, Content]) -> list[int]:
    """All registers from `BASE` on."""
    words = list(MARKER)
    for model_id in models:
        words += MODELS[model_id].encode(contents[model_id])
    return [*words, *END]
