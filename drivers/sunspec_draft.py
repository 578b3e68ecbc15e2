"""What a profile made by discovery consists of: points, fixed registers and limits, at their places in the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.sunspec import FoundModel, PlacedPoint, Values, points_of_model

REVERT_S: Final = 120
"""A limit falls away two minutes after nobody renews it: two lost refreshes do no harm."""


@dataclass(slots=True)
class DraftPoints:
    """The points of one profile as they come together."""

    values: Values
    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        model: FoundModel | None,
        source: str,
        *,
        valid: Sequence[float | str],
        scale: float | str = 1.0,
        extra: bool = False,
        **more: Any,
    ) -> bool:
        """Add a point if the model has it; an `extra` one only if it is implemented."""
        placed = placed_in(model, source)
        if model is None or placed is None:
            return False
        said = self.values.get(model)
        if extra and said is not None and said.get(source) is None:
            return False
        point: dict[str, Any] = {"address": placed.address, "type": placed.spec.type}
        if placed.scale_factor is not None:
            point["scale_factor"] = placed.scale_factor
        if scale != 1.0:
            point["scale"] = scale
        if placed.spec.sentinels:
            point["sentinels"] = list(placed.spec.sentinels)
        self.points[name] = {**point, "valid": list(valid), **more}
        return True


def placed_in(model: FoundModel | None, name: str) -> PlacedPoint | None:
    if model is None:
        return None
    return next((point for point in points_of_model(model) if point.name == name), None)


def fixed_registers(model: FoundModel | None, **registers: int) -> list[dict[str, Any]]:
    """Fixed values for registers of a model, in this order; empty when one of them is not there."""
    placed = [(placed_in(model, name), value) for name, value in registers.items()]
    if any(point is None for point, _ in placed):
        return []
    return [
        {"address": point.address, "type": point.spec.type, "value": value}
        for point, value in placed
        if point is not None
    ]


def setpoint_within(span: Sequence[float | str], safe: float | str) -> dict[str, Any]:
    return {
        "range": list(span),
        "resolution": "0.001 * rated_power_kw",
        "tolerance": "0.005 * rated_power_kw",
        "safe": safe,
        "revert_s": REVERT_S,
        "refresh_s": REVERT_S // 2,
    }
