"""Figures that depend on a device parameter."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from config.figure import Figure, parameter_of, resolve

FIGURE = TypeAdapter(Figure)


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        (5, 5.0),
        (-0.25, -0.25),
        ("rated_power_kw", 400.0),
        ("-rated_power_kw", -400.0),
        ("- rated_power_kw", -400.0),
        ("1.1 * rated_power_kw", 440.0),
        ("-1 * rated_power_kw", -400.0),
        ("0.005*rated_power_kw", 2.0),
    ],
)
def test_a_figure_is_a_number_or_a_share_of_a_parameter(figure: float | str, value: float) -> None:
    assert resolve(FIGURE.validate_python(figure), {"rated_power_kw": 400}) == pytest.approx(value)


@pytest.mark.parametrize("figure", ["", "2 *", "a + b", "rated_power_kw * 2", "2 * 3", "Rated", "1e3 * x", True, None])
def test_anything_else_is_refused(figure: object) -> None:
    with pytest.raises(ValidationError):
        FIGURE.validate_python(figure)


def test_the_parameter_is_known_before_it_is_given() -> None:
    assert parameter_of("-1.1 * rated_power_kw") == "rated_power_kw"
    assert parameter_of(3.0) is None


def test_a_parameter_must_be_there_and_be_a_number() -> None:
    with pytest.raises(KeyError):
        resolve("rated_power_kw", {})
    for value in ("400", True):
        with pytest.raises(TypeError, match="rated_power_kw is not a number"):
            resolve("rated_power_kw", {"rated_power_kw": value})
