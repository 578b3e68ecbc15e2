"""Half an hour of the small factory, written down by hand: what its picture and its page should say.

10:00 to 10:15      20 kWh from the grid, 10 from the roof, 5 into the battery, 25 for the factory
10:15 to 10:30      4 kWh to the grid, 30 from the roof, 4 out of the battery, 30 for the factory
"""

from __future__ import annotations

from typing import Any

from simulators.account import Account

BEGIN = "2026-07-15T02:00:00+00:00"
MIDDLE = "2026-07-15T02:15:00+00:00"
END = "2026-07-15T02:30:00+00:00"
_FIRST = {
    "grid": Account(electricity_fed_kwh=20.0),
    "factory": Account(electricity_used_kwh=25.0),
    "roof": Account(electricity_fed_kwh=10.0),
    "battery": Account(electricity_used_kwh=5.0, stored_kwh=4.5, lost_kwh=0.5),
}
_SECOND = {
    "grid": Account(electricity_used_kwh=4.0),
    "factory": Account(electricity_used_kwh=30.0, unserved_kwh=2.0),
    "roof": Account(electricity_fed_kwh=30.0, curtailed_kwh=1.5),
    "battery": Account(electricity_fed_kwh=4.0, stored_kwh=-4.2, lost_kwh=0.2),
}
AT_END_KWH = 152.0


def record(start: str, seconds: float, accounts: dict[str, Account], **more: Any) -> dict[str, Any]:
    imported_kwh = accounts["grid"].electricity_fed_kwh
    return {
        "start": start,
        "seconds": seconds,
        "import_kwh": imported_kwh,
        "export_kwh": accounts["grid"].electricity_used_kwh,
        "demand_kw": imported_kwh * 3600 / seconds,
        "peak_kw": 90.0,
        "gas_kwh": 0.0,
        "curtailed_kwh": sum(account.curtailed_kwh for account in accounts.values()),
        "heat_unserved_kwh": 0.0,
        "surplus_heat_kwh": 0.0,
        "unserved_kwh": sum(account.unserved_kwh for account in accounts.values()),
        "surplus_kwh": {"electricity": 0.0},
        "assets": {name: account._asdict() for name, account in accounts.items()},
        **more,
    }


def factory_truth() -> dict[str, Any]:
    """The truth file of that half hour, which nobody commanded."""
    total = {name: Account(*(a + b for a, b in zip(_FIRST[name], _SECOND[name], strict=True))) for name in _FIRST}
    book = {
        "total": record(BEGIN, 1800.0, total),
        "intervals": [record(BEGIN, 900.0, _FIRST), record(MIDDLE, 900.0, _SECOND)],
    }
    return {
        "start": BEGIN,
        "end": END,
        "simulated_s": 1800.0,
        "park": book,
        "without_control": book,
        "balance_residual": 1e-12,
        "stored_kwh": {"grid": 0.0, "factory": 0.0, "roof": 0.0, "battery": AT_END_KWH},
        "commands": {},
        "faults": [],
    }
