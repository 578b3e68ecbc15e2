"""Texts with a number in them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from config.template import Template, number_in

TEMPLATE: TypeAdapter[str] = TypeAdapter(Template)


@pytest.mark.parametrize(
    ("template", "text", "number"),
    [
        ("{value}", "12.5", 12.5),
        ("{value}", "-.5e3", -500.0),
        ("{value}", "+7.", 7.0),
        ("{value}", "12.5 kW", None),
        ("{value}", " 12.5", None),
        ("{value}", "", None),
        ("{value}", "nan", None),
        ("{value}", "1_000", None),
        ("{value}", "٣", None),  # a digit, but of another script
        ("{value} kW", "12.5 kW", 12.5),
        ("{value} kW", "12,5 kW", None),  # never the half of a number
        ("P={value} kW;*", "P=12.5 kW;Q=3 kvar", 12.5),
        ("P={value} kW;*", "P=12.5 kW", None),
        ("*;Q={value} kvar", "P=12.5 kW;Q=3 kvar", 3.0),
        ("*;Q={value} kvar;*", "P=1;Q=3 kvar;S=4", 3.0),
        ("*P=*: {value} kW", "at 8 P=main: 5 kW", 5.0),
        ("{value} W *W", "5 W W", 5.0),
        ("{value} W *W", "5 W ", None),  # one W is not two
    ],
)
def test_the_number_where_the_template_has_it(template: str, text: str, number: float | None) -> None:
    assert number_in(TEMPLATE.validate_python(template), text) == number


@pytest.mark.parametrize("template", ["P=", "{value}{value}", "*{value}", "{value}*", "a**{value}", ""])
def test_templates_that_could_mislead_are_refused(template: str) -> None:
    with pytest.raises(ValidationError):
        TEMPLATE.validate_python(template)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "1" * 1_000_000, "ab" * 500_000, "1e" * 500_000])
def test_a_long_text_takes_no_time(text: str) -> None:
    begun_s = time.monotonic()
    for template in ("*a*b*c {value} *a*a*b", "{value} kW", "a {value}", "1{value}1 *"):
        assert number_in(template, text) is None
    assert time.monotonic() - begun_s < 2.0


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20))
def test_a_number_that_is_written_is_read(number: float, rest: str) -> None:
    assert number_in("P={value} kW;*", f"P={number!r} kW;{rest}") == number
