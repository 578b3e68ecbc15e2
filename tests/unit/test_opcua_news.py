"""When what a subscription says is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua

from drivers.opcua_news import OpcuaNews, SubscriptionLost
from drivers.quality import Stamp

NOW = datetime(2026, 10, 14, 8, tzinfo=UTC)
PATIENCE_S = 2.0
POWER = ua.NodeId("Power", 2)
SOC = ua.NodeId("Soc", 2)


def at(seconds: float) -> Stamp:
    return Stamp(received_s=seconds, at=NOW + timedelta(seconds=seconds))


def message(sequence: int, sent_s: float, *said: tuple[int, float], clock_s: float = 500.0) -> ua.NotificationMessage:
    """Sent at a time of our clock, by a server whose own is ahead; without values it is a keep-alive."""
    notification = ua.DataChangeNotification()
    notification.MonitoredItems = [
        ua.MonitoredItemNotification(ClientHandle=number, Value=ua.DataValue(ua.Variant(value)))
        for number, value in said
    ]
    return ua.NotificationMessage(
        SequenceNumber=sequence,
        PublishTime=NOW + timedelta(seconds=sent_s + clock_s),
        NotificationData=[notification] if said else [],
    )


@pytest.fixture
def news() -> OpcuaNews:
    news = OpcuaNews(7, PATIENCE_S)
    assert news.number([POWER, SOC]) == {1: POWER, 2: SOC}
    return news


def values(news: OpcuaNews, now_s: float) -> dict[str, tuple[float, float]]:
    known = news.known([POWER, SOC], now_s)
    return {node.Identifier: (value.Value.Value, stamp.received_s) for node, (value, stamp) in known.items()}


def test_a_keep_alive_says_that_nothing_has_changed(news: OpcuaNews) -> None:
    assert values(news, 0.0) == {}
    news.take(message(1, 1.0, (1, 40.0)), at(1.0), more=False)
    assert values(news, 1.5) == {"Power": (40.0, 1.0)}
    news.take(message(2, 2.0), at(2.0), more=False)
    assert values(news, 2.5) == {"Power": (40.0, 2.0)}
    news.take(message(2, 3.0, (2, 0.5), (1, 41.0)), at(3.0), more=False)
    assert values(news, 5.0) == {"Power": (41.0, 3.0), "Soc": (0.5, 3.0)}
    assert values(news, 5.1) == {}
    assert [(each.SubscriptionId, each.SequenceNumber) for each in news.acknowledged] == [(7, 1), (7, 2)]


def test_half_of_what_has_changed_proves_nothing_of_the_rest(news: OpcuaNews) -> None:
    news.take(message(1, 1.0, (1, 40.0), (2, 0.5)), at(1.0), more=False)
    news.take(message(2, 2.0, (1, 41.0)), at(2.0), more=True)
    assert values(news, 2.5) == {"Power": (41.0, 1.0), "Soc": (0.5, 1.0)}
    news.take(message(3, 2.1, (2, 0.6)), at(2.1), more=False)
    assert values(news, 2.5) == {"Power": (41.0, 2.1), "Soc": (0.6, 2.1)}


@pytest.mark.parametrize("following", [message(3, 2.0, (1, 1.0)), message(3, 2.0), message(1, 2.0, (1, 1.0))])
def test_a_gap_ends_it(news: OpcuaNews, following: ua.NotificationMessage) -> None:
    news.take(message(1, 1.0, (1, 40.0)), at(1.0), more=False)
    with pytest.raises(SubscriptionLost, match=r"a message is missing: number . came where 2 was due"):
        news.take(following, at(2.0), more=False)


def test_a_first_message_that_is_lost_is_missed(news: OpcuaNews) -> None:
    with pytest.raises(SubscriptionLost, match="number 2 came where 1 was due"):
        news.take(message(2, 1.0, (1, 40.0)), at(1.0), more=False)


def test_a_message_that_waited_on_its_way_is_not_taken_for_news(news: OpcuaNews) -> None:
    news.take(message(1, 0.9, (1, 40.0)), at(1.0), more=False)
    news.take(message(2, 2.0, (1, 41.0)), at(3.5), more=False)  # 1.4 s more than the first: within patience
    with pytest.raises(SubscriptionLost, match=r"messages come 2\.4 s late, or its clock was set back"):
        news.take(message(3, 5.0, (1, 42.0)), at(7.5), more=False)
    assert values(news, 5.0) == {"Power": (41.0, 3.5)}


def test_a_server_that_tells_no_time_or_sets_its_clock_forward_is_believed(news: OpcuaNews) -> None:
    for number, sent_at in enumerate((datetime(1601, 1, 1, tzinfo=UTC), NOW, NOW + timedelta(days=1)), start=1):
        said = message(number, 0.0, (1, float(number)))
        said.PublishTime = sent_at
        news.take(said, at(float(number)), more=False)
    assert values(news, 3.0) == {"Power": (3.0, 3.0)}


def test_a_server_may_end_it(news: OpcuaNews) -> None:
    said = message(1, 1.0, (1, 40.0))
    said.NotificationData = [ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTimeout)))]
    with pytest.raises(SubscriptionLost, match=r"the server ends the subscription \(BadTimeout\)"):
        news.take(said, at(1.0), more=False)


def test_what_is_left_out_is_not_known(news: OpcuaNews) -> None:
    news.take(message(1, 1.0, (1, 40.0), (2, 0.5)), at(1.0), more=False)
    news.leave_out(2)
    news.take(message(2, 1.5, (2, 0.6)), at(1.5), more=False)
    assert values(news, 1.5) == {"Power": (40.0, 1.5)}
