"""From the spool to InfluxDB 2, in order, and only off the spool when it has arrived."""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from config.site import InfluxDb
from controller.telemetry.database import StoreError
from controller.telemetry.record import TelemetryError
from controller.telemetry.store import Pending, TelemetryStore

_BATCH = 5_000  # InfluxDB's own advice
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
_TIMEOUT_MS = 10_000  # a small server that compacts may take seconds for a batch
_LEAVE_BEHIND_S = 1.0  # how long stopping waits for a request under way; the spool keeps what it would have said
_WRITTEN = 204  # what InfluxDB answers; another 2xx comes from something else at this address
_REFUSED_FOR_CONTENT = {400, 413, 422}  # malformed, too large, or of another type: the same lines never pass
_DROPPED = re.compile(r"dropped=(\d+)")


class NoToken(TelemetryError):
    """The environment variable for the token is not set or holds none; the message names it."""


@dataclass(frozen=True, slots=True)
class ForwarderState:
    """How the forwarding stands."""

    link: Literal["unknown", "up", "down"] = "unknown"
    error: str = ""
    """Why the last request failed; empty when it succeeded."""
    forwarded: int = 0
    """Records that arrived since the start of the program."""
    rejected: int = 0
    """Records that InfluxDB refuses for what they say, since the start of the program."""
    last_rejection: str = ""
    failures: int = 0
    """Requests that failed and are tried again."""


class _Refused(Exception):
    """InfluxDB refuses some of these lines for what they say; `dropped` is how many, where it tells."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        told = _DROPPED.search(reason)
        self.dropped = int(told[1]) if told else None


class _Failed(Exception):
    """The request did not get through, or was refused whatever the lines say; the message is for people."""


class InfluxForwarder:
    """Takes batches off the spool and writes them with influxdb-client's synchronous client, in one daemon thread.

    A record leaves the spool only after InfluxDB has confirmed it. A request that was written but not
    confirmed is sent again: InfluxDB then writes the same points once more over themselves.
    """

    def __init__(
        self,
        store: TelemetryStore,
        influxdb: InfluxDb,
        *,
        environment: Mapping[str, str] = os.environ,
        period_s: float = 1.0,
        first_wait_s: float = _FIRST_WAIT_S,
    ) -> None:
        """Raises NoToken when `environment` has no token under the name that the site file gives."""
        token = environment.get(influxdb.token_env, "").strip()
        if not token:
            raise NoToken(f"influxdb.token_env names {influxdb.token_env}, but this environment variable is not set")
        if not (token.isascii() and token.isprintable()):
            raise NoToken(f"the environment variable {influxdb.token_env} does not hold a token")
        self._store = store
        self._influxdb = influxdb
        self._token = token
        self._period_s = period_s
        self._first_wait_s = first_wait_s
        self._state = ForwarderState()

    @property
    def state(self) -> ForwarderState:
        """Never waits."""
        return self._state

    async def run(self) -> None:
        """Forwards until cancelled; then ends within about a second even when InfluxDB hangs."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        stop = threading.Event()

        def forward() -> None:
            try:
                self._forward(stop)
            finally:
                with suppress(RuntimeError):  # a request that was left behind may outlive the loop
                    loop.call_soon_threadsafe(ended.set)

        thread = threading.Thread(target=forward, name="influx-forwarder", daemon=True)
        thread.start()
        try:
            await ended.wait()
        finally:
            stop.set()
            await asyncio.to_thread(thread.join, _LEAVE_BEHIND_S)
        raise RuntimeError("the forwarding thread has died; its traceback is on standard error")

    def _forward(self, stop: threading.Event) -> None:
        wait_s = self._first_wait_s
        with InfluxDBClient(
            self._influxdb.url, self._token, org=self._influxdb.org, timeout=_TIMEOUT_MS, enable_gzip=True
        ) as client:
            service = WriteService(client.api_client)  # type: ignore[no-untyped-call]
            while not stop.is_set():
                try:
                    batch = self._store.pending(_BATCH)
                    self._send(service, batch, stop)
                except (_Failed, StoreError) as failure:
                    self._note_failure(failure)
                    stop.wait(wait_s)
                    wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                    continue
                wait_s = self._first_wait_s
                if len(batch) < _BATCH:
                    stop.wait(self._period_s)

    def _note_failure(self, failure: _Failed | StoreError) -> None:
        state = replace(self._state, error=str(failure), failures=self._state.failures + 1)
        self._state = replace(state, link="down") if isinstance(failure, _Failed) else state

    def _send(self, service: WriteService, batch: Sequence[Pending], stop: threading.Event) -> None:
        """Brings a batch off the spool, front to back; what is refused is halved until the bad lines stand alone.

        Raises _Failed or StoreError; what was done before that stays done.
        """
        parts = [batch] if batch else []
        while parts and not stop.is_set():
            part = parts.pop()
            try:
                self._write(service, part)
            except _Refused as refused:
                if len(part) == 1 or refused.dropped == len(part):
                    self._store.mark_rejected(part, str(refused))
                    rejected = self._state.rejected + len(part)
                    self._state = replace(
                        self._state, link="up", error="", rejected=rejected, last_rejection=str(refused)
                    )
                else:
                    parts += [part[len(part) // 2 :], part[: len(part) // 2]]
            else:
                self._store.mark_forwarded(part[-1])
                self._state = replace(self._state, link="up", error="", forwarded=self._state.forwarded + len(part))

    def _write(self, service: WriteService, lines: Sequence[Pending]) -> None:
        """One request. Raises _Refused or _Failed."""
        target = self._influxdb
        body = "\n".join(line.line for line in lines).encode()
        try:
            _, status, _ = service.post_write_with_http_info(  # type: ignore[no-untyped-call]
                target.org, target.bucket, body, precision="ns"
            )
        except ApiException as error:
            reason = _reason(error)
            if error.status in _REFUSED_FOR_CONTENT:
                raise _Refused(reason) from error
            if error.status in (401, 403):
                raise _Failed(
                    f"InfluxDB at {target.url} refuses the token of {target.token_env} ({error.status}: {reason})"
                ) from error
            if error.status == 404:
                raise _Failed(
                    f"InfluxDB at {target.url} does not know bucket {target.bucket} or org {target.org} (404: {reason})"
                ) from error
            raise _Failed(f"InfluxDB at {target.url} answers {error.status}: {reason}") from error
        except (HTTPError, OSError, UnicodeDecodeError) as error:
            raise _Failed(f"InfluxDB at {target.url} does not answer: {error}") from error
        if status != _WRITTEN:
            raise _Failed(f"what answers {status} at {target.url} is not InfluxDB")


def _reason(error: ApiException) -> str:
    """What the server said, short: InfluxDB 2 says it under `message`, others under `error`."""
    body = error.body.decode(errors="replace") if isinstance(error.body, bytes) else error.body or ""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        body = str(answer.get("message") or answer.get("error") or body)
    return (body or error.reason or "no reason given").strip()[:300]
