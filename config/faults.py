"""From pydantic's errors to faults: the line in the file, and words for the engineer who wrote it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from config.base import IDENTIFIER
from config.document import Document, Fault, Location, shown


class SiteError(Exception):
    """A site file, profile or tariff that cannot be used, with all of its faults in the order of their lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


_SHOULD = {
    "model_type": "should hold keys and values",
    "model_attributes_type": "should hold keys and values",
    "dict_type": "should hold keys and values",
    "tuple_type": "should be a list",
    "string_type": "should be a text",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_parsing_size": "should be a whole number",
    "finite_number": "should be a finite number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "timezone_aware": "should name its time zone, as in 2026-10-14T08:00:00+08:00",
}
"""By pydantic's type of error: what is expected, where pydantic's own words speak of Python."""


_MOST_NAMED = 15
"""Words that a reader still looks through in a message; every kind of asset and every transport fits in."""


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint at what was meant: the nearest known word, or all that are known, where they are few."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if not known:
        return "none are defined"
    more = len(known) - _MOST_NAMED
    return f"known are {', '.join(known[:_MOST_NAMED])}{f' and {more} more' if more > 0 else ''}"


def validate(document: Document, adapter: TypeAdapter[Any], model: Any, faults: list[Fault]) -> Any:
    """The document as a model; None when it has faults, which are added to `faults`."""
    try:
        return adapter.validate_python(document.data)
    except ValidationError as error:
        known = {fault.where for fault in document.faults}
        found = (_fault_of(document, model, details) for details in error.errors())
        faults.extend(fault for fault in found if fault.where not in known)
        return None


def in_words(error: ValidationError, model: Any, data: Any) -> list[str]:
    """What is wrong with data that stand in no file, such as a command: the keys and the words, without lines."""
    document = Document(Path(), data if isinstance(data, dict) else {})
    faults = (_fault_of(document, model, details) for details in error.errors())
    return [f"{fault.where} {fault.what}" if fault.where else fault.what for fault in faults]


def _fault_of(document: Document, model: Any, details: ErrorDetails) -> Fault:
    location = _in_document(document.data, details["loc"], details["type"] == "missing")
    match details["type"]:
        case "extra_forbidden":
            hint = nearest(str(details["loc"][-1]), _keys_of(model, details["loc"][:-1]))
            what = f"is not a known key; {hint}"
        case "missing":
            what = "is missing"
        case "union_tag_not_found":
            tag = str(details.get("ctx", {}).get("discriminator", "kind")).strip("'")
            what = f"needs a {tag!r}"
        case "union_tag_invalid":
            context = details.get("ctx", {})
            tag = str(context.get("discriminator", "kind")).strip("'")
            location = (*location, tag)
            allowed = [word.strip(" '") for word in str(context.get("expected_tags", "")).split(",")]
            what = f"{shown(context.get('tag'))} is unknown; {nearest(str(context.get('tag')), allowed)}"
        case "value_error":
            what = details["msg"].removeprefix("Value error, ")
        case _:
            what = _expected(details)
    return document.fault(location, what)


def _expected(details: ErrorDetails) -> str:
    """What stands there, where it can be shown in a word, and what should."""
    value, message = details["input"], details["msg"]
    if not message.startswith("Input ") and details["type"] != "string_pattern_mismatch":
        return message[0].lower() + message[1:]
    if details["type"] == "string_pattern_mismatch" and details.get("ctx", {}).get("pattern") == IDENTIFIER:
        should = "should be small letters, digits and underscores, a letter first"
    else:
        should = _SHOULD.get(details["type"], message.removeprefix("Input ").removeprefix("String "))
    if value is None:
        return f"is empty, {should}"
    return f"is {shown(value)}, {should}" if isinstance(value, str | int | float) else should


def _in_document(data: Any, loc: tuple[int | str, ...], missing: bool) -> Location:
    """pydantic's location without the union tags that do not stand in the file."""
    found: list[str | int] = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        match data, part:
            case dict(), _ if part in data:
                data = data[part]
            case list(), int() if part < len(data):
                data = data[part]
            case _ if not (missing and last):
                continue
        found.append(part)
    return tuple(found)


def _keys_of(annotation: Any, loc: tuple[int | str, ...]) -> set[str]:
    """The keys that a model has at a location, as far as its annotations tell."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _keys_of(get_args(annotation)[0], loc)
    if origin in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        tagged = [member for member in members if loc and loc[0] in _tags_of(member)]
        if tagged:
            return _keys_of(tagged[0], loc[1:])
        return set().union(*(_keys_of(member, loc) for member in members))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            return set(annotation.model_fields)
        field = annotation.model_fields.get(str(loc[0]))
        return _keys_of(field.annotation, loc[1:]) if field else set()
    if origin in (dict, tuple, list) and loc:
        return _keys_of(get_args(annotation)[-1 if origin is dict else 0], loc[1:])
    return set()


@cache
def _tags_of(model: Any) -> frozenset[str]:
    """The discriminator values of a member of a union: a model, or a union in turn."""
    if get_origin(model) is Annotated:
        model = get_args(model)[0]
    if get_origin(model) in (Union, UnionType):
        return frozenset[str]().union(*(_tags_of(member) for member in get_args(model)))
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return frozenset()
    tags: set[str] = set()
    for name in ("kind", "protocol", "transport", "format"):
        if name in model.model_fields:
            tags.update(get_args(model.model_fields[name].annotation))
    return frozenset(tags)
