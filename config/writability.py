"""Whether a Modbus setpoint can be written as its profile says, and reads back as what was written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from config.register import Carries, part_of, registers_of

if TYPE_CHECKING:
    from config.point_spec import Direction, ModbusPoint
    from config.setpoint_spec import ModbusSetpoint

MOST_WRITTEN = 123
"""What one write request may carry (Modbus application protocol 1.1b3, 6.12)."""

_ROUNDING = 1e-9
"""Three thirds are not quite one."""


def faults_of_setpoint(point: ModbusPoint, setpoint: ModbusSetpoint) -> list[str]:
    """Why nobody could write this point, or not what it then reads; empty when all is well."""
    faults = []
    if point.table == "input":
        faults.append("a setpoint needs table: holding, an input register cannot be written")
    if point.values is not None and len(set(point.values.values())) < len(point.values):
        faults.append("a setpoint needs values that differ, or it is open which raw number to write")
    if setpoint.also and (point.values is not None or point.offset != 0):
        faults.append("a setpoint with further registers (also) can have neither values nor an offset")
    if point.direction is None:
        faults.extend(_faults_of_sum(point, setpoint))
    else:
        faults.extend(_faults_of_direction(point, point.direction, setpoint))
    for first, last in setpoint.together:
        faults.extend(_faults_of_block(point, setpoint, first, last))
    for (_, last), (first, _) in pairwise(sorted(setpoint.together)):
        if first <= last:
            faults.append("blocks that go out together should not overlap")
    return faults


def _faults_of_direction(point: ModbusPoint, direction: Direction, setpoint: ModbusSetpoint) -> Iterator[str]:
    signs = list(direction.signs.values())
    if direction.bit is not None:
        yield "a setpoint cannot have a single bit as its direction"
    elif signs.count(1) != 1 or signs.count(-1) != 1 or signs.count(0) > 1:
        yield "a setpoint needs one entry for -1, one for 1 and at most one for 0 in signs"
    if point.plus or point.minus or setpoint.carries != "value":
        yield "a setpoint with a direction cannot be a sum of registers, or carry a part of its value"
    if setpoint.together and direction.negative_address is not None:
        yield "a setpoint with two addresses for its value (negative_address) cannot be written together"


def _faults_of_sum(point: ModbusPoint, setpoint: ModbusSetpoint) -> Iterator[str]:
    """What is written must add up to the value when it is read again, in both directions."""
    written = {
        further.address: further.carries
        for further in setpoint.also
        if further.carries is not None and further.type in (None, point.type) and not further.has_own_scale
    }
    carried: list[tuple[Carries, int]] = [(setpoint.carries, 1)]
    for address, sign in (*((each, 1) for each in point.plus), *((each, -1) for each in point.minus)):
        carries = written.get(address)
        if carries is None:
            yield f"a setpoint cannot be a sum of registers that it does not write as they are read: {address}"
            return
        carried.append((carries, sign))
    for value in (1.0, -1.0):
        total = sum(sign * part_of(value, kind, setpoint.shares) for kind, sign in carried)
        if abs(total - value) > _ROUNDING:
            yield "what the registers of a setpoint carry should add up to its value, positive and negative"
            return


def _faults_of_block(point: ModbusPoint, setpoint: ModbusSetpoint, first: int, last: int) -> Iterator[str]:
    """A block is one request: registers without a gap, each once, not longer than the protocol allows."""
    block = range(first, last + 1)
    if not 1 < len(block) <= MOST_WRITTEN:
        yield f"together from {first} to {last} should be 2 to {MOST_WRITTEN} registers"
        return
    written = sorted(
        address for registers in _registers_of(point, setpoint) for address in registers if address in block
    )
    cut = any((registers[0] in block) is not (registers[-1] in block) for registers in _registers_of(point, setpoint))
    if written != list(block) or cut:
        yield f"together from {first} to {last} should be filled by what the setpoint writes, each register once"


def _registers_of(point: ModbusPoint, setpoint: ModbusSetpoint) -> Iterator[range]:
    """The registers of each number that is written for a setpoint."""
    kinds = [(fixed.address, fixed.type) for fixed in (*setpoint.before, *setpoint.arm)]
    kinds.append((point.address, point.type))
    kinds.extend((further.address, further.type or point.type) for further in setpoint.also)
    if point.direction is not None:
        kinds.append((point.direction.address, "u16"))
    for address, kind in kinds:
        yield range(address, address + registers_of(kind))
