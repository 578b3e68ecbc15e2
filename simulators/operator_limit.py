"""The receiver of the grid operator's orders: contacts, and the same as values."""

from __future__ import annotations

from config.grid_operator import CONTACTS, OperatorLimit
from simulators.account import Account
from simulators.model import Moment, Seat, Wired

TOLERANCE = 1e-6
"""Of an order that is interpolated between two moments."""


class OperatorLimitModel:
    """One receiver. An order between two contacts closes the stricter one."""

    def __init__(self, spec: OperatorLimit, import_limit_kw: float) -> None:
        self.spec = spec
        self._import_limit_kw = import_limit_kw
        self.feed_in_share = 1.0
        self.import_share = 1.0

    def account(self) -> Account:
        return Account()

    def points(self) -> dict[str, float]:
        closed = max(share for share in CONTACTS.values() if share <= self.feed_in_share + TOLERANCE)
        contacts = {point: float(share == closed) for point, share in CONTACTS.items()}
        return contacts | {
            "feed_in_limit_share": self.feed_in_share,
            "feed_in_limit_kw": self.feed_in_share * self.spec.installed_kw,
            "import_limit_kw": self.import_share * self._import_limit_kw,
        }


def wire_operator_limit(spec: OperatorLimit, seat: Seat) -> Wired:
    """It shows what the surroundings order."""
    model = OperatorLimitModel(spec, seat.electricity.grid.spec.import_limit_kw)
    feed_in, imports = seat.own("feed_in_share"), seat.own("import_share")

    def advance(now: Moment) -> None:
        model.feed_in_share = now.values[feed_in]
        model.import_share = now.values[imports]

    model.feed_in_share, model.import_share = seat.first[feed_in], seat.first[imports]
    return Wired(model, advance)
