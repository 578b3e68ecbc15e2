"""What a device sees of a feeder beside its power: phases, lines, neutral, harmonics, and an inverter's strings.

The phases are alike. With U the voltage to neutral, P and Q the powers of all three phases, each phase has

    I   = sqrt(P^2 + Q^2) / (3 U)
    U_h = VOLTAGE_SHARES[h] * U,   I_h = CURRENT_SHARES[h] * I
    I_N = 3 * sqrt(sum of I_h^2),  h = 3, 9, 15, ...: these are in phase with each other, all others cancel out

so that everything is a share of one of five figures. Strings share their inverter's power; its losses are not counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

PHASES = 3
PHASE_V = 230.0
"""Where nobody knows the voltage."""

_HIGHEST_ORDER = 49
"""Analysers of the better sort stop here."""

_FIRST_CURRENTS = {3: 0.06, 5: 0.14, 7: 0.08, 9: 0.02, 11: 0.05, 13: 0.035}
"""Of offices with drives, computers and LED lamps: shares of the current, as measured in such buildings."""
_FIRST_VOLTAGES = {3: 0.01, 5: 0.025, 7: 0.018, 9: 0.004, 11: 0.01, 13: 0.008}
"""Half of what EN 50160 allows or less: a grid that is well."""
_TRIPLE, _OTHERS = 9, 13
"""The last orders of either sort that are given above."""


def _shares(first: Mapping[int, float]) -> dict[int, float]:
    """Shares by order; beyond those that are known they fall with its square, from the last of their sort."""
    shares = dict(first)
    for order in range(3, _HIGHEST_ORDER + 1, 2):
        last = _TRIPLE if order % PHASES == 0 else _OTHERS
        shares.setdefault(order, first[last] * (last / order) ** 2)
    return shares


CURRENT_SHARES: Mapping[int, float] = _shares(_FIRST_CURRENTS)
VOLTAGE_SHARES: Mapping[int, float] = _shares(_FIRST_VOLTAGES)

_NEUTRAL_SHARE = PHASES * math.sqrt(sum(share**2 for order, share in CURRENT_SHARES.items() if order % PHASES == 0))


class Feeder(NamedTuple):
    """What the plant has of a feeder, all phases together."""

    power_kw: float
    reactive_kvar: float
    voltage_v: float
    """To neutral."""
    current_a: float
    """Of each phase."""
    energy_kwh: float


class Part(NamedTuple):
    """A share of one of a feeder's figures."""

    of: Literal["power_kw", "reactive_kvar", "voltage_v", "current_a", "energy_kwh"]
    share: float


def feeder_of(values: Mapping[str, float]) -> Feeder:
    """The feeder behind a device that shows these values."""
    power_kw, reactive_kvar = values.get("active_power_kw", 0.0), values.get("reactive_power_kvar", 0.0)
    voltage_v = values.get("voltage_v", PHASE_V)
    current_a = 1000 * math.hypot(power_kw, reactive_kvar) / PHASES / voltage_v if voltage_v else 0.0
    return Feeder(power_kw, reactive_kvar, voltage_v, current_a, values.get("energy_kwh", 0.0))


_PHASE = re.compile(r"(power|reactive|voltage|current|energy)_l[123]_(kw|kvar|v|a|kwh)")
_LINE = re.compile(r"line_l(12|23|31)_v")
_HARMONIC = re.compile(r"harmonic_(\d+)_l[123]_([va])")
_STRING = re.compile(r"dc_(\d+_)?power_(\d+_)?kw")

_OF_A_PHASE: Mapping[tuple[str, str], Part] = {
    ("power", "kw"): Part("power_kw", 1 / PHASES),
    ("reactive", "kvar"): Part("reactive_kvar", 1 / PHASES),
    ("voltage", "v"): Part("voltage_v", 1.0),
    ("current", "a"): Part("current_a", 1.0),
    ("energy", "kwh"): Part("energy_kwh", 1 / PHASES),
}


def parts_of(names: Iterable[str]) -> dict[str, Part]:
    """What the points of a device with these names show of its feeder; those that show something else are left out."""
    listed = list(names)
    strings = [name for name in listed if _STRING.fullmatch(name)]
    parts = {name: Part("power_kw", 1 / len(strings)) for name in strings}
    return parts | {name: part for name in listed if (part := _part_named(name)) is not None}


def _part_named(name: str) -> Part | None:
    if phase := _PHASE.fullmatch(name):
        return _OF_A_PHASE.get((phase[1], phase[2]))
    if _LINE.fullmatch(name):
        return Part("voltage_v", math.sqrt(3))
    if name == "inverter_power_kw":
        return Part("power_kw", 1.0)
    if name == "current_n_a":
        return Part("current_a", _NEUTRAL_SHARE)
    if harmonic := _HARMONIC.fullmatch(name):
        order = int(harmonic[1])
        if order in VOLTAGE_SHARES:
            voltage = harmonic[2] == "v"
            return Part("voltage_v", VOLTAGE_SHARES[order]) if voltage else Part("current_a", CURRENT_SHARES[order])
    return None
