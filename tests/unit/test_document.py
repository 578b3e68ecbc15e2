"""A YAML document remembers its lines, and what cannot be read is a fault, never an exception."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.document import MAX_BYTES, MAX_VALUES, Document, Fault, read_document
from config.loader import SiteError, example_site, load_site

DEMO = example_site("demo_park").read_text(encoding="utf-8").splitlines()


Read = Callable[[str | bytes], Document]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def of(content: str | bytes) -> Document:
        path = tmp_path / "file.yaml"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return read_document(path)

    return of


def test_every_location_has_its_line(read: Read) -> None:
    document = read("site: a\n\nassets:\n  battery: {kind: battery,\n    soc_min: 0.1}\n  list:\n    - x\n    - y\n")
    assert document.data == {
        "site": "a",
        "assets": {"battery": {"kind": "battery", "soc_min": 0.1}, "list": ["x", "y"]},
    }
    assert document.line(("site",)) == 1
    assert document.line(("assets", "battery", "soc_min")) == 5
    assert document.line(("assets", "list", 1)) == 8
    assert document.line(("assets", "battery", "capacity_kwh")) == 4  # what is missing belongs to what is around it


def test_a_key_given_twice_names_both_lines(read: Read) -> None:
    document = read("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n")
    assert [str(fault) for fault in document.faults] == [
        "file.yaml:4: b.c: is given twice, first in line 3",
        "file.yaml:5: a: is given twice, first in line 1",
    ]
    assert document.data == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ("", 1, "should hold keys and values"),
        ("# only a comment\n", 1, "should hold keys and values"),
        ("- a\n- b\n", 1, "should hold keys and values"),
        ("just a text", 1, "should hold keys and values"),
        ("a: 1\n\tb: 2\n", 2, "is not valid YAML"),
        ("a: 1\nb: [1, 2\n", 3, "is not valid YAML"),
        ("a: 1\nb: 'x\n", 3, "is not valid YAML"),
        ("a: 1\n---\nb: 1\n", 2, "but found another document"),
        (b"a: 1\nb: \xff\n", 2, "not a text in UTF-8"),
        (b"a: 1\nb: \x00\n", 2, "U+0000"),
        ("a: " + "[" * 5000, 1, "nested too deeply"),
        ("a: " + "x" * 10_000_000, 1, f"larger than {MAX_BYTES // 1000} kB"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_document_has_one_fault(read: Read, content: str | bytes, line: int, what: str) -> None:
    document = read(content)
    assert document.data is None
    (fault,) = document.faults
    assert fault.line == line
    assert what in fault.what


def test_a_missing_file_and_a_folder_are_faults(tmp_path: Path) -> None:
    assert "there is no file" in read_document(tmp_path / "none.yaml").faults[0].what
    assert "cannot be read" in read_document(tmp_path).faults[0].what


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("!odd x", "unknown tag !odd"),
        ("!!int foo", "'foo' cannot be read as a whole number"),
        ("2026-02-30", "'2026-02-30' cannot be read as a date"),
        ("9" * 5000, "cannot be read as a whole number"),
        ("&x [*x]", "refers to itself"),
        ('"a\\0b"', "control character"),
        ('"\\ud800"', "control character"),
        ("{<<: {b: 1}}", "'<<' cannot be a key here"),
        ("{[1, 2]: 3}", "a list or mapping cannot be a key here"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_fault_of_its_line(read: Read, value: str, what: str) -> None:
    document = read(f"a: 1\nb: {value}\n")
    (fault,) = document.faults
    assert fault.line == 2
    assert what in fault.what
    assert len(fault.what) < 120


def test_an_anchor_may_be_used_again(read: Read) -> None:
    document = read("a: &window {low: 0.1, high: 0.9}\nb: *window\n")
    assert document.faults == []
    assert document.data == {"a": {"low": 0.1, "high": 0.9}, "b": {"low": 0.1, "high": 0.9}}


def test_a_few_lines_cannot_stand_for_endless_values(read: Read) -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (fault,) = read("\n".join(lines)).faults
    assert f"a file may hold {MAX_VALUES}" in fault.what


def test_keys_are_texts(read: Read) -> None:
    assert read("1: a\ntrue: b\n2026-07: c\nnull: d\n").data == {"1": "a", "true": "b", "2026-07": "c", "null": "d"}


WORDS = "null true [] {} [a] {a:b} -1 .inf .nan 1e999 'x' *x &x !y @ % 0o9 012 12:30 2026-13-01 { } ' \" - ?"
PHRASES = f"{'9' * 400}|<<: 1|? a|- a|\t|!!int a|电|\u2028|\x07|"
GARBLE = st.sampled_from([*WORDS.split(), *PHRASES.split("|")])
CHANGE = st.one_of(
    st.tuples(st.just("drop"), st.just("")),
    st.tuples(st.just("double"), st.just("")),
    st.tuples(st.just("indent"), st.just("")),
    st.tuples(st.just("value"), GARBLE),
    st.tuples(st.just("key"), GARBLE),
    st.tuples(st.just("value"), st.text(max_size=8)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, len(DEMO) - 1), CHANGE), min_size=1, max_size=3))
def test_a_garbled_site_loads_or_is_refused(tmp_path: Path, changes: list[tuple[int, tuple[str, str]]]) -> None:
    lines = list(DEMO)
    for index, (how, text) in changes:
        line = lines[index]
        key, colon, value = line.partition(":")
        lines[index] = {
            "drop": "",
            "double": f"{line}\n{line}",
            "indent": f" {line}",
            "value": f"{key}{colon} {text}" if colon else text,
            "key": f"{key[: len(key) - len(key.lstrip())]}{text}{colon}{value}",
        }[how]
    path = tmp_path / "garbled.yaml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
    for fault in faults_of(path):
        assert fault.line >= 1
        assert fault.what
        assert len(fault.what) < 400


def faults_of(path: Path) -> tuple[Fault, ...]:
    try:
        load_site(path)
    except SiteError as error:
        return error.faults
    return ()
