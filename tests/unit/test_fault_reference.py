"""docs/faults.md: every kind with its parameters and protocols, and the controller's reactions as they are measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_matrix import table

from simulators.faults.kinds import KINDS, parameters_of

TEXT = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_row(kind: str) -> None:
    model = KINDS[kind]
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{kind}` | {model.on} |")]
    _, _, _, protocols, _, parameters, _ = row.split("|")
    assert protocols.strip() == ", ".join(model.protocols)
    for name in parameters_of(model):
        assert f"`{name}`" in parameters, (kind, name)


@pytest.mark.parametrize("key", ["kind", "target", "at", "for", "id"])
def test_every_common_key_has_its_row(key: str) -> None:
    assert f"\n| `{key}` |" in TEXT


def test_the_matrix_is_the_one_that_is_measured() -> None:
    assert table() in TEXT, "python tests/plugins/fault_matrix.py prints what should stand there"
