"""Waits that double up to their cap, and never in step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.backoff import BackOff


def waits(backoff: BackOff, tries: int, chance: float) -> list[float]:
    """The waits after each of so many failures, each tried the moment it is due."""
    now_s, found = 100.0, []
    for _ in range(tries):
        backoff = backoff.failed(now_s, chance)
        found.append(backoff.next_s - now_s)
        now_s = backoff.next_s
    return found


def test_a_new_one_is_due_at_once() -> None:
    assert BackOff().due(0.0)


def test_waits_double_up_to_the_cap() -> None:
    assert waits(BackOff(), 8, chance=0.0) == [1, 2, 4, 8, 16, 32, 60, 60]
    assert waits(BackOff(cap_s=3.0), 4, chance=0.0) == [1, 2, 3, 3]


def test_chance_takes_off_up_to_a_quarter() -> None:
    assert waits(BackOff(), 3, chance=1.0) == [0.75, 1.5, 3.0]
    assert waits(BackOff(), 3, chance=0.5) == [0.875, 1.75, 3.5]


def test_due_from_the_very_moment() -> None:
    backoff = BackOff().failed(10.0, 0.0)
    assert not backoff.due(10.999)
    assert backoff.due(11.0)


def test_after_an_answer_the_next_failure_is_the_first() -> None:
    backoff = BackOff(cap_s=30.0)
    for _ in range(5):
        backoff = backoff.failed(0.0, 0.0)
    rested = backoff.succeeded()
    assert rested.due(0.0)
    assert rested.cap_s == 30.0
    assert rested.failed(50.0, 0.0).next_s == 51.0


def test_a_failure_that_does_not_count_makes_no_wait_longer() -> None:
    quick = BackOff().failed(10.0, 0.0, counts=False)
    assert (quick.failures, quick.due(10.14), quick.due(10.15)) == (0, False, True)
    slow = BackOff().failed(0.0, 0.0).failed(10.0, 0.0)
    assert slow.failed(100.0, 0.0, counts=False).next_s == 102.0
    assert slow.failed(100.0, 0.0).next_s == 104.0


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(1, 600))
def test_a_wait_is_never_longer_than_the_cap(failures: int, chance: float, cap_s: float) -> None:
    backoff = BackOff(cap_s=cap_s, failures=failures).failed(0.0, chance)
    assert 0.75 <= backoff.next_s <= cap_s
    assert backoff.failures == failures + 1


def test_devices_that_died_together_come_back_apart() -> None:
    first, second = BackOff().failed(0.0, 0.1), BackOff().failed(0.0, 0.9)
    assert first.next_s != pytest.approx(second.next_s, abs=0.1)
