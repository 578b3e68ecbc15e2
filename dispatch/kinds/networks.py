"""District heat and steam: power = bought - sold, + towards the park."""

from __future__ import annotations

from config.heat_network import HeatConnection, SteamConnection
from dispatch.forms.network import Network
from dispatch.levels import Levels


def heat_connection(spec: HeatConnection, levels: Levels) -> Network:
    return Network(bus=spec.heat_bus, gives=1, spec=spec, zone=levels.zone)


def steam_connection(spec: SteamConnection, levels: Levels) -> Network:
    return Network(bus="steam", gives=1, spec=spec, zone=levels.zone)
