"""The alarm board: delays, what stands, what a restart brings back, and no state that is never left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.alarming.alarm import Alarm, AlarmEvent, Condition, PutAside
from controller.alarming.board import AlarmBoard
from controller.alarming.kinds import KINDS, LANGUAGES
from controller.alarming.rates import CHATTER_S, FLOOD_RAISES, FLOOD_S
from controller.alarming.states import ACTIVE, STANDING, Event, State, next_standing, shown_again

START = datetime(2026, 10, 14, 4, 0, tzinfo=UTC)
SLOWEST_S = max(max(kind.on_delay_s, kind.off_delay_s) for kind in KINDS.values())


def lost(text: str = "grid meter is silent") -> Condition:
    return Condition("grid_meter_lost", "grid", text)


def over(text: str = "import of 3100 kW") -> Condition:
    """Raised after 5 s and cleared after 5 s."""
    return Condition("import_limit_exceeded", "grid", text)


def at(board: AlarmBoard, second: float, *conditions: Condition) -> list[tuple[str, str]]:
    events = board.update(conditions, START + timedelta(seconds=second), second)
    return [(event.alarm.kind.name, event.what) for event in events]


def seen(board: AlarmBoard, second: float = 0.0) -> list[tuple[str, str]]:
    keys = [(alarm.kind.name, alarm.asset) for alarm in board.alarms]
    events = board.acknowledge(keys, START + timedelta(seconds=second), "li")
    return [(event.alarm.kind.name, event.what) for event in events]


def states(board: AlarmBoard) -> dict[str, str]:
    return {alarm.name: alarm.state.value for alarm in board.alarms}


def test_an_alarm_without_delay_is_raised_and_cleared_at_once() -> None:
    board = AlarmBoard()
    assert at(board, 0.0, lost()) == [("grid_meter_lost", "raised")]
    assert [(alarm.asset, alarm.text, alarm.since) for alarm in board.active] == [
        ("grid", "grid meter is silent", START)
    ]
    assert at(board, 1.0, lost()) == []
    assert at(board, 2.0) == [("grid_meter_lost", "cleared")]
    assert board.active == ()
    assert board.raised_count == 1


def test_a_delay_passes_before_an_alarm_is_raised() -> None:
    board = AlarmBoard()
    assert at(board, 0.0, over()) == []
    assert at(board, 4.9, over()) == []
    assert at(board, 5.0, over()) == [("import_limit_exceeded", "raised")]


def test_a_condition_that_goes_away_within_the_delay_starts_again() -> None:
    board = AlarmBoard()
    for second in range(20):
        assert at(board, float(second), *([over()] if second % 4 else [])) == []
    assert board.raised_count == 0


def test_an_alarm_that_comes_back_within_its_delay_stands_on() -> None:
    board = AlarmBoard()
    at(board, 0.0, over())
    at(board, 5.0, over())
    assert at(board, 6.0) == []
    assert at(board, 9.0, over()) == []
    assert at(board, 10.0) == []
    assert at(board, 14.9) == []
    assert at(board, 15.0) == [("import_limit_exceeded", "cleared")]


def test_one_event_of_a_moment_stands_for_its_delay() -> None:
    board = AlarmBoard()
    assert at(board, 0.0, Condition("clock_jumped", "", "by +3600 s")) == [("clock_jumped", "raised")]
    assert at(board, 1.0) == []
    assert at(board, 60.0) == []
    assert at(board, 61.0) == [("clock_jumped", "cleared")]


def test_the_same_kind_stands_for_each_asset_apart() -> None:
    board = AlarmBoard()
    battery = Condition("asset_unavailable", "battery", "soc is 30 s old")
    wind = Condition("asset_unavailable", "wind", "was never read")
    assert at(board, 0.0, battery) == []
    assert at(board, 2.0, battery, wind) == [("asset_unavailable", "raised")]
    assert at(board, 4.0, battery, wind) == [("asset_unavailable", "raised")]
    at(board, 5.0, wind)
    assert at(board, 7.0, wind) == [("asset_unavailable", "cleared")]
    assert [alarm.asset for alarm in board.active] == ["wind"]


def test_a_jump_of_the_calendar_does_not_touch_the_delays() -> None:
    board = AlarmBoard()
    board.update([over()], START, 0.0)
    assert board.update([over()], START + timedelta(days=1), 1.0) == []
    assert [event.what for event in board.update([over()], START - timedelta(days=1), 5.0)] == ["raised"]


def standing_since(since: datetime) -> Alarm:
    return Alarm(
        kind=KINDS["import_limit_exceeded"],
        asset="grid",
        text="import of 3200 kW",
        since=since,
        standing=State.UNACKNOWLEDGED,
    )


def test_an_alarm_that_stood_before_a_restart_is_not_raised_again() -> None:
    before = standing_since(START - timedelta(hours=1))
    board = AlarmBoard([before])
    assert at(board, 0.0, over()) == []
    assert board.raised_count == 0
    assert [(alarm.since, alarm.text) for alarm in board.active] == [(before.since, before.text)]


def test_an_alarm_whose_cause_went_during_the_restart_is_cleared_after_its_delay() -> None:
    board = AlarmBoard([standing_since(START)])
    assert at(board, 100.0) == []
    assert at(board, 105.0) == [("import_limit_exceeded", "cleared")]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_tells_a_person_what_it_means_and_what_to_do(kind, language: str) -> None:
    words = kind.words(language)
    assert KINDS[kind.name] is kind
    assert kind.priority in ("high", "medium", "low")
    assert words.title
    for sentence in (words.cause, words.consequence, words.action):
        assert sentence.endswith("." if language == "en" else "。")
    for each in LANGUAGES.values():
        assert set(each) == set(KINDS)


# -- acknowledging, latching, putting aside ------------------------------------------------------------


def test_what_went_unseen_stays_on_the_list_until_it_is_acknowledged() -> None:
    board = AlarmBoard()
    at(board, 0.0, lost())
    at(board, 1.0)
    assert states(board) == {"grid_meter_lost:grid": "returned"}
    assert board.active == ()
    assert seen(board, 2.0) == [("grid_meter_lost", "acknowledged")]
    assert states(board) == {}


def test_what_was_acknowledged_goes_with_its_cause() -> None:
    board = AlarmBoard()
    at(board, 0.0, lost())
    assert seen(board) == [("grid_meter_lost", "acknowledged")]
    assert states(board) == {"grid_meter_lost:grid": "acknowledged"}
    assert seen(board) == []
    assert at(board, 1.0) == [("grid_meter_lost", "cleared")]
    assert states(board) == {}


def test_what_comes_back_must_be_seen_anew() -> None:
    board = AlarmBoard()
    at(board, 0.0, lost())
    at(board, 1.0)
    assert at(board, 2.0, lost("again")) == [("grid_meter_lost", "raised")]
    assert [(alarm.text, alarm.since) for alarm in board.active] == [("again", START + timedelta(seconds=2))]


def test_a_latched_alarm_stays_until_it_is_reset() -> None:
    board = AlarmBoard()
    key = ("internal_error", "")
    assert at(board, 0.0, Condition(*key, "cycle: KeyError")) == [("internal_error", "raised")]
    assert board.reset([key], START, "li") == []  # its cause is still there
    at(board, 1.0)
    assert at(board, 61.0) == [("internal_error", "latched")]
    assert states(board) == {"internal_error": "latched_unacknowledged"}
    assert [alarm.kind.name for alarm in board.active] == ["internal_error"]
    assert seen(board, 62.0) == [("internal_error", "acknowledged")]
    (event,) = board.reset([key], START, "li")
    assert (event.what, event.by) == ("reset", "li")
    assert states(board) == {}


def test_a_shelved_alarm_is_shown_again_in_time() -> None:
    board = AlarmBoard()
    at(board, 0.0, lost())
    key = ("grid_meter_lost", "grid")
    shelf = PutAside(by="li", reason="meter is changed", at=START, until=START + timedelta(seconds=100))
    assert [event.what for event in board.put_aside(key, shelf)] == ["shelved"]
    assert board.active == ()
    assert at(board, 50.0) == []
    assert at(board, 60.0, lost()) == []
    assert at(board, 99.0, lost()) == []
    assert at(board, 100.0, lost()) == [("grid_meter_lost", "raised")]
    assert board.raised_count == 2


def test_a_shelf_hides_an_alarm_before_it_comes_and_leaves_nothing_when_it_ends_without() -> None:
    board = AlarmBoard()
    key = ("grid_meter_lost", "grid")
    board.put_aside(key, PutAside(by="li", reason="work", at=START, until=START + timedelta(seconds=100)))
    assert at(board, 1.0, lost()) == []
    assert at(board, 2.0) == []
    assert at(board, 100.0) == [("grid_meter_lost", "shown_again")]
    assert states(board) == {}


def test_what_is_out_of_service_stays_so_until_it_is_put_back() -> None:
    board = AlarmBoard()
    key = ("grid_meter_lost", "grid")
    (event,) = board.put_aside(key, PutAside(by="li", reason="no meter yet", at=START, until=None))
    assert (event.what, event.alarm.state) == ("out_of_service", State.OUT_OF_SERVICE)
    for second in range(1, 100_000, 10_000):
        assert at(board, float(second), lost()) == []
    assert [event.what for event in board.put_back(key, START, "li")] == ["raised"]
    assert [event.what for event in board.put_back(key, START, "li")] == []


def test_an_acknowledgement_does_not_outlive_a_shelf() -> None:
    board = AlarmBoard()
    key = ("grid_meter_lost", "grid")
    at(board, 0.0, lost())
    seen(board)
    board.put_aside(key, PutAside(by="li", reason="work", at=START, until=START + timedelta(seconds=10)))
    assert at(board, 10.0, lost()) == [("grid_meter_lost", "raised")]


# -- suppression, deadband, chatter, flood ---------------------------------------------------------------

BROKER = ("connection_lost", "broker")


def behind(asset: str) -> Condition:
    return Condition("asset_unavailable", asset, "silent", explained_by=BROKER)


def test_what_another_alarm_explains_is_not_shown() -> None:
    board = AlarmBoard()
    down = Condition(*BROKER, "no answer")
    assert at(board, 0.0, behind("hall_1"), behind("hall_2"), down) == []
    events = at(board, 2.0, behind("hall_1"), behind("hall_2"), down)
    assert sorted(events) == [
        ("asset_unavailable", "suppressed"),
        ("asset_unavailable", "suppressed"),
        ("connection_lost", "raised"),
    ]
    assert [alarm.name for alarm in board.active] == ["connection_lost:broker"]
    assert board.raised_count == 1
    # the broker is back, and one meter is not
    assert at(board, 3.0, behind("hall_2")) == []
    assert at(board, 5.0, behind("hall_2")) == [("asset_unavailable", "cleared")]
    events = at(board, 8.0, behind("hall_2"))
    assert sorted(events) == [("asset_unavailable", "raised"), ("connection_lost", "cleared")]
    assert [alarm.name for alarm in board.active] == ["asset_unavailable:hall_2"]


def test_an_alarm_that_came_first_is_suppressed_when_its_explanation_comes() -> None:
    board = AlarmBoard()
    at(board, 0.0, behind("hall_1"))
    assert at(board, 2.0, behind("hall_1")) == [("asset_unavailable", "raised")]
    down = Condition(*BROKER, "no answer")
    at(board, 3.0, behind("hall_1"), down)
    assert sorted(at(board, 5.0, behind("hall_1"), down)) == [
        ("asset_unavailable", "suppressed"),
        ("connection_lost", "raised"),
    ]


def test_within_the_deadband_an_alarm_neither_comes_nor_goes() -> None:
    board = AlarmBoard()
    near = Condition("import_limit_exceeded", "grid", "2990 kW", nearly=True)
    for second in range(20):
        assert at(board, float(second), near) == []
    at(board, 20.0, over())
    assert at(board, 25.0, over()) == [("import_limit_exceeded", "raised")]
    for second in range(26, 60):
        assert at(board, float(second), near) == []
    at(board, 60.0)
    assert at(board, 65.0) == [("import_limit_exceeded", "cleared")]


def test_a_chattering_alarm_is_held_for_a_quiet_minute() -> None:
    board = AlarmBoard()
    events = []
    for second in range(40):
        events += at(board, float(second), *([lost()] if second % 4 == 0 else []))
    # comes at 0, 4 and 8, and then stands
    assert [what for _, what in events] == ["raised", "cleared", "raised", "cleared", "raised"]
    (alarm,) = board.active
    assert (alarm.chattering, alarm.present) == (True, False)
    assert at(board, 35.0 + CHATTER_S) == []
    assert at(board, 36.0 + CHATTER_S) == [("grid_meter_lost", "cleared")]


def test_a_flood_is_told_by_one_more_alarm() -> None:
    board = AlarmBoard()
    many = [Condition("planner_lost", f"asset_{number}", "") for number in range(FLOOD_RAISES)]
    assert len(at(board, 0.0, *many)) == FLOOD_RAISES
    assert ("alarm_flood", "raised") in at(board, 1.0, *many, lost())
    assert at(board, 2.0) != []
    assert ("alarm_flood", "cleared") in at(board, FLOOD_S, lost())
    assert board.raised_count == FLOOD_RAISES + 3  # and the meter came twice


# -- the machine as a whole --------------------------------------------------------------------------

TABLE = {
    # state: after RAISE, RETURN, RETURN of one that latches, ACKNOWLEDGE, RESET
    State.NORMAL: ("UNACKNOWLEDGED", "NORMAL", "NORMAL", "NORMAL", "NORMAL"),
    State.UNACKNOWLEDGED: (
        "UNACKNOWLEDGED",
        "RETURNED",
        "LATCHED_UNACKNOWLEDGED",
        "ACKNOWLEDGED",
        "UNACKNOWLEDGED",
    ),
    State.ACKNOWLEDGED: ("ACKNOWLEDGED", "NORMAL", "LATCHED", "ACKNOWLEDGED", "ACKNOWLEDGED"),
    State.RETURNED: ("UNACKNOWLEDGED", "RETURNED", "RETURNED", "NORMAL", "RETURNED"),
    State.LATCHED_UNACKNOWLEDGED: (
        "UNACKNOWLEDGED",
        "LATCHED_UNACKNOWLEDGED",
        "LATCHED_UNACKNOWLEDGED",
        "LATCHED",
        "RETURNED",
    ),
    State.LATCHED: ("UNACKNOWLEDGED", "LATCHED", "LATCHED", "LATCHED", "NORMAL"),
}


@pytest.mark.parametrize("state", STANDING, ids=lambda state: state.value)
def test_every_event_in_every_state(state: State) -> None:
    found = (
        next_standing(state, Event.RAISE, latches=False),
        next_standing(state, Event.RETURN, latches=False),
        next_standing(state, Event.RETURN, latches=True),
        next_standing(state, Event.ACKNOWLEDGE, latches=False),
        next_standing(state, Event.RESET, latches=False),
    )
    assert tuple(after.name for after in found) == TABLE[state]
    assert shown_again(state) in STANDING


CONDITIONS = st.lists(
    st.builds(
        Condition,
        st.sampled_from(sorted(set(KINDS) - {"alarm_flood"})),
        st.sampled_from(["", "battery", "wind"]),
        st.just("text"),
        st.sampled_from([None, ("connection_lost", "battery"), ("planner_lost", "")]),
        st.booleans(),
    ),
    max_size=5,
)
KEYS = st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(["", "battery", "wind"]))
DEEDS = st.sampled_from(["", "acknowledge", "reset", "shelve", "out_of_service", "put_back"])
STEPS = st.lists(st.tuples(st.sampled_from([0.2, 1.0, 7.0, 90.0]), CONDITIONS, DEEDS, KEYS), max_size=30)


def done(board: AlarmBoard, deed: str, key: tuple[str, str], now: datetime) -> list[AlarmEvent]:
    match deed:
        case "acknowledge":
            return board.acknowledge([key], now, "li")
        case "reset":
            return board.reset([key], now, "li")
        case "shelve" | "out_of_service":
            until = now + timedelta(seconds=60) if deed == "shelve" else None
            return board.put_aside(key, PutAside(by="li", reason="why", at=now, until=until))
        case "put_back":
            return board.put_back(key, now, "li")
        case _:
            return []


@settings(deadline=None)
@given(steps=STEPS, last=CONDITIONS)
def test_from_any_past_the_board_ends_where_the_present_says_and_people_can_empty_it(
    steps: list[tuple[float, list[Condition], str, tuple[str, str]]], last: list[Condition]
) -> None:
    board = AlarmBoard()
    now_s = 0.0
    last = [condition for condition in last if not condition.nearly]
    shown: dict[tuple[str, str], bool] = {}

    def follow(events: list[AlarmEvent]) -> None:
        for event in events:
            key = (event.alarm.kind.name, event.alarm.asset)
            # what is told is what a list would show
            assert event.alarm.active is (event.alarm.state in ACTIVE)
            assert event.what != "raised" or event.alarm.active
            shown[key] = event.alarm.active

    for passed_s, conditions, deed, key in steps:
        now_s += passed_s
        now = START + timedelta(seconds=now_s)
        follow(done(board, deed, key, now))
        follow(board.update(conditions, now, now_s))
    everything = [(alarm.kind.name, alarm.asset) for alarm in board.alarms]
    for key in everything:
        follow(board.put_back(key, START, "li"))
    for _ in range(3):
        follow(board.update(last, START + timedelta(seconds=now_s), now_s))
        now_s += FLOOD_S + SLOWEST_S
        follow(board.update(last, START + timedelta(seconds=now_s), now_s))
        follow(board.acknowledge([(alarm.kind.name, alarm.asset) for alarm in board.alarms], START, "li"))
        follow(board.reset([(alarm.kind.name, alarm.asset) for alarm in board.alarms], START, "li"))
    present = {condition.key for condition in last}
    assert {(alarm.kind.name, alarm.asset) for alarm in board.alarms} == present
    assert {alarm.state for alarm in board.alarms} <= {State.ACKNOWLEDGED, State.SUPPRESSED}
    assert {key for key, active in shown.items() if active} == {
        (alarm.kind.name, alarm.asset) for alarm in board.active
    }
