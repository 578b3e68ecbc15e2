"""Who wins when several want something: worked by hand, then for any bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.bounds import Bound, Priority, exactly, resolve

RATING = Bound("rating", Priority.DEVICE, -1000.0, 1000.0, "rated power")
DEFAULT = exactly("default", Priority.LOCAL, 0.0, "nobody asked")


def test_the_plan_is_followed_where_nobody_minds() -> None:
    resolved = resolve([RATING, exactly("plan", Priority.PLAN, 300.0, "plan 300"), DEFAULT])
    assert (resolved.value, resolved.owner, resolved.reason) == (300.0, "plan", "plan 300")
    assert (resolved.low, resolved.high) == (-1000.0, 1000.0)


def test_a_limit_cuts_the_plan_and_is_named() -> None:
    limit = Bound("limit", Priority.CONTRACT, -1000.0, 200.0, "import")
    resolved = resolve([RATING, limit, exactly("plan", Priority.PLAN, 300.0, "plan"), DEFAULT])
    assert (resolved.value, resolved.owner, resolved.reason) == (200.0, "limit", "import")
    assert (resolved.low, resolved.high) == (-1000.0, 200.0)


def test_a_limit_outside_of_the_rating_is_met_as_far_as_it_goes() -> None:
    limit = Bound("limit", Priority.CONTRACT, 1500.0, 3000.0, "needs 1500")
    resolved = resolve([RATING, limit, DEFAULT])
    assert (resolved.value, resolved.owner) == (1000.0, "rating")


def test_a_limit_below_the_rating_is_met_as_far_as_it_goes() -> None:
    resolved = resolve([RATING, Bound("limit", Priority.CONTRACT, -3000.0, -1500.0, "at most"), DEFAULT])
    assert (resolved.value, resolved.owner) == (-1000.0, "rating")


def test_the_operator_beats_the_plan_but_not_the_limit() -> None:
    limit = Bound("limit", Priority.CONTRACT, -1000.0, 200.0, "export")
    override = exactly("operator", Priority.OPERATOR, 150.0, "by hand")
    plan = exactly("plan", Priority.PLAN, -400.0, "plan")
    assert resolve([RATING, limit, override, plan, DEFAULT]).owner == "operator"
    high = exactly("operator", Priority.OPERATOR, 900.0, "by hand")
    assert resolve([RATING, limit, high, plan, DEFAULT]).value == 200.0


def test_order_of_mention_does_not_matter_across_priorities() -> None:
    plan = exactly("plan", Priority.PLAN, 300.0, "plan")
    assert resolve([DEFAULT, plan, RATING]) == resolve([RATING, plan, DEFAULT])


def test_a_wish_at_the_edge_of_a_limit_is_the_wish_of_who_asked() -> None:
    resolved = resolve([RATING, exactly("plan", Priority.PLAN, 1000.0, "plan"), DEFAULT])
    assert resolved.owner == "plan"


def test_of_two_owners_of_one_priority_the_later_word_pins() -> None:
    one_way = Bound("rating", Priority.DEVICE, 0.0, 400.0, "rated power")
    full = exactly("tank", Priority.DEVICE, 0.0, "tank full")
    resolved = resolve([one_way, full, exactly("plan", Priority.PLAN, 200.0, "plan"), DEFAULT])
    assert (resolved.value, resolved.owner, resolved.reason) == (0.0, "tank", "tank full")


def test_where_two_limits_meet_the_lower_one_closed_the_gap() -> None:
    low = Bound("rating", Priority.DEVICE, 0.0, math.inf, "one-way")
    high = Bound("limit", Priority.CONTRACT, -math.inf, 0.0, "no export")
    assert resolve([low, high, exactly("plan", Priority.PLAN, 5.0, "plan")]).owner == "limit"


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (math.nan, 1.0), (0.0, math.nan)])
def test_a_bound_that_is_no_range_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="bound of me"):
        Bound("me", Priority.PLAN, low, high, "")


def test_without_a_default_a_range_that_is_left_is_an_error() -> None:
    with pytest.raises(ValueError, match="local default is missing"):
        resolve([RATING])
    with pytest.raises(ValueError, match="local default is missing"):
        resolve([])


KW = st.floats(min_value=-5000, max_value=5000)
PRIORITIES = st.sampled_from([p for p in Priority if p is not Priority.LOCAL])
BOUNDS = st.lists(
    st.builds(
        lambda name, priority, ends: Bound(name, priority, min(ends), max(ends), "any"),
        st.sampled_from("abcdef"),
        PRIORITIES,
        st.tuples(KW, KW),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(bounds=BOUNDS, default=KW)
def test_a_lower_priority_never_relaxes_a_higher_one(bounds: list[Bound], default: float) -> None:
    local = exactly("default", Priority.LOCAL, default, "nobody asked")
    resolved = resolve([*bounds, local])
    # by hand: walk down the priorities with the range that is left, a bound outside of it ends at the nearest edge
    low, high = -math.inf, math.inf
    for bound in [*sorted(bounds, key=lambda bound: bound.priority), local]:
        low, high = (
            min(max(low, bound.low), high),
            max(min(high, bound.high), low),
        )
        assert low <= resolved.value <= high
    assert low == high == resolved.value
    assert resolved.owner in {bound.owner for bound in [*bounds, local]}
    assert resolved.low <= resolved.value <= resolved.high
