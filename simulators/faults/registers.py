"""The registers of a Modbus unit that has faults."""

from __future__ import annotations

from collections.abc import Sequence

from pymodbus.constants import ExcCodes

from simulators.faults.present import Present
from simulators.servers.registers import Registers, Table


class FaultyRegisters:
    """Register maps (see `simulators.servers.registers.Registers`) behind what may go wrong before they are reached."""

    def __init__(self, registers: Registers, present: Present) -> None:
        self._registers = registers
        self._present = present

    @property
    def device(self) -> str:
        return self._registers.device

    @property
    def unit(self) -> int:
        return self._registers.unit

    @property
    def span(self) -> tuple[int, int]:
        return self._registers.span

    def read(self, table: Table, address: int, count: int) -> list[int] | ExcCodes:
        if (code := self._present.exception(self.device, writing=False)) is not None:
            return ExcCodes(code)
        return self._registers.read(table, address, count)

    def write(self, address: int, words: Sequence[int]) -> ExcCodes | None:
        if (code := self._present.exception(self.device, writing=True)) is not None:
            return ExcCodes(code)
        if self._present.ignores(self.device):
            return None
        return self._registers.write(address, words)
