"""The SunSpec models that came with IEEE 1547-2018: what a device that feeds in measures, may do, and is told."""

from __future__ import annotations

import math
from collections.abc import Mapping

from config.point import Point
from simulators.encoding import exponent_for
from simulators.servers.register_parts import Exponents, Part, words_of
from simulators.servers.setpoint_registers import SetpointRegisters, Unknown, WordAt
from simulators.servers.sunspec_contents import PHASE_V, RATED_POWER_FACTOR, ExponentOf, Values
from simulators.servers.sunspec_models import Content, Model, model

_PHASE_OF_701 = (
    "WL{n}:i:W_SF VAL{n}:i:VA_SF VarL{n}:i:Var_SF PFL{n}:i:PF_SF AL{n}:i:A_SF {lines}:u:V_SF VL{n}:u:V_SF "
    "TotWhInjL{n}:Q:TotWh_SF TotWhAbsL{n}:Q:TotWh_SF TotVarhInjL{n}:Q:TotVarh_SF TotVarhAbsL{n}:Q:TotVarh_SF "
)
_LINES = {1: "VL1L2", 2: "VL2L3", 3: "VL3L1"}

_MEASURED = model(
    701,
    "ACType:e St:e InvSt:e ConnSt:e Alrm:b DERMode:b W:i:W_SF VA:i:VA_SF Var:i:Var_SF PF:i:PF_SF A:i:A_SF "
    "LLV:u:V_SF LNV:u:V_SF Hz:U:Hz_SF TotWhInj:Q:TotWh_SF TotWhAbs:Q:TotWh_SF TotVarhInj:Q:TotVarh_SF "
    "TotVarhAbs:Q:TotVarh_SF TmpAmb:i:Tmp_SF TmpCab:i:Tmp_SF TmpSnk:i:Tmp_SF TmpTrns:i:Tmp_SF TmpSw:i:Tmp_SF "
    "TmpOt:i:Tmp_SF "
    + "".join(_PHASE_OF_701.format(n=number, lines=lines) for number, lines in _LINES.items())
    + "ThrotPct:u ThrotSrc:b A_SF:f V_SF:f Hz_SF:f W_SF:f PF_SF:f VA_SF:f Var_SF:f TotWh_SF:f TotVarh_SF:f Tmp_SF:f "
    "MnAlrmInfo:s32",
)

_CAPACITY = model(
    702,
    "WMaxRtg:u:W_SF WOvrExtRtg:u:W_SF WOvrExtRtgPF:u:PF_SF WUndExtRtg:u:W_SF WUndExtRtgPF:u:PF_SF VAMaxRtg:u:VA_SF "
    "VarMaxInjRtg:u:Var_SF VarMaxAbsRtg:u:Var_SF WChaRteMaxRtg:u:W_SF WDisChaRteMaxRtg:u:W_SF VAChaRteMaxRtg:u:VA_SF "
    "VADisChaRteMaxRtg:u:VA_SF VNomRtg:u:V_SF VMaxRtg:u:V_SF VMinRtg:u:V_SF AMaxRtg:u:A_SF PFOvrExtRtg:u:PF_SF "
    "PFUndExtRtg:u:PF_SF ReactSusceptRtg:u:S_SF NorOpCatRtg:e AbnOpCatRtg:e CtrlModes:b IntIslandCatRtg:B "
    "WMax:u:W_SF WMaxOvrExt:u:W_SF WOvrExtPF:u:PF_SF WMaxUndExt:u:W_SF WUndExtPF:u:PF_SF VAMax:u:VA_SF "
    "VarMaxInj:u:Var_SF VarMaxAbs:u:Var_SF WChaRteMax:u:W_SF WDisChaRteMax:u:W_SF VAChaRteMax:u:VA_SF "
    "VADisChaRteMax:u:VA_SF VNom:u:V_SF VMax:u:V_SF VMin:u:V_SF AMax:u:A_SF PFOvrExt:u:PF_SF PFUndExt:u:PF_SF "
    "IntIslandCat:B W_SF:f PF_SF:f VA_SF:f Var_SF:f V_SF:f A_SF:f S_SF:f",
)

_CONTROLS = model(
    704,
    "PFWInjEna:e PFWInjEnaRvrt:e PFWInjRvrtTms:U PFWInjRvrtRem:U PFWAbsEna:e PFWAbsEnaRvrt:e PFWAbsRvrtTms:U "
    "PFWAbsRvrtRem:U WMaxLimPctEna:e WMaxLimPct:u:WMaxLimPct_SF WMaxLimPctRvrt:u:WMaxLimPct_SF WMaxLimPctEnaRvrt:e "
    "WMaxLimPctRvrtTms:U WMaxLimPctRvrtRem:U WSetEna:e WSetMod:e WSet:I:WSet_SF WSetRvrt:I:WSet_SF "
    "WSetPct:i:WSetPct_SF WSetPctRvrt:i:WSetPct_SF WSetEnaRvrt:e WSetRvrtTms:U WSetRvrtRem:U VarSetEna:e VarSetMod:e "
    "VarSetPri:e VarSet:I:VarSet_SF VarSetRvrt:I:VarSet_SF VarSetPct:i:VarSetPct_SF VarSetPctRvrt:i:VarSetPct_SF "
    "VarSetEnaRvrt:e VarSetRvrtTms:U VarSetRvrtRem:U WRmp:u WRmpRef:e VarRmp:u AntiIslEna:e PF_SF:f WMaxLimPct_SF:f "
    "WSet_SF:f WSetPct_SF:f VarSet_SF:f VarSetPct_SF:f "
    + "".join(f"{name}.PF:u:PF_SF {name}.Ext:e " for name in ("PFWInj", "PFWInjRvrt", "PFWAbs", "PFWAbsRvrt")),
)

_STORE = model(713, "WHRtg:u:WH_SF WHAvail:u:WH_SF SoC:u:Pct_SF SoH:u:Pct_SF Sta:e WH_SF:f Pct_SF:f")

_CONTROL = model(715, "LocRemCtl:e DERHb:U ControllerHb:U AlarmReset:u OpCtl:e")

DER_MODELS: Mapping[int, Model] = {of.id: of for of in (_MEASURED, _CAPACITY, _CONTROLS, _STORE, _CONTROL)}

_PORT = (
    "{n}PrtTyp:e {n}ID:u {n}IDStr:s8 {n}DCA:i:DCA_SF {n}DCV:u:DCV_SF {n}DCW:i:DCW_SF {n}DCWhInj:Q:DCWH_SF "
    "{n}DCWhAbs:Q:DCWH_SF {n}Tmp:i:Tmp_SF {n}DCSta:e {n}DCAlrm:b "
)


def ports(count: int) -> Model:
    """Model 714 with so many ports; their points have the port's number before their names, from 1."""
    head = "PrtAlrms:b NPrt:u DCA:i:DCA_SF DCW:i:DCW_SF DCWhInj:Q:DCWH_SF DCWhAbs:Q:DCWH_SF "
    head += "DCA_SF:f DCV_SF:f DCW_SF:f DCWH_SF:f Tmp_SF:f "
    return model(714, head + "".join(_PORT.format(n=number) for number in range(1, count + 1)))


_THREE_PHASES = 2
_ON = 1
_RUNNING, _STANDBY = 3, 7
_GRID_FOLLOWING = 0b1
_COUNTER_EXPONENT = 0
"""64 bits hold any counter in Wh."""


def measured_content(values: Values, rated_w: float, exponent: ExponentOf) -> Content:
    """Model 701: balanced phases, + is fed in."""
    power_w = 1000 * values["active_power_kw"]
    reactive_var = 1000 * values.get("reactive_power_kvar", 0.0)
    apparent_va = math.hypot(power_w, reactive_var)
    phase_v = values.get("voltage_v", PHASE_V)
    factor = power_w / apparent_va if apparent_va else 1.0
    power_exponent = exponent("active_power_kw", "s16")
    whole: dict[str, float] = {
        "W": power_w,
        "VA": apparent_va,
        "Var": reactive_var,
        "A": apparent_va / phase_v if phase_v else 0.0,
        "TotWhInj": 1000 * values["energy_kwh"],
        "TotWhAbs": 1000 * values.get("energy_export_kwh", 0.0),
    }
    content: dict[str, float | str] = {
        "ACType": _THREE_PHASES,
        "St": _ON,
        "InvSt": _RUNNING if power_w else _STANDBY,
        "ConnSt": _ON,
        "Alrm": 0,
        "DERMode": _GRID_FOLLOWING,
        "PF": factor,
        "LLV": math.sqrt(3) * phase_v,
        "LNV": phase_v,
        "Hz": values.get("frequency_hz", 50.0),
        "A_SF": exponent_for(4 * rated_w / PHASE_V, "s16"),
        "V_SF": -1,
        "Hz_SF": -3,
        "W_SF": power_exponent,
        "PF_SF": -3,
        "VA_SF": power_exponent,
        "Var_SF": power_exponent,
        "TotWh_SF": _COUNTER_EXPONENT,
        **whole,
    }
    for number, lines in _LINES.items():
        content |= {f"{name}L{number}": value / len(_LINES) for name, value in whole.items()}
        content |= {f"PFL{number}": factor, f"VL{number}": phase_v, lines: math.sqrt(3) * phase_v}
    return content


def capacity_content(rated_w: float, *, stores: bool) -> Content:
    """Model 702: ratings, and the same as settings."""
    reactive_var = math.sqrt(1 - RATED_POWER_FACTOR**2) * rated_w
    rated: dict[str, float] = {
        "WMax{}": rated_w,
        "VAMax{}": rated_w,
        "VarMaxInj{}": reactive_var,
        "VarMaxAbs{}": reactive_var,
        "VNom{}": math.sqrt(3) * PHASE_V,
        "AMax{}": rated_w / PHASE_V,
    }
    if stores:
        rated |= {"WChaRteMax{}": rated_w, "WDisChaRteMax{}": rated_w}
        rated |= {"VAChaRteMax{}": rated_w, "VADisChaRteMax{}": rated_w}
    exponent = exponent_for(rated_w, "u16")
    content: dict[str, float | str] = {
        "W_SF": exponent,
        "VA_SF": exponent,
        "Var_SF": exponent,
        "V_SF": -1,
        "A_SF": exponent_for(rated_w / PHASE_V, "u16"),
    }
    for kind in ("Rtg", ""):
        content |= {name.format(kind): value for name, value in rated.items()}
    return content


def store_content(values: Values) -> Content:
    """Model 713; how much energy it holds is nothing that a profile knows."""
    return {
        "SoC": 100 * values.get("soc", math.nan),
        "SoH": 100 * values.get("soh", math.nan),
        "Sta": 0,
        "Pct_SF": -2,
    }


_PV, _STORAGE = 0, 1
_STRING_V = 600.0
"""A usual voltage of strings and high-voltage batteries."""


def ports_content(values: Values, rated_w: float, count: int) -> Content:
    """Model 714: ports with even shares; what the converter loses is not counted."""
    power_w = 1000 * values["active_power_kw"]
    stores = "soc" in values
    content: dict[str, float | str] = {
        "PrtAlrms": 0,
        "NPrt": count,
        "DCA": power_w / _STRING_V,
        "DCW": power_w,
        "DCA_SF": exponent_for(2 * rated_w / _STRING_V, "s16"),
        "DCV_SF": -1,
        "DCW_SF": exponent_for(2 * rated_w, "s16"),
    }
    for number in range(1, count + 1):
        content |= {
            f"{number}PrtTyp": _STORAGE if stores else _PV,
            f"{number}ID": number,
            f"{number}IDStr": f"{'Storage' if stores else 'String'} {number}",
            f"{number}DCA": power_w / count / _STRING_V,
            f"{number}DCV": _STRING_V,
            f"{number}DCW": power_w / count,
            f"{number}DCSta": _ON,
        }
    return content


def control_content(now_s: float) -> Content:
    """Model 715, beside what the profile has of it: the device's own heartbeat goes on every second."""
    return {"DERHb": int(now_s) % 0xFFFF, "LocRemCtl": 0}


WATTS, VARS = 1, 4
"""The modes of WSet and VarSet that are no percentages."""


class DerSetpoint(SetpointRegisters):
    """A setpoint of model 704: it counts while its enable is 1; its mode must be no percentage, where it has one.

    When nobody renews it, it falls to 0 or away, so a reversion to anything else is refused.
    """

    def __init__(
        self,
        point: Point,
        exponents: Exponents,
        enable: int,
        mode: tuple[int, int] | None = None,
        revert: int | None = None,
    ) -> None:
        """Registers of the enable, of the mode and what must stand there, and the first one of the value that it
        reverts to."""
        super().__init__(point, exponents)
        self._enable, self._mode, self._revert = enable, mode, revert

    def is_armed(self, word_at: WordAt) -> bool:
        return word_at(self._enable) == _ON

    def value(self, word_at: WordAt) -> float | None:
        if self.is_armed(word_at):
            if self._mode is not None and word_at(self._mode[0]) != self._mode[1]:
                raise Unknown(f"mode {word_at(self._mode[0])}")
            if self._revert is not None and self._number(self._revert, "s32", word_at):
                raise Unknown("a reversion to anything but 0")
        return super().value(word_at)

    def at_rest(self, value: float) -> list[Part]:
        """Disabled and without a time, in the mode that the device has."""
        quiet = {self._enable, *self.timers}
        words = {
            of.address: words_of(self._source, 0 if of.address in quiet else of.value, of.type) for of in self._spec.arm
        }
        own = [part for part in super().at_rest(value) if part.address not in words]
        return [*own, *(Part(address, shown) for address, shown in words.items())]

    def in_force(self, value: float) -> list[Part]:
        """The mode is what it is, also for a client that did not write it."""
        return self.at_rest(value)
