"""A YAML document as plain data that remembers the line of everything in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Location = tuple[str | int, ...]
"""Where something stands in a document: keys and positions from the top."""


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


def dotted(location: Location) -> str:
    return ".".join(str(part) for part in location)


@dataclass(slots=True)
class Document:
    """The data of a YAML file, the line of each location, and the faults of its writing."""

    path: Path
    data: Any = None
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
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document.faults.append(Fault(path.name, 1, "", f"there is no file {path}"))
        return document
    except (OSError, UnicodeDecodeError) as error:
        document.faults.append(Fault(path.name, 1, "", f"cannot be read: {error}"))
        return document
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        document.faults.append(Fault(path.name, line, "", f"is not valid YAML: {error.problem or error.context}"))
        return document

    def build(node: Node, location: Location) -> Any:
        document.lines.setdefault(location, node.start_mark.line + 1)
        match node:
            case MappingNode():
                mapping: dict[Any, Any] = {}
                for key_node, value_node in node.value:
                    key = yaml.constructor.construct_object(key_node, deep=True)
                    if not isinstance(key, str | int):
                        key = str(key)
                    inner = (*location, key)
                    if key in mapping:
                        what = f"is given twice, first in line {document.lines[inner]}"
                        document.faults.append(Fault(path.name, key_node.start_mark.line + 1, dotted(inner), what))
                        continue
                    document.lines[inner] = key_node.start_mark.line + 1
                    mapping[key] = build(value_node, inner)
                return mapping
            case SequenceNode():
                return [build(item, (*location, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return yaml.constructor.construct_object(node, deep=True)
            case _:
                document.faults.append(document.fault(location, "has an unknown form"))
                return None

    if root is not None:
        document.data = build(root, ())
    if not isinstance(document.data, dict):
        document.faults.append(Fault(path.name, 1, "", "should hold keys and values at its top level"))
        document.data = {}
    return document
