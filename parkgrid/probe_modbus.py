"""What is behind a Modbus address: which units answer, their SunSpec models, and profiles made from them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarint import HexCapsInt

from config.connection import ModbusTcp
from drivers.driver import LinkDown
from drivers.modbus_connection import ModbusConnection, Refusal
from drivers.registers import Span
from drivers.sunspec import BadSunspec, Discovered, FoundModel, Values, discover, points_of_model, values_of
from drivers.sunspec_profile import Suggestion, profiles_of

UNITS: Final = (*range(1, 11), 100, 126, 200, 247)
"""Where devices usually are: the first ten, Victron's 100, the SunSpec default 126, Fronius meters, the last."""

LINE: Final = 120
"""Characters of a line in a YAML file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFound:
    """What one unit id said."""

    unit: int
    answers: bool
    sunspec: Discovered | None
    values: Values
    suggestions: tuple[Suggestion, ...]
    reason: str
    """Why there is no answer or no SunSpec block."""

    def as_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"unit": self.unit, "answers": self.answers, "reason": self.reason, "sunspec": None}
        if self.sunspec is not None:
            found = self.sunspec
            data["sunspec"] = {
                "base": found.base,
                "manufacturer": found.manufacturer,
                "model": found.model,
                "version": found.version,
                "serial": found.serial,
                "ended": found.ended,
                "models": [
                    {
                        "id": model.id,
                        "title": model.title,
                        "address": model.address,
                        "length": model.length,
                        "values": dict(self.values.get(model, {})),
                    }
                    for model in found.models
                ],
            }
            data["suggestions"] = [
                {"role": made.role, "profile": made.profile, "remarks": list(made.remarks)} for made in self.suggestions
            ]
        return data


async def probe_units(spec: ModbusTcp, units: Sequence[int], done: Callable[[int], None]) -> list[UnitFound]:
    """Ask each unit for its SunSpec models, one after the other; `done` hears of each. Only reads.

    A silent unit costs one time-out. Raises LinkDown when there is no connection at all.
    """
    connection = ModbusConnection(spec)
    try:
        await connection.open()
        found = []
        for unit in units:
            found.append(await _probe(connection, unit))
            done(unit)
        return found
    finally:
        await connection.shut()


async def _probe(connection: ModbusConnection, unit: int) -> UnitFound:
    answers = False

    async def read(address: int, count: int) -> tuple[int, ...] | Refusal:
        nonlocal answers
        answer = await connection.read(unit, Span("holding", address, count))
        answers = True
        return answer

    found: Discovered | None = None
    values: Values = {}
    reason = ""
    try:
        match await discover(read):
            case Refusal() as refusal:
                reason = refusal.reason
            case Discovered() as found:
                values = await values_of(read, found)
    except (LinkDown, BadSunspec) as error:
        reason = str(error)
    suggestions = profiles_of(found, values) if found is not None else ()
    return UnitFound(unit=unit, answers=answers, sunspec=found, values=values, suggestions=suggestions, reason=reason)


# -- what a person sees --------------------------------------------------------------------------


def unit_tables(found: Sequence[UnitFound]) -> list[RenderableType]:
    """One table of the units that answer, and one of the models of each SunSpec device."""
    shown: list[RenderableType] = []
    answering = [unit for unit in found if unit.answers]
    if answering:
        table = Table("unit", "manufacturer", "model", "version", "serial", "SunSpec")
        for unit in answering:
            table.add_row(str(unit.unit), *(Text(text) for text in _row(unit)))
        shown.append(table)
    for unit in answering:
        if unit.sunspec is not None:
            shown.append(_model_table(unit))
            if unit.reason:
                shown.append(Text(f"unit {unit.unit}: {unit.reason}"))
            shown += [
                Text(f"unit {unit.unit}, {made.role}: {remark}") for made in unit.suggestions for remark in made.remarks
            ]
    silent = [unit.unit for unit in found if not unit.answers]
    if silent:
        shown.append(Text(f"no answer from unit{'s' if len(silent) > 1 else ''} {ranges(silent)}"))
    return shown


def _row(unit: UnitFound) -> tuple[str, ...]:
    if unit.sunspec is None:
        return ("", "", "", "", unit.reason)
    found = unit.sunspec
    where = f"{len(found.models)} models from {found.base} on"
    return (found.manufacturer, found.model, found.version, found.serial, where)


def _model_table(unit: UnitFound) -> Table:
    assert unit.sunspec is not None
    table = Table("model", "title", "address", "length", "says now", title=f"unit {unit.unit}", title_justify="left")
    for model in unit.sunspec.models:
        says = ", ".join(_said(model, unit.values))
        table.add_row(str(model.id), Text(model.title or "-"), str(model.address), str(model.length), Text(says))
    return table


def _said(model: FoundModel, values: Values) -> Iterable[str]:
    said = values.get(model, {})
    for point in points_of_model(model):
        value = said.get(point.name)
        if value is not None:
            yield f"{point.name} {value:.9g}{' ' + point.spec.unit if point.spec.unit else ''}"


def ranges(numbers: Sequence[int]) -> str:
    """Sorted whole numbers as people write them: ``1-3, 7``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


# -- suggested profiles --------------------------------------------------------------------------


def profile_files(path: Path, found: Sequence[UnitFound]) -> dict[Path, str]:
    """Path and text of each profile to write; like devices share one.

    With a single profile that is `path`; with several, each has its role behind the name, and its unit when
    two units have the same role.
    """
    made: list[tuple[UnitFound, Suggestion]] = []
    for unit in found:
        made += [(unit, one) for one in unit.suggestions if all(one.profile != other.profile for _, other in made)]
    roles = [one.role for _, one in made]
    files = {}
    for unit, one in made:
        name = path.stem if len(made) == 1 else f"{path.stem}_{one.role}"
        if roles.count(one.role) > 1:
            name += f"_unit_{unit.unit}"
        files[path.with_name(name + path.suffix)] = profile_text(unit, one)
    return files


def profile_text(unit: UnitFound, made: Suggestion) -> str:
    """A profile as a YAML file, with what a person should look at as comments on top."""
    document = _mapping(made.profile)
    serial = f", serial {unit.sunspec.serial}" if unit.sunspec is not None and unit.sunspec.serial else ""
    comments = [f"Suggested by parkgrid probe from what unit {unit.unit} says{serial}", *made.remarks]
    document.yaml_set_start_comment("\n".join(comments))
    yaml = YAML()
    yaml.width = LINE
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _mapping(data: dict[str, Any]) -> CommentedMap:
    mapping = CommentedMap()
    for key, value in data.items():
        match value:
            case dict():
                mapping[key] = _mapping(value)
            case [dict(), *_]:
                mapping[key] = CommentedSeq([_flowing(CommentedMap(item)) for item in value])
            case list() if key == "sentinels":
                mapping[key] = _flowing(CommentedSeq([HexCapsInt(item) for item in value]))
            case list():
                mapping[key] = _flowing(CommentedSeq(value))
            case _:
                mapping[key] = value
    return mapping


def _flowing(collection: Any) -> Any:
    collection.fa.set_flow_style()
    return collection
