"""Taking over what the devices are doing: the controller begins, and comes back, without a bump."""

from __future__ import annotations

from datetime import datetime

from controller.deciding.load_range import runs
from controller.guard import AssetGuard, GuardState
from controller.image import Snapshot
from controller.state import SavedGuard


def adopted(snapshot: Snapshot, state: GuardState, only: str | None = None) -> dict[str, AssetGuard]:
    """The guard's memory of assets as their devices show it: the setpoint in force, and whether they run.

    When it was last switched is taken from `state` where that agrees with what is seen. Assets that cannot be
    read are left out.
    """
    found = {}
    for name in snapshot.site.assets if only is None else (only,):
        point = snapshot.site.setpoint(name)
        power_kw = snapshot.power_kw(name)
        if point is None or point.setpoint is None or power_kw is None:
            continue
        setpoint_kw = snapshot.value(name, point.setpoint.read_back)
        if setpoint_kw is None:
            continue
        running = runs(power_kw, snapshot.site.assets[name])
        held = state.get(name)
        found[name] = AssetGuard(
            setpoint_kw=setpoint_kw,
            running=running,
            switched_s=held.switched_s if held is not None and held.running == running else float("-inf"),
            decided_s=snapshot.site_s,
            starts_s=held.starts_s if held is not None else (),
        )
    return found


def restored_guard(saved: SavedGuard, saved_at: datetime, now: datetime, site_s: float) -> AssetGuard:
    """A saved memory with its age brought up to now; a calendar that went back counts as no time."""
    away_s = max(0.0, (now - saved_at).total_seconds())
    ago_s = None if saved.switched_ago_s is None else saved.switched_ago_s + away_s
    return AssetGuard(
        setpoint_kw=saved.setpoint_kw,
        running=saved.running,
        switched_s=float("-inf") if ago_s is None else site_s - ago_s,
        decided_s=site_s,
        starts_s=tuple(site_s - start_s - away_s for start_s in saved.starts_ago_s),
    )


def aged(guard: AssetGuard, site_s: float) -> SavedGuard:
    """A memory as it goes into the state file: with its age instead of a clock that ends with the process."""
    ago_s = site_s - guard.switched_s
    return SavedGuard(
        setpoint_kw=guard.setpoint_kw,
        running=guard.running,
        switched_ago_s=None if ago_s == float("inf") else ago_s,
        starts_ago_s=tuple(site_s - at_s for at_s in guard.starts_s),
    )
