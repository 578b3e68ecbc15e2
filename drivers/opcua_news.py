"""What one OPC UA subscription has said: pure, so that it only notes, and says when it cannot be believed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from asyncua import ua

from drivers.driver import DriverError
from drivers.quality import Stamp

_HIGHEST_SEQUENCE: Final = 0xFFFFFFFF

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""OPC UA counts from 1601, and a server that tells no time says so."""


class SubscriptionLost(DriverError):
    """A subscription is no more, or cannot be relied on. The message says why."""


class OpcuaNews:
    """The last value of each node of one subscription."""

    def __init__(self, subscription: int, patience_s: float) -> None:
        """`patience_s` is after how much silence, or how much later than usual, it is not believed."""
        self.subscription = subscription
        self.heard: Stamp | None = None
        """When the server last said anything."""
        self.acknowledged: list[ua.SubscriptionAcknowledgement] = []
        """What it may forget, and has not been told yet."""
        self._patience_s = patience_s
        self._numbers = itertools.count(1)
        self._nodes: dict[int, ua.NodeId] = {}
        self._latest: dict[ua.NodeId, ua.DataValue] = {}
        self._complete: Stamp | None = None
        self._sequence = 0
        self._least_lag_s = float("inf")

    def number(self, nodes: Iterable[ua.NodeId]) -> Mapping[int, ua.NodeId]:
        """Numbers under which the server is to speak of these nodes."""
        numbered = {next(self._numbers): node for node in nodes}
        self._nodes.update(numbered)
        return numbered

    def leave_out(self, number: int) -> None:
        """Take no notice of what the server still says of this one."""
        self._latest.pop(self._nodes.pop(number), None)

    def known(self, nodes: Sequence[ua.NodeId], now_s: float) -> dict[ua.NodeId, tuple[ua.DataValue, Stamp]]:
        """What is known of these nodes, and when it was last known to hold; nothing while the server is quiet."""
        held = self._complete
        if held is None or now_s - held.received_s > self._patience_s:
            return {}
        return {node: (self._latest[node], held) for node in nodes if node in self._latest}

    def take(self, message: ua.NotificationMessage, stamp: Stamp, *, more: bool) -> None:
        """Note what a message says; one without data says that nothing has changed. Raises SubscriptionLost."""
        notifications = message.NotificationData or ()
        self._check_sequence(message.SequenceNumber, is_next=not notifications)
        self._check_lag(message.PublishTime, stamp.received_s)
        for notification in notifications:
            match notification:
                case ua.DataChangeNotification():
                    for item in notification.MonitoredItems or ():
                        if item.ClientHandle in self._nodes:
                            self._latest[self._nodes[item.ClientHandle]] = item.Value
                case ua.StatusChangeNotification():
                    raise SubscriptionLost(f"the server ends the subscription ({notification.Status.name})")
                case _:
                    pass  # events, which nobody asked for
        if notifications:
            self.acknowledged.append(
                ua.SubscriptionAcknowledgement(SubscriptionId=self.subscription, SequenceNumber=message.SequenceNumber)
            )
        self.heard = stamp
        if not more:
            self._complete = stamp

    def _check_sequence(self, number: int, *, is_next: bool) -> None:
        """Messages with data are counted from 1; one without has the number that the next will have.

        Some servers repeat the last number there instead.
        """
        expected = 1 if self._sequence == _HIGHEST_SEQUENCE else self._sequence + 1
        if number not in ((expected, self._sequence) if is_next else (expected,)):
            raise SubscriptionLost(f"a message is missing: number {number} came where {expected} was due")
        if not is_next:
            self._sequence = number

    def _check_lag(self, sent_at: datetime | None, received_s: float) -> None:
        """A message that waited on its way says how things were.

        How far the server's clock is from ours nobody knows, but it does not change from one message to the next.
        """
        if sent_at is None or sent_at.replace(tzinfo=UTC) <= _NO_TIME:
            return
        lag_s = received_s - sent_at.replace(tzinfo=UTC).timestamp()
        self._least_lag_s = min(self._least_lag_s, lag_s)
        if lag_s - self._least_lag_s > self._patience_s:
            raise SubscriptionLost(f"messages come {lag_s - self._least_lag_s:.1f} s late, or its clock was set back")
