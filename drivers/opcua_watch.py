"""One subscription of an OPC UA session: what the server has last said of each node, and whether that still holds."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Iterable
from typing import Final

from asyncua import ua
from asyncua.client.ua_session import UaSession
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import (
    BadConnectionClosed,
    BadNoSubscription,
    BadSecureChannelClosed,
    BadSecureChannelIdInvalid,
    BadSessionClosed,
    BadSessionIdInvalid,
    BadSessionNotActivated,
    BadTimeout,
    BadTooManyPublishRequests,
    UaError,
    UaStatusCodeError,
)

from config.clock import Clock
from config.connection import OpcUa
from drivers.backoff import BackOff
from drivers.opcua_calls import OpcuaCalls
from drivers.opcua_news import OpcuaNews, SubscriptionLost
from drivers.quality import Stamp

_PUBLISHERS: Final = 2
"""Publish requests that wait at the server: it can answer the second while we read the answer to the first."""

_LIFETIME_S: Final = 60.0
"""After this time without a publish request of ours the server forgets the subscription."""

_DEAD_AFTER: Final = 3
"""So many time-outs without a word, and the subscription is made anew; its nodes are asked one by one before that."""

_NAMED: Final = 5
"""So many nodes are named in a message about many."""

_log = logging.getLogger(__name__)


_SESSION_GONE: Final = (
    ConnectionError,
    BadConnectionClosed,
    BadSecureChannelClosed,
    BadSecureChannelIdInvalid,
    BadSessionClosed,
    BadSessionIdInvalid,
    BadSessionNotActivated,
)


class OpcuaWatch:
    """Keeps a subscription alive in a task of its own, and has the last value of each node that it was asked for.

    What it does not know is asked for by the session: nodes that the server does not watch, that have not been
    heard of yet, and all of them while the subscription is quiet or being made anew. So nobody waits for it.
    """

    def __init__(self, spec: OpcUa, session: UaSession, calls: OpcuaCalls, clock: Clock) -> None:
        self._spec = spec
        self._session = session
        self._calls = calls
        self._clock = clock
        self._wanted: dict[ua.NodeId, None] = {}
        self._more_wanted = asyncio.Event()
        self._unsure_until_s: dict[ua.NodeId, float] = {}
        self._refusals = ""
        self._task: asyncio.Task[None] | None = None
        self._publishers: set[asyncio.Task[None]] = set()
        self._closed = False
        self._settling_s = 0.0
        self._news: OpcuaNews | None = None
        self._broken: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """End the task; the server deletes the subscription with its session."""
        self._closed = True
        tasks = [*self._publishers] if self._task is None else [self._task, *self._publishers]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def want(self, nodes: Iterable[ua.NodeId]) -> None:
        """Watch these nodes too, from now on."""
        new = [node for node in nodes if node not in self._wanted]
        if new:
            self._wanted.update(dict.fromkeys(new))
            self._more_wanted.set()

    def doubt(self, nodes: Iterable[ua.NodeId]) -> None:
        """Say nothing of these nodes until the server has had the time to look at them and tell."""
        until_s = self._clock.monotonic_s() + self._settling_s
        self._unsure_until_s.update(dict.fromkeys(nodes, until_s))

    def known(self, nodes: Iterable[ua.NodeId]) -> dict[ua.NodeId, tuple[ua.DataValue, Stamp]]:
        """What is known of these nodes, and when it was last known to hold; nothing while the server is quiet."""
        if self._news is None:
            return {}
        now_s = self._clock.monotonic_s()
        self._unsure_until_s = {node: until_s for node, until_s in self._unsure_until_s.items() if until_s > now_s}
        return self._news.known([node for node in nodes if node not in self._unsure_until_s], now_s)

    # -- the task ----------------------------------------------------------------------------------

    async def _keep(self) -> None:
        backoff = BackOff()
        told = ""
        while True:
            began_s = self._clock.monotonic_s()
            why = await self._watch()
            # a task group that is just ending by an error loses a cancellation (Python 3.11), hence the flag
            if why is None or self._closed:
                return
            if why != told:
                _log.warning(
                    "%s: values are polled until the server keeps a subscription: %s", self._spec.endpoint, why
                )
            told = why
            await self._delete()
            if self._closed:
                return
            if self._clock.monotonic_s() - began_s > backoff.cap_s:
                backoff = backoff.succeeded()
            backoff = backoff.failed(self._clock.monotonic_s(), random.random())
            await asyncio.sleep(backoff.next_s - self._clock.monotonic_s())

    async def _watch(self) -> str | None:
        """Subscribe, and listen until the subscription is lost: why, or None when the session itself is no more.

        That one is no subscription's business: reading finds it out by itself.
        """
        ended: list[Exception] = []
        try:
            news = await self._subscribe()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._notice_an_end())
                group.create_task(self._add(news))
                group.create_task(self._notice_silence(news))
        except* (SubscriptionLost, OSError, UaError) as errors:
            ended = list(_leaves(errors))
        if any(isinstance(error, _SESSION_GONE) for error in ended):
            return None
        return "; ".join(dict.fromkeys(_words(error) for error in ended))

    async def _subscribe(self) -> OpcuaNews:
        spec = self._spec
        keep_alive = max(1, math.floor(spec.timeout_s / 2 / spec.publishing_s))
        asked = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=spec.publishing_s * 1000,
            RequestedMaxKeepAliveCount=keep_alive,
            # the standard wants three keep-alives at least
            RequestedLifetimeCount=max(3 * keep_alive, math.ceil(_LIFETIME_S / spec.publishing_s)),
            MaxNotificationsPerPublish=0,
            PublishingEnabled=True,
        )
        made = await self._session.create_subscription(asked, _nobody)
        self._news = OpcuaNews(made.SubscriptionId, spec.timeout_s)
        self._broken = asyncio.get_running_loop().create_future()
        publishing_s = made.RevisedPublishingInterval / 1000
        self._settling_s = 2 * (publishing_s + spec.sampling_s)
        if publishing_s * made.RevisedMaxKeepAliveCount >= spec.timeout_s:
            raise SubscriptionLost(
                f"the server would be quiet for {publishing_s * made.RevisedMaxKeepAliveCount:g} s, and after"
                f" timeout_s ({spec.timeout_s:g}) a value is doubted"
            )
        self._more_wanted.set()
        self._begin_to_publish()
        return self._news

    async def _delete(self) -> None:
        """Let the server forget the subscription, if it still knows it."""
        news, self._news = self._news, None
        if news is not None:
            try:
                await self._session.delete_subscriptions([news.subscription])
            except (OSError, UaError) as error:
                _log.debug("%s: the old subscription stays at the server: %r", self._spec.endpoint, error)

    async def _notice_silence(self, news: OpcuaNews) -> None:
        quiet_s = _DEAD_AFTER * self._spec.timeout_s
        began_s = self._clock.monotonic_s()
        while True:
            heard_s = began_s if news.heard is None else news.heard.received_s
            left_s = heard_s + quiet_s - self._clock.monotonic_s()
            if left_s <= 0:
                raise SubscriptionLost(f"the server has said nothing for {quiet_s:g} s")
            await asyncio.sleep(left_s)

    # -- what is watched -----------------------------------------------------------------------------

    async def _add(self, news: OpcuaNews) -> None:
        watched: set[ua.NodeId] = set()
        while True:
            await self._more_wanted.wait()
            self._more_wanted.clear()
            new = [node for node in self._wanted if node not in watched]
            watched.update(new)
            if new:
                await self._add_these(news, new)

    async def _add_these(self, news: OpcuaNews, nodes: list[ua.NodeId]) -> None:
        # before the server is asked: the first values may come before its answer does
        numbered = news.number(nodes)
        verdicts = await self._calls.monitor(news.subscription, [self._item(*each) for each in numbered.items()])
        refused: dict[ua.NodeId, str] = {}
        useless: list[int] = []
        for node, verdict in zip(nodes, verdicts, strict=True):
            if verdict.StatusCode.is_bad():
                refused[node] = verdict.StatusCode.name
            elif verdict.RevisedSamplingInterval > self._spec.timeout_s * 1000:
                refused[node] = f"looked at every {verdict.RevisedSamplingInterval / 1000:g} s"
                useless.append(verdict.MonitoredItemId)
        for number, node in numbered.items():
            if node in refused:
                news.leave_out(number)
        if useless:
            await self._session.delete_monitored_items(
                ua.DeleteMonitoredItemsParameters(SubscriptionId=news.subscription, MonitoredItemIds=useless)
            )
        self._say_what_is_polled(refused)

    def _item(self, handle: int, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        """A queue of one, where the newest replaces the one that waits: only the last value counts."""
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=handle,
                SamplingInterval=self._spec.sampling_s * 1000,
                QueueSize=1,
                DiscardOldest=True,
            ),
        )

    def _say_what_is_polled(self, refused: dict[ua.NodeId, str]) -> None:
        if not refused:
            return
        named = ", ".join(f"{node.to_string()} ({why})" for node, why in list(refused.items())[:_NAMED])
        more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
        words = f"{len(refused)} values are polled, as the server does not watch them: {named}{more}"
        if words != self._refusals:
            _log.warning("%s: %s", self._spec.endpoint, words)
        self._refusals = words

    # -- what is heard -------------------------------------------------------------------------------

    def _begin_to_publish(self) -> None:
        """Have as many publish requests at the server as there should be.

        They are a session's and outlast a subscription: the server may answer one with the first news of the next.
        """
        while len(self._publishers) < _PUBLISHERS:
            publisher = asyncio.create_task(self._publish())
            self._publishers.add(publisher)
            publisher.add_done_callback(self._publishers.discard)

    async def _publish(self) -> None:
        """Ask for what is new, again and again, until there is no subscription any more."""
        while not self._closed:
            asked_of = self._news
            acknowledged: list[ua.SubscriptionAcknowledgement] = []
            if asked_of is not None:
                acknowledged, asked_of.acknowledged = asked_of.acknowledged, []
            try:
                response = await self._session.publish(acknowledged)
                response.ResponseHeader.ServiceResult.check()
                self._take(response.Parameters)
            except BadTimeout:
                continue
            except BadTooManyPublishRequests:
                await asyncio.sleep(self._spec.publishing_s)
            except (SubscriptionLost, OSError, UaError) as error:
                if asked_of is self._news:
                    self._break(error)
                    return

    def _take(self, result: ua.PublishResult) -> None:
        if self._news is not None and result.SubscriptionId == self._news.subscription:
            self._news.take(result.NotificationMessage, Stamp.of(self._clock), more=result.MoreNotifications)

    def _break(self, error: Exception) -> None:
        if not self._broken.done():
            self._broken.set_result(error)

    async def _notice_an_end(self) -> None:
        raise await self._broken


def _nobody(result: ua.PublishResult) -> None:
    """The library wants to be told who hears of a subscription; its loop does not run."""


def _words(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case BadNoSubscription():
            return "the server has dropped the subscription"
        case UaStatusCodeError():
            return f"the server says {type(error).__name__}"
        case _:
            return str(error) or type(error).__name__


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterable[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        elif isinstance(error, Exception):
            yield error
