"""Who asks the campus: our own drivers, for every point once a second.

    python -m simulation_load.asking SITE SECONDS < ADDRESSES

Standard input has the addresses by connection; the answer is one line with the good readings and the others.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

from config.clock import SystemClock
from config.loader import example_site, load_site
from config.site import Site
from drivers.driver import Quality
from drivers.link import Link
from drivers.site import links_of

SETTLING_S = 5.0
"""Connections are made, subscriptions begin and first values are encoded before it counts."""

Addresses = Mapping[str, Mapping[str, Any]]
"""By connection, the keys of the site file that say where it listens."""


async def ask(name: str, addresses: Addresses, seconds: float) -> tuple[int, int]:
    """Ask for every point of the devices at these addresses once a second: how many were good in the end, and not."""
    site = load_site(example_site(name), addresses)
    links = {
        device: link
        for device, link in links_of(site, SystemClock()).items()
        if connection_of(site, device) in addresses
    }
    behind: dict[str, list[str]] = {}
    for device in links:
        behind.setdefault(connection_of(site, device), []).append(device)
    settled_s = time.monotonic() + SETTLING_S
    until_s, next_s = settled_s + seconds, time.monotonic()
    good = bad = 0
    while next_s < until_s:
        rounds = await asyncio.gather(*(in_turn(site, links, devices) for devices in behind.values()))
        if next_s >= settled_s:
            good += sum(right for right, _ in rounds)
            bad += sum(wrong for _, wrong in rounds)
        next_s += 1
        await asyncio.sleep(max(next_s - time.monotonic(), 0))
    for link in links.values():
        await link.close()
    return good, bad


async def in_turn(site: Site, links: Mapping[str, Link], devices: list[str]) -> tuple[int, int]:
    """All devices behind one connection; good readings and others."""
    good = bad = 0
    for device in devices:
        for reading in await links[device].read(site.points[device]):
            good, bad = (good + 1, bad) if reading.quality is Quality.GOOD else (good, bad + 1)
    return good, bad


def connection_of(site: Site, device: str) -> str:
    return site.devices[device].connection


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    print(json.dumps(asyncio.run(ask(sys.argv[1], json.load(sys.stdin), float(sys.argv[2])))))
