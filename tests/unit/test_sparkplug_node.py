"""When an edge node is asked for its births, and how often."""

from __future__ import annotations

from drivers.sparkplug_node import NEWCOMER_S, REBIRTH_S, EdgeNode

BEGUN_S = 1000.0


def test_a_request_is_repeated_after_a_while() -> None:
    node = EdgeNode()
    node.want("meter", ["power"], may_ask=True)
    assert node.rebirth_due(BEGUN_S)
    assert not node.rebirth_due(BEGUN_S + REBIRTH_S - 0.1)
    assert node.rebirth_due(BEGUN_S + REBIRTH_S)


def test_a_newcomer_who_missed_the_birth_waits_for_a_moment_only() -> None:
    node = EdgeNode()
    node.want("meter", ["power"], may_ask=True)
    assert node.rebirth_due(BEGUN_S)
    for name in ("other", "third"):  # whoever comes meanwhile gets the same birth
        node.want(name, ["power"], may_ask=True)
        assert not node.rebirth_due(BEGUN_S + NEWCOMER_S - 0.1)
    assert node.rebirth_due(BEGUN_S + NEWCOMER_S)
    assert not node.rebirth_due(BEGUN_S + 2 * NEWCOMER_S)
    assert node.rebirth_due(BEGUN_S + NEWCOMER_S + REBIRTH_S)


def test_who_wants_what_is_known_already_is_no_newcomer() -> None:
    node = EdgeNode()
    node.want("meter", ["power"], may_ask=True)
    assert node.rebirth_due(BEGUN_S)
    node.want("meter", ["power"], may_ask=True)
    assert not node.rebirth_due(BEGUN_S + REBIRTH_S - 0.1)
