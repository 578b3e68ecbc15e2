"""A battery's efficiency by power, power by charge and wear by depth, as numbers for plans and their checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from config.battery_curves import EfficiencyPoint, TaperPoint, WearPiece
from dispatch.plan import FloatArray


@dataclass(frozen=True, slots=True)
class Line:
    """offset + slope * x."""

    offset: float
    slope: float


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """What a power at the AC side is at the cells, straight between points; at no power nothing flows."""

    ac_kw: tuple[float, ...]
    cells_kw: tuple[float, ...]

    @classmethod
    def of_charge(cls, points: Sequence[EfficiencyPoint], most_kw: float) -> PowerCurve:
        """The highest mix of the points: below the best of them it charges there for a part of the interval."""
        shares = [0.0, *(point.share for point in points)]
        stored = [0.0, *(point.share * point.efficiency for point in points)]
        kept = _hull(shares, stored)
        return cls(tuple(most_kw * shares[k] for k in kept), tuple(most_kw * stored[k] for k in kept))

    @classmethod
    def of_discharge(cls, points: Sequence[EfficiencyPoint], most_kw: float) -> PowerCurve:
        """The lowest mix of the points, likewise."""
        shares = [0.0, *(point.share for point in points)]
        drained = [0.0, *(point.share / point.efficiency for point in points)]
        kept = _hull(shares, [-kw for kw in drained])
        return cls(tuple(most_kw * shares[k] for k in kept), tuple(most_kw * drained[k] for k in kept))

    @property
    def lines(self) -> list[Line]:
        """Those of which the curve is the lowest (charge) or the highest (discharge)."""
        found = []
        for (ac, cells), (next_ac, next_cells) in pairwise(zip(self.ac_kw, self.cells_kw, strict=True)):
            slope = (next_cells - cells) / (next_ac - ac)
            found.append(Line(cells - slope * ac, slope))
        return found

    def at(self, ac_kw: FloatArray) -> FloatArray:
        cells_kw: FloatArray = np.interp(ac_kw, self.ac_kw, self.cells_kw)
        return cells_kw

    def reverse(self, cells_kw: float) -> float:
        """The power at the AC side that is so much at the cells."""
        return float(np.interp(cells_kw, self.cells_kw, self.ac_kw))


def _hull(x: Sequence[float], y: Sequence[float]) -> list[int]:
    """The points that the upper hull from the first to the last rests on."""
    kept: list[int] = []
    for k in range(len(x)):
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            if (y[b] - y[a]) * (x[k] - x[a]) > (y[k] - y[a]) * (x[b] - x[a]):
                break
            kept.pop()
        kept.append(k)
    return kept


@dataclass(frozen=True, slots=True)
class Taper:
    """The share of the highest power that is left at a state of charge: the lowest of these lines, and of 1."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, points: Sequence[TaperPoint]) -> Taper:
        lines = []
        for one, other in pairwise(points):
            slope = (other.share - one.share) / (other.soc - one.soc)
            lines.append(Line(one.share - slope * one.soc, slope))
        return cls(tuple(line for line in lines if line.slope != 0.0))

    def share(self, soc: FloatArray) -> FloatArray:
        left = [line.offset + line.slope * soc for line in self.lines]
        share: FloatArray = np.clip(np.min([np.ones_like(soc), *left], axis=0), 0.0, 1.0)
        return share

    def most_kw(self, rated_kw: float, soc: float, soc_per_kw: float) -> float:
        """The most that can be held through an interval that changes the charge by so much per kW.

        P = rated * (offset + slope * (soc + soc_per_kw * P))
        """
        most_kw = rated_kw
        for line in self.lines:
            at_once_kw = rated_kw * (line.offset + line.slope * soc)
            most_kw = min(most_kw, at_once_kw / (1.0 - rated_kw * line.slope * soc_per_kw))
        return max(most_kw, 0.0)


@dataclass(frozen=True, slots=True)
class DepthWear:
    """Wear by the depth of cycles: pieces of the capacity, of which the cheapest take part first.

    What is charged goes into the cheapest piece that has room, what is discharged comes from the cheapest that has
    energy. So a shallow cycle uses the first pieces only, wherever it lies between empty and full, and a deep one pays
    for each piece as deep as it goes: the cost of counting cycles by rainflow, for prices that rise with the depth
    (Xu, Zhao, Zheng, Litvinov and Kirschen, IEEE Trans. Power Systems 33(2), 2018).
    """

    width_kwh: tuple[float, ...]
    price_per_kwh: tuple[float, ...]
    """Per kWh taken out of the cells, rising."""

    @classmethod
    def of(cls, pieces: Sequence[WearPiece], capacity_kwh: float) -> DepthWear:
        depths = [0.0, *(piece.depth for piece in pieces)]
        return cls(
            tuple((deeper - depth) * capacity_kwh for depth, deeper in pairwise(depths)),
            tuple(piece.cny_per_kwh for piece in pieces),
        )

    def cost(self, stored_kwh: FloatArray) -> float:
        """Of stored energy at the interval bounds; the first counts as charged into the cheapest pieces."""
        held = [0.0] * len(self.width_kwh)
        cost = 0.0
        for change_kwh in [float(stored_kwh[0]), *np.diff(stored_kwh).tolist()]:
            for piece, width_kwh in enumerate(self.width_kwh):
                moved_kwh = min(max(change_kwh, -held[piece]), width_kwh - held[piece])
                held[piece] += moved_kwh
                change_kwh -= moved_kwh
                cost += self.price_per_kwh[piece] * max(-moved_kwh, 0.0)
        return cost
