"""The two rates of SunSpec model 124: what a battery does that is limited in either direction."""

from __future__ import annotations

from config.point import Point
from simulators.servers.register_parts import Exponents
from simulators.servers.setpoint_registers import SetpointRegisters, Unknown, WordAt

CHARGE_LIMITED = 0b01
DISCHARGE_LIMITED = 0b10


class StorageRates(SetpointRegisters):
    """StorCtl_Mod says which of InWRte and OutWRte counts; within them the battery would rather rest.

    A negative highest rate one way is a lowest rate the other way: OutWRte at -50 % charges with half of WChaMax.
    """

    def __init__(self, point: Point, exponents: Exponents, mode: int) -> None:
        """`mode` is the register of StorCtl_Mod."""
        super().__init__(point, exponents)
        assert self._spec.also  # the profile has InWRte there, with the other sign
        self._mode = mode
        self._in = self._spec.also[0].address

    def is_armed(self, word_at: WordAt) -> bool:
        return bool(word_at(self._mode) & (CHARGE_LIMITED | DISCHARGE_LIMITED))

    def value(self, word_at: WordAt) -> float:
        out_raw = self._number(self._source.address, self._source.type, word_at)
        in_raw = self._number(self._in, self._source.type, word_at)
        spec = self.point.setpoint
        assert spec is not None
        highest, lowest = self._value_of(out_raw), self._value_of(-in_raw)
        slack = spec.resolution / 2
        for rate in (highest, lowest):
            if not spec.low - slack <= rate <= spec.high + slack:
                raise Unknown(f"{rate:g}")
        mode = word_at(self._mode)
        high = highest if mode & DISCHARGE_LIMITED else spec.high
        low = lowest if mode & CHARGE_LIMITED else spec.low
        return min(max(0.0, low), high)
