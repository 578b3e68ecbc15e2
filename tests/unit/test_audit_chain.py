"""The audit: a chain that shows every change, survives crashes and takes appends of several processes."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.auditing.chain import AuditChain, AuditError
from controller.auditing.entry import Entry, Sealed, genesis
from controller.auditing.verify import BrokenChain, entries

START = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
SITE = "demo_park"


def entry(number: int, at: datetime = START) -> Entry:
    return Entry(
        at=at + timedelta(seconds=number),
        kind="write",
        who="plan",
        what="battery_pcs.power_setpoint_kw",
        asset="battery",
        value=float(number),
        outcome="confirmed",
        why="charging: cheap valley, 谷电",
    )


@pytest.fixture
def chain(tmp_path: Path) -> AuditChain:
    """Ten entries, in three appends."""
    chain = AuditChain(tmp_path, SITE)
    for first, last in ((1, 5), (5, 6), (6, 11)):
        chain.append([entry(number) for number in range(first, last)])
    return chain


def verified(chain: AuditChain, site: str = SITE) -> list[Sealed]:
    return list(entries(AuditChain(chain.folder.parent, site), site))


def broken(chain: AuditChain) -> str:
    with pytest.raises(BrokenChain) as caught:
        verified(chain)
    return str(caught.value)


def lines(chain: AuditChain) -> list[str]:
    return chain.files()[0].read_text(encoding="utf-8").splitlines()


def rewrite(chain: AuditChain, text: list[str]) -> None:
    chain.files()[0].write_text("".join(line + "\n" for line in text), encoding="utf-8")


def test_each_entry_is_tied_to_the_one_before_it(chain: AuditChain) -> None:
    found = verified(chain)
    assert [each.number for each in found] == list(range(1, 11))
    assert found[0].before == genesis(SITE) == hashlib.sha256(b"parkgrid audit of demo_park").hexdigest()
    assert [each.before for each in found[1:]] == [each.seal for each in found[:-1]]
    assert found[2].value == 3.0
    assert found[2].why.endswith("谷电")


def test_a_seal_can_be_worked_out_without_parkgrid(chain: AuditChain) -> None:
    content = json.loads(lines(chain)[4])
    seal = content.pop("seal")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == seal


def test_a_chain_belongs_to_its_site(chain: AuditChain) -> None:
    with pytest.raises(BrokenChain, match="entry 1 is not tied to the one before it"):
        verified(chain, "other_park")


@pytest.mark.parametrize("field", sorted(Sealed.model_fields))
def test_a_changed_field_is_found(chain: AuditChain, field: str) -> None:
    text = lines(chain)
    content = json.loads(text[3])
    other = {
        "at": "2026-11-27T21:00:00Z",
        "kind": "operator",
        "value": 99.0,
        "number": 40,
        "repeated": 7,
        "before": "0" * 64,
        "seal": "1" * 64,
    }
    content[field] = other.get(field, "another")
    text[3] = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    rewrite(chain, text)
    assert broken(chain).startswith("2026-11.jsonl:4: entry ")


def test_a_removed_a_moved_and_an_added_entry_are_found(chain: AuditChain) -> None:
    text = lines(chain)
    rewrite(chain, [*text[:3], *text[4:]])
    assert broken(chain) == "2026-11.jsonl:4: entry 5 stands where 4 should"
    rewrite(chain, [*text[:3], text[4], text[3], *text[5:]])
    assert broken(chain) == "2026-11.jsonl:4: entry 5 stands where 4 should"
    rewrite(chain, [*text[:4], text[3], *text[4:]])
    assert broken(chain) == "2026-11.jsonl:5: entry 4 stands where 5 should"
    rewrite(chain, text[1:])
    assert broken(chain) == "2026-11.jsonl:1: entry 2 stands where 1 should"


def test_what_is_missing_at_the_end_leaves_a_whole_chain_without_its_seal(chain: AuditChain) -> None:
    noted = verified(chain)[-1].seal
    rewrite(chain, lines(chain)[:-1])
    assert noted not in {each.seal for each in verified(chain)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(data=st.data())
def test_any_flipped_byte_is_found(chain: AuditChain, data: st.DataObject) -> None:
    path = chain.files()[0]
    text = path.read_bytes()
    place = data.draw(st.integers(0, len(text) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(text)
    changed[place] ^= 1 << bit
    try:
        path.write_bytes(bytes(changed))
        broken(chain)
    finally:
        path.write_bytes(text)


def test_each_month_has_its_file_and_the_chain_goes_on(tmp_path: Path) -> None:
    chain = AuditChain(tmp_path, SITE)
    december = datetime(2026, 12, 1, tzinfo=UTC)
    chain.append([entry(1)])
    chain.append([entry(1, december)])
    # the clock has gone back
    chain.append([entry(1)])
    assert [path.name for path in chain.files()] == ["2026-11.jsonl", "2026-12.jsonl"]
    assert [each.number for each in verified(chain)] == [1, 2, 3]
    chain.files()[0].unlink()
    assert broken(chain) == "2026-12.jsonl:1: entry 2 stands where 1 should"


def test_a_torn_entry_is_kept_aside_and_the_chain_says_so(chain: AuditChain) -> None:
    path = chain.files()[0]
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"after":"a crash')
    assert broken(chain) == "2026-11.jsonl:11: the last entry is torn"
    again = AuditChain(chain.folder.parent, SITE)
    again.append([entry(20)])
    assert (chain.folder / "torn_1").read_bytes() == b'{"after":"a crash'
    found = verified(chain)
    assert [each.what for each in found[-2:]] == ["torn entry put aside", "battery_pcs.power_setpoint_kw"]
    assert "17 bytes at the end of 2026-11.jsonl were no whole entry; they are kept in torn_1" in found[-2].why


def test_two_processes_append_to_one_chain(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from controller.auditing.chain import AuditChain; from controller.auditing.entry import Entry\n"
        f"chain = AuditChain(Path({str(tmp_path)!r}), {SITE!r})\n"
        "for n in range(50):\n"
        "    chain.append([Entry(at=datetime.now(UTC), kind='operator', who=sys.argv[1], what='look', value=n)])\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", script, who]) for who in ("li", "wang", "zhang")]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    found = verified(AuditChain(tmp_path, SITE))
    assert len(found) == 150
    for who in ("li", "wang", "zhang"):
        assert [each.value for each in found if each.who == who] == [float(n) for n in range(50)]


def test_kill_9_in_the_middle_of_appending_loses_nothing_that_was_there(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from datetime import datetime, UTC\n"
        "from controller.auditing.chain import AuditChain; from controller.auditing.entry import Entry\n"
        f"chain = AuditChain(Path({str(tmp_path)!r}), {SITE!r})\n"
        "while True:\n"
        "    entry = Entry(at=datetime.now(UTC), kind='operator', who='li', what='x' * 9000)\n"
        "    print(chain.append([entry]).number, flush=True)\n"
    )
    last = 0
    for pause_s in (0.3, 0.35, 0.4):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        said = [int(line) for line in process.communicate()[0].splitlines() if line]
        last = max([last, *said])
        chain = AuditChain(tmp_path, SITE)
        chain.append([entry(1)])
        assert len(verified(chain)) >= last


def test_a_place_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("")
    with pytest.raises(AuditError, match="audit"):
        AuditChain(tmp_path, SITE).append([entry(1)])
