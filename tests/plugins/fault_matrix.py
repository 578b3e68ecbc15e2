"""Every fault on every protocol that has it, and what the controller is known to do then.

`python tests/plugins/fault_matrix.py` prints the table of docs/faults.md. The scenario that measures it asserts that
the controller really does so, cell by cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROTOCOLS = ("modbus", "opcua", "mqtt")

GONE = "unavailable, alarm asset_unavailable"
ALL_GONE = "unavailable, alarm connection_lost"
"""The broker's alarm explains those of all that is behind it."""
UNNOTICED = "not noticed"
REJECTED = "write rejected, alarm setpoint_not_followed"
UNCONFIRMED = "write unconfirmed, alarm setpoint_not_followed"


@dataclass(frozen=True, slots=True)
class Case:
    """One row: a fault with its parameters, and the controller's reaction by protocol."""

    kind: str
    expected: Mapping[str, str]
    keys: Mapping[str, Any] = field(default_factory=dict)
    on_line: bool = False

    @property
    def label(self) -> str:
        return " ".join([self.kind, *(f"{key}={_shown(value)}" for key, value in self.keys.items())])


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _on_a_line(reaction: str) -> dict[str, str]:
    """Behind each line of Modbus and OPC UA is one device, behind the broker are many."""
    return _all(reaction) | {"mqtt": ALL_GONE}


def _all(reaction: str) -> dict[str, str]:
    return dict.fromkeys(PROTOCOLS, reaction)


CASES = (
    Case("link_down", _on_a_line(GONE), on_line=True),
    Case("black_hole", _on_a_line(GONE), on_line=True),
    Case("slow", _all(UNNOTICED), {"latency_s": 0.2, "jitter_s": 0.1}, on_line=True),
    Case("reset", _on_a_line(GONE), on_line=True),
    Case("broker_restart", {"mqtt": ALL_GONE}, on_line=True),
    Case("exception", {"modbus": GONE}),
    Case("bad_status", {"opcua": GONE}),
    Case("bad_status", {"opcua": "doubted"}, {"status": "UncertainLastUsableValue"}),
    Case("no_publication", {"mqtt": GONE}),
    Case("wrong_value", _all(GONE), {"value": 5000.0}),
    Case("wrong_value", _all(UNNOTICED), {"value": 150.0}),
    Case("frozen", _all(UNNOTICED)),
    Case("drift", _all(UNNOTICED), {"per_hour": -100.0}),
    Case("bias", _all(UNNOTICED), {"offset": 100.0}),
    Case("no_value", _all(GONE)),
    Case("spikes", _all(UNNOTICED), {"height": 5000.0, "share": 0.2, "period_s": 15.0}),
    Case("unit_swapped", _all(GONE), {"factor": 1000.0}),
    Case("unit_swapped", _all(UNNOTICED), {"factor": 0.001}),
    Case("sign_swapped", _all(GONE)),
    Case("writes_ignored", _all(UNCONFIRMED)),
    Case("writes_ignored", _all(UNNOTICED), {"shown": "written"}),
    Case("writes_rejected", {"modbus": REJECTED, "opcua": REJECTED}),
    Case("watchdog_off", _all(UNNOTICED)),
    Case("reboot", _all(GONE)),
    Case("clock_wrong", {"opcua": UNNOTICED, "mqtt": UNNOTICED}, {"offset_s": -7200.0}),
    Case("trip", _all(GONE)),
)


def table(reactions: Mapping[tuple[str, str], str] | None = None) -> str:
    """The matrix as a table in Markdown; measured `reactions` by label and protocol, the expected ones if not given."""
    lines = ["| fault | modbus | opcua | mqtt |", "|---|---|---|---|"]
    for case in CASES:
        cells = []
        for protocol in PROTOCOLS:
            reaction = case.expected.get(protocol, "")
            if reactions is not None and reaction:
                reaction = reactions.get((case.label, protocol), "not measured")
            cells.append(reaction)
        lines.append(f"| `{case.label}` | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
