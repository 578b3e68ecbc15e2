"""What the park may take and feed now: the contract, the transformer, and what the grid operator orders. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.flexible_assets import Transformer
from config.grid_operator import CONTACTS, OperatorLimit
from controller.image import Snapshot

CONTRACT = "connection limit"
TRANSFORMER = "transformer"
GRID_OPERATOR = "grid operator"


@dataclass(frozen=True, slots=True)
class Limit:
    """The strictest of what limits one way of the connection."""

    kw: float
    owner: str
    reason: str

    def and_(self, kw: float, owner: str, reason: str) -> Limit:
        """This limit, or another that is stricter."""
        return Limit(kw, owner, reason) if kw < self.kw else self


@dataclass(frozen=True, slots=True)
class Limits:
    imports: Limit
    exports: Limit
    unreadable: Mapping[str, str]
    """By receiver, why its orders cannot be read; they are in force then."""

    @property
    def ordered(self) -> tuple[float | None, float | None]:
        """What the grid operator allows for import and export, in kW; None where it orders nothing stricter."""
        imports, exports = (
            limit.kw if limit.owner == GRID_OPERATOR else None for limit in (self.imports, self.exports)
        )
        return imports, exports


def limits_now(snapshot: Snapshot) -> Limits:
    """Every limit of the connection as it is now; the stricter one counts."""
    site = snapshot.site
    _, grid = site.grid
    limits = Limits(
        Limit(grid.import_limit_kw, CONTRACT, f"import limit of {grid.import_limit_kw:.0f} kW"),
        Limit(grid.export_limit_kw, CONTRACT, f"export limit of {grid.export_limit_kw:.0f} kW"),
        {},
    )
    for name, transformer in site.of_kind(Transformer).items():
        kw = _through_kw(snapshot, transformer)
        reason = f"{name} carries {transformer.rated_kva:.0f} kVA, {kw:.0f} kW beside the reactive power"
        limits = replace(
            limits,
            imports=limits.imports.and_(kw, TRANSFORMER, reason),
            exports=limits.exports.and_(kw, TRANSFORMER, reason),
        )
    for name, receiver in site.of_kind(OperatorLimit).items():
        limits = _with_orders(limits, snapshot, name, receiver)
    return limits


def _through_kw(snapshot: Snapshot, transformer: Transformer) -> float:
    """The active power that a transformer has room for; an unknown reactive power is left out."""
    kvar = snapshot.value(snapshot.site.grid[0], "reactive_power_kvar") or 0.0
    return math.sqrt(max(0.0, transformer.rated_kva**2 - kvar**2))


def _with_orders(limits: Limits, snapshot: Snapshot, name: str, receiver: OperatorLimit) -> Limits:
    site = snapshot.site
    least_feed_in_kw = receiver.least_feed_in_share * receiver.installed_kw
    imports, exports, unreadable = limits.imports, limits.exports, dict(limits.unreadable)
    for point, share_kw in (("feed_in_limit_kw", 1.0), ("feed_in_limit_share", receiver.installed_kw)):
        if site.point(name, point) is None:
            continue
        value = snapshot.value(name, point)
        if value is None:
            unreadable[name] = f"{point} cannot be read"
        ordered_kw = least_feed_in_kw if value is None else max(least_feed_in_kw, value * share_kw)
        exports = exports.and_(ordered_kw, GRID_OPERATOR, _said(name, "feeding", ordered_kw, value is None))
    if wired := [point for point in CONTACTS if site.point(name, point) is not None]:
        share, why = _closed(snapshot, name, wired)
        if why:
            unreadable[name] = why
        ordered_kw = max(receiver.least_feed_in_share, share) * receiver.installed_kw
        exports = exports.and_(ordered_kw, GRID_OPERATOR, _said(name, "feeding", ordered_kw, bool(why)))
    if site.point(name, "import_limit_kw") is not None:
        value = snapshot.value(name, "import_limit_kw")
        if value is None:
            unreadable[name] = "import_limit_kw cannot be read"
        ordered_kw = receiver.least_import_kw if value is None else max(receiver.least_import_kw, value)
        imports = imports.and_(ordered_kw, GRID_OPERATOR, _said(name, "taking", ordered_kw, value is None))
    return Limits(imports, exports, unreadable)


def _closed(snapshot: Snapshot, name: str, wired: list[str]) -> tuple[float, str]:
    """The share that the contacts allow, and why they make no sense; the strictest of what they might say."""
    shown = {point: snapshot.value(name, point) for point in wired}
    missing = [point for point, value in shown.items() if value is None]
    if missing:
        return 0.0, f"{missing[0]} cannot be read"
    closed = [point for point, value in shown.items() if value]
    if len(closed) > 1:
        return min(CONTACTS[point] for point in closed), f"{' and '.join(closed)} are closed at once"
    if closed:
        return CONTACTS[closed[0]], ""
    if "feed_in_contact_100" in wired:
        return 0.0, "no contact is closed"
    return 1.0, ""


def _said(name: str, what: str, kw: float, unreadable: bool) -> str:
    if unreadable:
        return f"{name} cannot be read, so {what} no more than {kw:.0f} kW is in force"
    return f"{name} allows {what} {kw:.0f} kW"
