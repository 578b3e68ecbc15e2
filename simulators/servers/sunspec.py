"""SunSpec devices: the whole standard block around the few points that the plant has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pymodbus.constants import ExcCodes

from config.point import Point
from config.register import ModbusType
from simulators.encoding import exponent_for, raw_of, value_of
from simulators.served import Served
from simulators.servers.registers import Table, in_range
from simulators.servers.sunspec_models import BASE, MODELS, Content, block, start_of
from simulators.watchdog import Watchdog

ENERGY_EXPONENT = 1
"""Counters in 10 Wh: 32 bits then hold 43 GWh, some years of a park, and a 15-min record is still exact to 0.01 kWh."""

LIMIT_EXPONENT = -2
"""The power limit in hundredths of a percent: finer than any controller asks for."""

PHASE_V = 230.0
"""Line-to-neutral voltage of an inverter."""

RATED_POWER_FACTOR = 0.9


class SunspecRegisters:
    """A device's SunSpec block, in holding registers only; nothing in it can be written."""

    models: ClassVar[tuple[int, ...]]
    title: ClassVar[str]

    def __init__(self, device: str, unit: int, points: Sequence[Point], served: Served) -> None:
        self.device = device
        self.unit = unit
        self._served = served
        self._points = {point.name: point for point in points}

    @property
    def span(self) -> tuple[int, int]:
        return BASE, BASE + len(self._block()) - 1

    def read(self, table: Table, address: int, count: int) -> list[int] | ExcCodes:
        words = self._block()
        at = address - BASE
        if table != "holding" or not 0 <= at <= len(words) - count:
            return ExcCodes.ILLEGAL_ADDRESS
        return words[at : at + count]

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None:
        return ExcCodes.ILLEGAL_ADDRESS

    def _block(self) -> list[int]:
        common: Content = {"Mn": "parkgrid", "Md": self.title, "Vr": "1", "SN": self.device, "DA": self.unit}
        return block(self.models, {1: common, **self._contents(self._served.values(self.device))})

    def _contents(self, values: Mapping[str, float]) -> dict[int, Content]:
        raise NotImplementedError

    def _exponent(self, point: str, kind: ModbusType) -> int:
        """The scale factor that shows all believable values of a point."""
        return exponent_for(max(abs(raw_of(self._points[point], bound)) for bound in self._points[point].valid), kind)


class SunspecMeter(SunspecRegisters):
    """A three-phase meter with balanced phases; power is + for import."""

    models = (1, 203)
    title = "Simulated meter"

    def _contents(self, values: Mapping[str, float]) -> dict[int, Content]:
        power_w = 1000 * values["active_power_kw"]
        reactive_var = 1000 * values["reactive_power_kvar"]
        apparent_va = math.hypot(power_w, reactive_var)
        phase_v = values["voltage_v"]
        line_v = math.sqrt(3) * phase_v
        current_a = apparent_va / phase_v
        factor_pct = 100 * power_w / apparent_va if apparent_va else 100.0
        power_exponent = self._exponent("active_power_kw", "s16")
        content: dict[str, float | str] = {
            "A": current_a,
            "A_SF": 0,
            "PhV": phase_v,
            "PPV": line_v,
            "V_SF": self._exponent("voltage_v", "s16"),
            "Hz": values["frequency_hz"],
            "Hz_SF": self._exponent("frequency_hz", "s16"),
            "W": power_w,
            "W_SF": power_exponent,
            "VA": apparent_va,
            "VA_SF": power_exponent,
            "VAR": reactive_var,
            "VAR_SF": self._exponent("reactive_power_kvar", "s16"),
            "PF": factor_pct,
            "PF_SF": -2,
            "TotWhExp": 1000 * values["energy_export_kwh"],
            "TotWhImp": 1000 * values["energy_import_kwh"],
            "TotWh_SF": ENERGY_EXPONENT,
            "Evt": 0,
        }
        for phase in "ABC":
            content |= {f"Aph{phase}": current_a / 3, f"PhVph{phase}": phase_v, f"PFph{phase}": factor_pct}
            content |= {f"Wph{phase}": power_w / 3, f"VAph{phase}": apparent_va / 3, f"VARph{phase}": reactive_var / 3}
        for lines in ("AB", "BC", "CA"):
            content[f"PhVph{lines}"] = line_v
        return {203: content}


class SunspecInverter(SunspecRegisters):
    """A PV inverter with the active-power limit of model 123.

    The limit is WMaxLimPct, percent of the rating, in force while WMaxLim_Ena is 1; WMaxLimPct_RvrtTms real
    seconds after the last write it falls away by itself, 0 seconds mean never.
    """

    models = (1, 103, 120, 123)
    title = "Simulated PV inverter"

    def __init__(self, device: str, unit: int, points: Sequence[Point], served: Served, watchdog: Watchdog) -> None:
        super().__init__(device, unit, points, served)
        self._watchdog = watchdog
        self._limit = self._points["power_limit_kw"]
        assert self._limit.setpoint is not None
        self._rated_w = 1000 * self._limit.setpoint.high
        self._reversion_s = 0
        self._prepared_pct: float | None = None
        controls = start_of(self.models, 123)
        self._names = {controls + field.offset: field.name for field in MODELS[123].fields}

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None:
        written = {address + at: word for at, word in enumerate(words)}
        if not written.keys() <= self._names.keys():
            return ExcCodes.ILLEGAL_ADDRESS
        present = dict(enumerate(self._block(), start=BASE))
        for place, word in written.items():
            match self._names[place]:
                case "WMaxLimPct":
                    if not in_range(self._limit, value_of(self._limit, _pct_of(word))):
                        return ExcCodes.ILLEGAL_VALUE
                case "WMaxLim_Ena":
                    if word not in (0, 1):
                        return ExcCodes.ILLEGAL_VALUE
                case "WMaxLimPct_RvrtTms":
                    pass
                case _:
                    # windows, ramps and reactive power are not adjustable: only what is there may be written
                    if word != present[place]:
                        return ExcCodes.ILLEGAL_VALUE
        self._take({self._names[place]: word for place, word in written.items()})
        return None

    def _take(self, written: Mapping[str, int]) -> None:
        self._reversion_s = written.get("WMaxLimPct_RvrtTms", self._reversion_s)
        if "WMaxLimPct" in written:
            self._prepared_pct = _pct_of(written["WMaxLimPct"])
        enabled = written.get("WMaxLim_Ena", int(self._in_force)) == 1
        if not enabled:
            self._watchdog.release(self.device, self._limit.name)
            return
        revert_s = float(self._reversion_s) if self._reversion_s else None
        if self._in_force and "WMaxLimPct" not in written:
            self._watchdog.renew(self.device, self._limit.name, revert_s)
            return
        self._watchdog.write(self.device, self._limit.name, value_of(self._limit, self._shown_pct), revert_s)
        self._prepared_pct = None

    @property
    def _in_force(self) -> bool:
        return self._watchdog.held(self.device, self._limit.name) is not None

    @property
    def _shown_pct(self) -> float:
        """What WMaxLimPct reads: the value prepared or held, else what the inverter keeps by itself."""
        if self._prepared_pct is not None:
            return self._prepared_pct
        held = self._watchdog.held(self.device, self._limit.name)
        limit_kw = self._served.values(self.device)[self._limit.name] if held is None else held
        return raw_of(self._limit, limit_kw)

    def _contents(self, values: Mapping[str, float]) -> dict[int, Content]:
        return {
            103: self._measurements(values),
            120: self._nameplate(),
            123: {
                "Conn": 1,
                "WMaxLimPct": self._shown_pct,
                "WMaxLimPct_SF": LIMIT_EXPONENT,
                "WMaxLimPct_WinTms": 0,
                "WMaxLimPct_RvrtTms": self._reversion_s,
                "WMaxLimPct_RmpTms": 0,
                "WMaxLim_Ena": int(self._in_force),
                "OutPFSet": 1,
                "OutPFSet_SF": -2,
                "OutPFSet_Ena": 0,
                "VArPct_Ena": 0,
            },
        }

    def _measurements(self, values: Mapping[str, float]) -> Content:
        power_w = 1000 * values["active_power_kw"]
        power_exponent = self._exponent("active_power_kw", "s16")
        phase_a = abs(power_w) / (3 * PHASE_V)
        content: dict[str, float | str] = {
            "A": 3 * phase_a,
            "A_SF": exponent_for(2 * self._rated_w / PHASE_V, "u16"),
            "V_SF": -1,
            "W": power_w,
            "W_SF": power_exponent,
            "Hz": 50,
            "Hz_SF": -2,
            "VA": abs(power_w),
            "VA_SF": power_exponent,
            "VAr": 0,
            "VAr_SF": power_exponent,
            "PF": 100,
            "PF_SF": -2,
            "WH": 1000 * values["energy_kwh"],
            "WH_SF": ENERGY_EXPONENT,
            "TmpCab": 25 + 20 * abs(power_w) / self._rated_w,
            "Tmp_SF": -1,
            "St": values["status"],
            "Evt1": 0,
            "Evt2": 0,
        }
        for phase in "ABC":
            content |= {f"Aph{phase}": phase_a, f"PhVph{phase}": PHASE_V}
        for lines in ("AB", "BC", "CA"):
            content[f"PPVph{lines}"] = math.sqrt(3) * PHASE_V
        return content

    def _nameplate(self) -> Content:
        exponent = exponent_for(self._rated_w, "s16")
        rated_a = self._rated_w / PHASE_V
        reactive_var = math.sqrt(1 - RATED_POWER_FACTOR**2) * self._rated_w
        return {
            "DERTyp": 4,
            "WRtg": self._rated_w,
            "WRtg_SF": exponent,
            "VARtg": self._rated_w,
            "VARtg_SF": exponent,
            "VArRtgQ1": reactive_var,
            "VArRtgQ2": reactive_var,
            "VArRtgQ3": -reactive_var,
            "VArRtgQ4": -reactive_var,
            "VArRtg_SF": exponent,
            "ARtg": rated_a,
            "ARtg_SF": exponent_for(rated_a, "u16"),
            "PFRtgQ1": RATED_POWER_FACTOR,
            "PFRtgQ2": RATED_POWER_FACTOR,
            "PFRtgQ3": -RATED_POWER_FACTOR,
            "PFRtgQ4": -RATED_POWER_FACTOR,
            "PFRtg_SF": -2,
        }


def _pct_of(word: int) -> float:
    return word * 10.0**LIMIT_EXPONENT
