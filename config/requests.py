"""Whether what a profile reads can be asked for at all, with the requests that it allows."""

from __future__ import annotations

from collections.abc import Iterable

from config.register import Requests, Table


def faults_of_requests(requests: Requests, spans: Iterable[tuple[str, Table, int, int]]) -> list[str]:
    """What is wrong, in words; `spans` are who needs which registers: name, table, first register, and how many."""
    faults = []
    for who, table, address, count in spans:
        if count > requests.most_registers:
            faults.append(f"{who} takes {count} registers, but most_registers is {requests.most_registers}")
        faults += [
            f"{who} needs {table} register {address}, in the hole from {hole.first} to {hole.last}"
            for hole in requests.holes
            if hole.table == table and address <= hole.last and hole.first < address + count
        ]
    return list(dict.fromkeys(faults))
