"""What a battery's data sheet says beyond single numbers: efficiency by power, power by charge, wear by depth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field, NonNegativeFloat

from config.base import Efficiency, Frozen, Share

ROUNDING = 1e-9
"""Slopes that differ by less are the same straight line."""


class EfficiencyPoint(Frozen):
    share: Annotated[float, Field(gt=0, le=1)]
    """Of the highest power in this direction."""
    efficiency: Efficiency


class TaperPoint(Frozen):
    soc: Share
    share: Share
    """Of the highest power in this direction that is left there."""


class WearPiece(Frozen):
    depth: Annotated[float, Field(gt=0, le=1)]
    """Down to this depth of a cycle, as a share of the capacity."""
    cny_per_kwh: NonNegativeFloat
    """For each kWh taken out of the cells between the depth before and this one."""


def require_efficiencies(points: Sequence[EfficiencyPoint], key: str, at_full: float) -> None:
    """Raises ValueError unless shares rise to 1 and end at the efficiency that is given for full power."""
    if not points:
        return
    if any(one.share >= other.share for one, other in pairwise(points)):
        raise ValueError(f"the shares of {key}_curve must rise")
    if points[-1].share != 1.0 or points[-1].efficiency != at_full:
        raise ValueError(f"{key}_curve must end with share 1 at {at_full:g}, which is {key}")


def require_taper(points: Sequence[TaperPoint], key: str) -> None:
    """Raises ValueError unless power falls towards the end of a charge, or of a discharge, ever more steeply."""
    if not points:
        return
    charging = key == "charge_taper"
    towards = points if charging else points[::-1]
    end = 1.0 if charging else 0.0
    if len(points) < 2 or any(one.soc >= other.soc for one, other in pairwise(points)):
        raise ValueError(f"{key} needs two points or more, and their soc must rise")
    if towards[0].share != 1.0 or towards[-1].soc != end:
        raise ValueError(f"{key} must go from share 1 to soc {end:g}")
    falls = [(one.share - other.share) / abs(one.soc - other.soc) for one, other in pairwise(towards)]
    if falls[0] < 0.0 or any(later < earlier - ROUNDING for earlier, later in pairwise(falls)):
        raise ValueError(f"the shares of {key} must fall towards soc {end:g}, and nowhere less steeply than before")


def require_wear(pieces: Sequence[WearPiece]) -> None:
    """Raises ValueError unless depths rise to the whole capacity, and prices with them."""
    if not pieces:
        return
    if any(one.depth >= other.depth for one, other in pairwise(pieces)) or pieces[-1].depth != 1.0:
        raise ValueError("the depths of wear_by_depth must rise to 1")
    if any(one.cny_per_kwh > other.cny_per_kwh for one, other in pairwise(pieces)):
        raise ValueError("the prices of wear_by_depth must not fall: deeper cycles wear more")


def share_left(points: Sequence[TaperPoint], soc: float) -> float:
    """The share of the highest power that a taper leaves at a state of charge; all of it without a taper."""
    if not points or soc <= points[0].soc:
        return points[0].share if points else 1.0
    for one, other in pairwise(points):
        if soc <= other.soc:
            return one.share + (other.share - one.share) * (soc - one.soc) / (other.soc - one.soc)
    return points[-1].share
