"""Figures of a profile that depend on the device they describe, such as ``1.1 * rated_power_kw``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator

_FIGURE = re.compile(r"^\s*(?P<sign>-)?\s*(?:(?P<factor>\d+(?:\.\d+)?)\s*\*\s*)?(?P<name>[a-z][a-z0-9_]*)\s*$")


def _as_figure(value: object) -> object:
    if isinstance(value, bool) or value in ("true", "false"):
        raise ValueError("should be a number or a device parameter, not true or false")
    if isinstance(value, str) and not _FIGURE.match(value):
        raise ValueError("should be a number or a device parameter such as 'rated_power_kw' or '-1.1 * rated_power_kw'")
    return value


Figure = Annotated[float | str, BeforeValidator(_as_figure)]
"""A number, or a device parameter with an optional sign and factor."""


def parameter_of(figure: float | str) -> str | None:
    """The name of the device parameter that a figure needs, None for a plain number."""
    match = _FIGURE.match(figure) if isinstance(figure, str) else None
    return match["name"] if match else None


def resolve(figure: float | str, parameters: Mapping[str, float | str]) -> float:
    """The number that a figure stands for.

    Raises KeyError when the parameter is missing, TypeError when it is not a number.
    """
    if not isinstance(figure, str):
        return float(figure)
    match = _FIGURE.match(figure)
    if match is None:
        raise ValueError(f"{figure!r} is not a figure")
    value = parameters[match["name"]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"parameter {match['name']} is not a number")
    factor = float(match["factor"] or 1.0)
    return (-factor if match["sign"] else factor) * value
