"""What a network analyser sees of a feeder beside its power: phases, lines, neutral and harmonics, from what the plant has.

The phases are alike. Per phase, with U the voltage to neutral, P and Q the powers of all three phases:

    I   = sqrt(P^2 + Q^2) / (3 U)
    U_h = VOLTAGE_SHARES[h] * U,   I_h = CURRENT_SHARES[h] * I
    I_N = 3 * sqrt(sum of I_h^2),  h = 3, 9, 15, ...: these are in phase with each other, all others cancel out
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PHASES = 3
PHASE_V = 230.0
"""Where nobody knows the voltage."""

_HIGHEST_ORDER = 49
"""Analysers of the better sort stop here."""

_FIRST_CURRENTS = {3: 0.06, 5: 0.14, 7: 0.08, 9: 0.02, 11: 0.05, 13: 0.035}
"""Of offices with drives, computers and LED lamps: shares of the current, as measured in such buildings."""
_FIRST_VOLTAGES = {3: 0.01, 5: 0.025, 7: 0.018, 9: 0.004, 11: 0.01, 13: 0.008}
"""Half of what EN 50160 allows or less: a grid that is well."""


def _shares(first: Mapping[int, float]) -> dict[int, float]:
    """Shares by order: beyond those that are known, they fall with the square of the order, from the last of its like."""
    shares = dict(first)
    for order in range(3, _HIGHEST_ORDER + 1, 2):
        if order not in shares:
            alike = 9 if order % 3 == 0 else 13
            shares[order] = first[alike] * (alike / order) ** 2
    return shares


CURRENT_SHARES: Mapping[int, float] = _shares(_FIRST_CURRENTS)
VOLTAGE_SHARES: Mapping[int, float] = _shares(_FIRST_VOLTAGES)

_NEUTRAL_SHARE = PHASES * math.sqrt(sum(share**2 for order, share in CURRENT_SHARES.items() if order % 3 == 0))


@dataclass(frozen=True, slots=True)
class Feeder:
    """What the plant has of a feeder, all phases together."""

    power_kw: float
    reactive_kvar: float
    voltage_v: float
    """To neutral."""
    energy_kwh: float

    @property
    def current_a(self) -> float:
        """Of each phase."""
        apparent_kva = math.hypot(self.power_kw, self.reactive_kvar)
        return 1000 * apparent_kva / PHASES / self.voltage_v if self.voltage_v else 0.0


def feeder_of(values: Mapping[str, float]) -> Feeder:
    """The feeder behind a device that shows these values."""
    return Feeder(
        power_kw=values.get("active_power_kw", 0.0),
        reactive_kvar=values.get("reactive_power_kvar", 0.0),
        voltage_v=values.get("voltage_v", PHASE_V),
        energy_kwh=values.get("energy_kwh", 0.0),
    )


Seen = Callable[[Feeder], float]

_PHASE = re.compile(r"(power|reactive|voltage|current|energy)_l[123]_(kw|kvar|v|a|kwh)")
_LINE = re.compile(r"line_l(12|23|31)_v")
_HARMONIC = re.compile(r"harmonic_(\d+)_l[123]_([va])")

_OF_A_PHASE: Mapping[tuple[str, str], Seen] = {
    ("power", "kw"): lambda feeder: feeder.power_kw / PHASES,
    ("reactive", "kvar"): lambda feeder: feeder.reactive_kvar / PHASES,
    ("voltage", "v"): lambda feeder: feeder.voltage_v,
    ("current", "a"): lambda feeder: feeder.current_a,
    ("energy", "kwh"): lambda feeder: feeder.energy_kwh / PHASES,
}


def seen_as(name: str) -> Seen | None:
    """What a point of this name shows of a feeder; None for one that shows something else."""
    if phase := _PHASE.fullmatch(name):
        return _OF_A_PHASE.get((phase[1], phase[2]))
    if _LINE.fullmatch(name):
        return lambda feeder: math.sqrt(3) * feeder.voltage_v
    if name == "current_n_a":
        return lambda feeder: _NEUTRAL_SHARE * feeder.current_a
    if harmonic := _HARMONIC.fullmatch(name):
        order, of_voltage = int(harmonic[1]), harmonic[2] == "v"
        share = (VOLTAGE_SHARES if of_voltage else CURRENT_SHARES).get(order)
        if share is None:
            return None
        return (lambda feeder: share * feeder.voltage_v) if of_voltage else (lambda feeder: share * feeder.current_a)
    return None
