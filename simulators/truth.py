"""What really happened in the simulated park, for those who want to check what others measured of it.

The file is one JSON object:

    start, end, simulated_s    the simulated period, UTC and in seconds of the park
    park, without_control      {"total": record, "intervals": [record, ...]}, the second for the same weather, loads,
                               trips and outages with every device on its own
    balance_residual           largest relative residual of any energy balance in any step of either park
    stored_kwh                 by asset: what stores hold at the end, counted from empty
    commands                   the last command of each setpoint
    faults                     every fault that began: id, kind, target, parameters, by, state, begin, end
    scenario                   where there was one: name, description, seed, length_s and marks (what, begin, end)

A record covers an interval of 15 minutes, the first and the last one only as far as they were simulated: start,
seconds, energies in kWh (import_kwh, export_kwh, gas_kwh, curtailed_kwh, heat_unserved_kwh, surplus_heat_kwh, of all
carriers unserved_kwh, by bus surplus_kwh), demand_kw (mean import power), peak_kw, and the accounts of each asset.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulators.command_log import CommandLog
from simulators.faults.book import FaultBook
from simulators.ledger import IntervalRecord, Ledger
from simulators.plant import Plant


def _record(record: IntervalRecord) -> dict[str, Any]:
    return {
        "start": record.start.isoformat(),
        "seconds": record.seconds,
        "import_kwh": record.import_kwh,
        "export_kwh": record.export_kwh,
        "demand_kw": record.demand_kw,
        "peak_kw": record.peak_kw,
        "gas_kwh": record.gas_kwh,
        "curtailed_kwh": record.curtailed_kwh,
        "heat_unserved_kwh": record.heat_unserved_kwh,
        "surplus_heat_kwh": record.surplus_heat_kwh,
        "unserved_kwh": record.unserved_kwh,
        "surplus_kwh": dict(record.surplus_kwh),
        "assets": {name: account._asdict() for name, account in record.accounts.items()},
    }


def book_of(ledger: Ledger) -> dict[str, Any]:
    """A park's intervals and their sum, as the file has them."""
    begun = [ledger.running] if ledger.running.seconds else []
    return {
        "total": _record(ledger.total),
        "intervals": [_record(record) for record in (*ledger.intervals, *begun)],
    }


def write_truth(
    path: Path,
    plant: Plant,
    alone: Plant,
    commands: CommandLog,
    faults: FaultBook,
    *,
    scenario: Mapping[str, Any] | None = None,
) -> None:
    """Write the file in one step; `alone` is the park without control."""
    total = plant.ledger.total
    truth: dict[str, Any] = {
        "start": total.start.isoformat(),
        "end": plant.now.isoformat(),
        "simulated_s": total.seconds,
        "park": book_of(plant.ledger),
        "without_control": book_of(alone.ledger),
        "balance_residual": max(plant.balance_residual, alone.balance_residual),
        "stored_kwh": {name: account.stored_kwh for name, account in plant.tally().accounts.items()},
        "commands": commands.last,
        "faults": faults.records(),
    }
    if scenario is not None:
        truth["scenario"] = dict(scenario)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(truth), encoding="utf-8")
    partial.replace(path)
