"""How often alarms come: one that chatters, and more than a person can take in. Pure."""

from __future__ import annotations

from collections import deque

CHATTER_RAISES = 3
CHATTER_S = 60.0
"""An alarm that comes three times in a minute chatters (ISA-18.2, EEMUA 191): it is held for a quiet minute."""
FLOOD_RAISES = 10
FLOOD_END_RAISES = 5
FLOOD_S = 600.0
"""More than ten in ten minutes are a flood for one operator, until fewer than five come in ten minutes."""


class Chatter:
    """Watches one alarm."""

    def __init__(self) -> None:
        self._raised_s: deque[float] = deque(maxlen=CHATTER_RAISES)
        self._changed_s = float("-inf")
        self._fast = False

    def update(self, present: bool, now_s: float, *, raised: bool) -> bool:
        """Take in whether its cause is there; True as long as the alarm has come too often, until a quiet minute."""
        if raised:
            self._raised_s.append(now_s)
            self._fast |= len(self._raised_s) == CHATTER_RAISES and now_s - self._raised_s[0] <= CHATTER_S
        if present:
            self._changed_s = now_s
        elif now_s - self._changed_s >= CHATTER_S:
            self._fast = False
            self._raised_s.clear()
        return self._fast

    @property
    def remembers(self) -> bool:
        """Whether the alarm came within the last minute."""
        return bool(self._raised_s)


class Flood:
    """Watches all alarms that are shown."""

    def __init__(self) -> None:
        self._raised_s: deque[float] = deque()
        self._floods = False

    def update(self, raised: int, now_s: float) -> str:
        """Take in how many alarms were raised just now; what to say of it, empty when it is no flood."""
        self._raised_s.extend([now_s] * raised)
        while self._raised_s and now_s - self._raised_s[0] >= FLOOD_S:
            self._raised_s.popleft()
        count = len(self._raised_s)
        self._floods = count > FLOOD_RAISES or (self._floods and count >= FLOOD_END_RAISES)
        return f"{count} alarms within ten minutes" if self._floods else ""
