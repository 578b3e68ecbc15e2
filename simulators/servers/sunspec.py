"""SunSpec devices: the whole standard block around the few points that the plant has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pymodbus.constants import ExcCodes

from config.point import Point
from config.register import ModbusType
from simulators.encoding import exponent_for, raw_of, value_of
from simulators.served import Served
from simulators.servers.registers import Table, in_range
from simulators.servers.sunspec_contents import inverter_content, meter_content, nameplate_content
from simulators.servers.sunspec_models import BASE, MODELS, Content, block, start_of
from simulators.watchdog import Watchdog

LIMIT_EXPONENT = -2
"""The power limit in hundredths of a percent: finer than any controller asks for."""


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
        return {203: meter_content(values, self._exponent)}


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
            103: inverter_content(values, self._rated_w, self._exponent),
            120: nameplate_content(self._rated_w),
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


def _pct_of(word: int) -> float:
    return word * 10.0**LIMIT_EXPONENT
