"""Whether the breaker of the connection may close again: an island comes back on permission only. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from config.points import RECONNECTION_PERMITTED
from controller.decision import ReleaseDecision
from controller.image import Snapshot
from controller.island import breaker_open
from controller.limits import GRID_OPERATOR
from controller.modes import Mode
from controller.override import Override


def release_of(snapshot: Snapshot, mode: Mode, overrides: Mapping[str, Override]) -> ReleaseDecision | None:
    """What the relay is told; None where it waits for no word.

    The grid operator's word comes first: without it nobody can release, and what cannot be read is no permission. A
    park whose operator has no such word waits for a person, who holds the connection at 1 for a while. A person can
    also keep the breaker open, at 0. A breaker that is closed has nothing to wait for, and none for the next time.
    """
    site, grid = snapshot.site, snapshot.site.grid[0]
    if site.release is None:
        return None
    if mode is Mode.STOPPED:
        return ReleaseDecision(released=False, owner="safety", reason="controller stops")
    if not breaker_open(snapshot):
        return ReleaseDecision(released=False, owner="safety", reason="the breaker does not show that it is open")
    wired = site.point(grid, RECONNECTION_PERMITTED) is not None
    permitted = snapshot.value(grid, RECONNECTION_PERMITTED)
    if wired and permitted != 1.0:
        why = "its permission cannot be read" if permitted is None else "it does not permit to reconnect yet"
        return ReleaseDecision(released=False, owner=GRID_OPERATOR, reason=why)
    held = overrides.get(grid)
    if held is not None:
        return ReleaseDecision(released=held.value_kw == 1.0, owner="operator", reason=f"{held.owner}: {held.reason}")
    if wired:
        return ReleaseDecision(released=True, owner=GRID_OPERATOR, reason="it permits to reconnect")
    return ReleaseDecision(released=False, owner="safety", reason=f"waits for an operator to set {grid} to 1")
