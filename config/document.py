"""A YAML document as plain data that remembers the line of everything in it."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

Location = tuple[str | int, ...]
"""Where something stands in a document: keys and positions from the top."""

# A site of a thousand devices takes some 400 kB; the parser needs about 10 s for a megabyte.
MAX_BYTES = 1_000_000
# Aliases let a few lines stand for any number of values; nobody writes so many by hand.
MAX_VALUES = 100_000

# Nothing that a terminal or a telemetry line would stumble over.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_KINDS = {"int": "whole number", "float": "number", "bool": "true or false", "timestamp": "date"}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a file, in words for the engineer who wrote it."""

    file: str
    line: int
    where: str
    """Dotted path of the key."""
    what: str
    """What is wrong, and what is allowed."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return f"{place}: {self.where}: {self.what}" if self.where else f"{place}: {self.what}"


def shown(value: object) -> str:
    """A value as it may stand in a message: quoted, and cut when it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def dotted(location: Location) -> str:
    return ".".join(str(part) for part in location)


@dataclass(slots=True)
class Document:
    """The data of a YAML file, the line of each location, and the faults of its writing."""

    path: Path
    data: dict[str, Any] | None = None
    """None when the file cannot be read as keys and values at all; `faults` says why."""
    lines: dict[Location, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, location: Location) -> int:
        """The line of a location, or of the nearest thing around it that the file has."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def fault(self, location: Location, what: str) -> Fault:
        return Fault(self.path.name, self.line(location), dotted(location), what)


def read_document(path: Path) -> Document:
    """Read a YAML file. What cannot be read is a fault of the document, not an exception."""
    document = Document(path)
    try:
        text = _text(path)
        root = _composed(text) if text is not None else None
        if text is None:
            document.faults.append(Fault(path.name, 1, "", f"is larger than {MAX_BYTES // 1000} kB"))
        elif isinstance(root, MappingNode):
            document.data = _Builder(document).mapping(root, ())
        else:
            document.faults.append(Fault(path.name, 1, "", "should hold keys and values at its top level"))
    except FileNotFoundError:
        document.faults.append(Fault(path.name, 1, "", f"there is no file {path}"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        document.faults.append(Fault(path.name, line, "", "is not a text in UTF-8"))
    except (OSError, ValueError) as error:
        document.faults.append(Fault(path.name, 1, "", f"cannot be read: {error}"))
    except RecursionError:
        document.faults.append(Fault(path.name, 1, "", "is nested too deeply"))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if text else 1
        document.faults.append(
            Fault(path.name, line, "", f"holds a character that YAML does not allow: {_code(error)}")
        )
    except ReusedAnchorWarning as warning:
        lines = [int(number) for number in re.findall(r"line: (\d+)", str(warning))]
        document.faults.append(Fault(path.name, max(lines, default=1), "", "names an anchor (&) that is named already"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        document.faults.append(Fault(path.name, line, "", f"is not valid YAML: {error.problem or error.context}"))
    return document


def _composed(text: str) -> Node | None:
    """The nodes of a text. Raises what ruamel raises, and ReusedAnchorWarning, of which it would only warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ReusedAnchorWarning)
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
        return root


def _text(path: Path) -> str | None:
    """The text of a file, None when it is too large to be a configuration."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    return content.decode("utf-8") if len(content) <= MAX_BYTES else None


def _code(error: ReaderError) -> str:
    character = error.character
    return f"U+{character if isinstance(character, int) else ord(character):04X}"


class _Builder:
    """Plain data from YAML nodes, noting lines and faults in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._constructor = YAML(typ="safe", pure=True).constructor
        self._open: set[int] = set()
        self._count = 0

    def mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        self._document.lines.setdefault(location, node.start_mark.line + 1)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or str(key_node.tag).endswith(":merge"):
                shown = "'<<'" if isinstance(key_node, ScalarNode) else "a list or mapping"
                self._fault(location, line, f"{shown} cannot be a key here; write the keys out")
                continue
            key = str(key_node.value)
            inner = (*location, key)
            if key in mapping:
                self._fault(inner, line, f"is given twice, first in line {self._document.lines[inner]}")
                continue
            self._document.lines[inner] = line
            mapping[key] = self._value(value_node, inner)
        return mapping

    def _value(self, node: Node, location: Location) -> Any:
        line = node.start_mark.line + 1
        self._document.lines.setdefault(location, line)
        self._count += 1
        if id(node) in self._open:
            self._fault(location, line, "refers to itself")
            return None
        if self._count > MAX_VALUES:
            if self._count == MAX_VALUES + 1:
                self._fault(location, line, f"is one value too many: a file may hold {MAX_VALUES}")
            return None
        self._open.add(id(node))
        try:
            match node:
                case MappingNode():
                    return self.mapping(node, location)
                case SequenceNode():
                    return [self._value(item, (*location, index)) for index, item in enumerate(node.value)]
                case _:
                    return self._scalar(node, location)
        finally:
            self._open.remove(id(node))

    def _scalar(self, node: Node, location: Location) -> Any:
        kind = str(node.tag).rpartition(":")[2]
        line = node.start_mark.line + 1
        if kind not in ("str", "int", "float", "bool", "null", "timestamp"):
            self._fault(location, line, f"has an unknown tag {node.tag}")
            return None
        if _UNPRINTABLE.search(node.value):
            self._fault(location, line, f"{shown(node.value)} holds a control character")
            return None
        try:
            return self._constructor.construct_object(node, deep=True)
        except (ValueError, OverflowError, YAMLError):
            self._fault(location, line, f"{shown(node.value)} cannot be read as a {_KINDS.get(kind, kind)}")
            return None

    def _fault(self, location: Location, line: int, what: str) -> None:
        self._document.faults.append(Fault(self._document.path.name, line, dotted(location), what))
