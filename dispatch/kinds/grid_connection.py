"""The grid connection: power = import - export."""

from __future__ import annotations

from config.assets import GridConnection
from dispatch.forms.connection import Connection
from dispatch.levels import Levels


def grid_connection(spec: GridConnection, levels: Levels) -> Connection:
    return Connection(
        bus=levels.connection_bus(spec),
        gives=1,
        import_limit_kw=spec.import_limit_kw,
        export_limit_kw=spec.export_limit_kw,
        alone=levels.one_connection,
    )
