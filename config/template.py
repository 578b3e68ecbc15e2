"""Texts with a number in them, such as ``P={value} kW;*``.

A ``*`` stands for any text up to the next place where what follows it stands. There is nothing else to it, so that
reading takes time in proportion to the text, whatever a device sends.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

VALUE: Final = "{value}"
ANY: Final = "*"

# no digit can be matched in two ways, so there is nothing to go back over
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def _checked(template: str) -> str:
    if template.count(VALUE) != 1:
        raise ValueError("needs {value} once, where the number is")
    if f"{ANY}{VALUE}" in template or f"{VALUE}{ANY}" in template:
        raise ValueError("needs a text between * and {value}, or part of a number could pass for all of it")
    if ANY * 2 in template:
        raise ValueError("has a * beside another, where one is enough")
    return template


Template = Annotated[str, AfterValidator(_checked)]


def number_in(template: str, text: str) -> float | None:
    """The number that stands in a text where the template has its ``{value}``; None when the text is another.

    Each ``*`` ends at the first place that fits; a template that begins or ends without one fits the text's own
    beginning or end.
    """
    before, after = template.split(VALUE)
    begin = _past(before, text, 0)
    if begin is None:
        return None
    number = _NUMBER.match(text, begin)
    if number is None or not _ends(after, text, number.end()):
        return None
    return float(number[0])


def _past(pattern: str, text: str, position: int) -> int | None:
    """Where the text goes on after a pattern that stands at the position; None when it does not stand there."""
    first, *others = pattern.split(ANY)
    if not text.startswith(first, position):
        return None
    position += len(first)
    for part in others:
        found = text.find(part, position)
        if found < 0:
            return None
        position = found + len(part)
    return position


def _ends(pattern: str, text: str, position: int) -> bool:
    """Whether the rest of a text from the position on is as the pattern says."""
    *parts, last = pattern.split(ANY)
    if not parts:
        return text[position:] == last
    past = _past(ANY.join(parts), text, position)
    return past is not None and len(text) - past >= len(last) and text.endswith(last)
