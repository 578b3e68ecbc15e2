"""The watchdog of the simulated devices: a setpoint that nobody renews in time falls away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from simulators.served import Served


@dataclass(slots=True)
class _Held:
    value: float
    due_s: float | None


class Watchdog:
    """Holds what was written to setpoints, each for its own time in seconds of a timer, the machine's by default."""

    def __init__(self, served: Served, timer_s: Callable[[], float] = time.monotonic) -> None:
        self._served = served
        self._timer_s = timer_s
        self._held: dict[tuple[str, str], _Held] = {}
        self._silent_at_s: dict[str, float] = {}

    def write(self, device: str, point: str, value: float, revert_s: float | None) -> None:
        """Command the device, and hold the value for `revert_s` seconds; None holds it for ever."""
        self._held[device, point] = _Held(value, None)
        self.renew(device, point, revert_s)
        if self._commands(device):
            self._served.command(device, point, value)

    def renew(self, device: str, point: str, revert_s: float | None) -> None:
        """Start the time of a held value anew; without a held value there is nothing to renew."""
        if (held := self._held.get((device, point))) is not None:
            held.due_s = None if revert_s is None else self._timer_s() + revert_s

    def release(self, device: str, point: str) -> None:
        """Give a held value back at once."""
        if self._held.pop((device, point), None) is not None:
            self._served.command(device, point, None)

    def held(self, device: str, point: str) -> float | None:
        """What was last written and still holds, None when the device does what it does by itself."""
        held = self._held.get((device, point))
        return None if held is None else held.value

    def recall(self, device: str) -> None:
        """Command a device what it holds once more: it was there and did not follow."""
        for (name, point), held in self._held.items():
            if name == device:
                self._served.command(device, point, held.value)

    def forget(self, device: str) -> None:
        """Drop what a device holds: it lost its memory, and nobody is told."""
        for key in [key for key in self._held if key[0] == device]:
            del self._held[key]
        self._silent_at_s.pop(device, None)

    def beat(self, device: str, lasts_s: float) -> None:
        """Hear a heartbeat: the device keeps what it holds for `lasts_s` seconds without another."""
        self._silent_at_s[device] = self._timer_s() + lasts_s

    def expect(self, device: str, lasts_s: float) -> None:
        """Wait for a device's first heartbeat, if none was heard yet."""
        if device not in self._silent_at_s:
            self.beat(device, lasts_s)

    def _let_go_in_silence(self) -> None:
        now_s = self._timer_s()
        silent = {device for device, due_s in self._silent_at_s.items() if due_s <= now_s}
        for device, point in [key for key in self._held if key[0] in silent]:
            self.release(device, point)
        for device in silent:
            del self._silent_at_s[device]

    def check(self) -> None:
        """Release every value whose time is over, and all values of devices whose heartbeat has stopped."""
        self._let_go_in_silence()
        now_s = self._timer_s()
        late = [key for key, held in self._held.items() if held.due_s is not None and held.due_s <= now_s]
        for device, point in late:
            if self._checks(device):
                self.release(device, point)

    def _commands(self, device: str) -> bool:
        """Whether what is written reaches what the device does."""
        return True

    def _checks(self, device: str) -> bool:
        """Whether the device looks at the time at all."""
        return True
