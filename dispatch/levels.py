"""Which buses a site has to dispatch, and how warm they are."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from config.asset import CONNECTION_BUS, heat_bus_of
from config.assets import GridConnection, HotWaterTank
from config.flexible_assets import Transformer
from config.site import Site
from dispatch.plan import ELECTRICITY, BusId

CONNECTION: BusId = CONNECTION_BUS
"""The electric bus before the transformers, where these are planned; with several connections the name of each
follows."""
LAYERED = 5
"""From so many layers on the hot water of a tank stays on top, as the site file has it."""


def is_electric(bus: BusId) -> bool:
    """Whether it is the park's electric bus or one before its transformers."""
    return bus == ELECTRICITY or bus.partition(":")[0] == CONNECTION


class Levels:
    """What one asset must know of the others of its site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self._site.location.time_zone)

    def connection_bus(self, connection: GridConnection) -> BusId:
        """The bus of a grid connection: before its transformers, if the site plans any behind it."""
        name = next(name for name, spec in self._site.grids.items() if spec is connection)
        behind = [spec for spec in self._site.dispatched_of(Transformer).values() if self._stands_behind(spec) == name]
        return self._before_transformers(name) if behind else ELECTRICITY

    def outer_bus(self, transformer: Transformer) -> BusId:
        """The bus on the connection's side of a transformer."""
        return self._before_transformers(self._stands_behind(transformer))

    @property
    def one_connection(self) -> bool:
        return len(self._site.grids) == 1

    def _stands_behind(self, transformer: Transformer) -> str:
        return self._site.grid[0] if transformer.connection is None else transformer.connection

    def _before_transformers(self, connection: str) -> BusId:
        return CONNECTION if self.one_connection else f"{CONNECTION}:{connection}"

    def degc(self, bus: BusId) -> float | None:
        """The temperature that converters find at a heat bus; None where nothing says it.

        That of its warmest tank, or of the hottest that feeds it. A tank has its temperature in the middle of its
        window, as if it were mixed, or the one at the top where it has layers.
        """
        tanks = [tank for tank in self._site.of_kind(HotWaterTank).values() if tank.heat_bus == bus]
        if tanks:
            return max(_tank_degc(tank) for tank in tanks)
        feeds = [
            degc
            for asset in self._site.assets.values()
            if hasattr(asset, "heat_bus") and heat_bus_of(asset, 1) == bus
            # a network that only takes heat warms nothing
            if getattr(asset, "import_limit_kw", 1.0) > 0.0
            if (degc := getattr(asset, "supply_degc", None)) is not None
        ]
        return max(feeds, default=None)

    def reaches(self, bus: BusId, degc: float) -> bool:
        """Whether a heat bus is at least as warm as this; one of which nothing is known is."""
        found = self.degc(bus)
        return found is None or found >= degc


def _tank_degc(tank: HotWaterTank) -> float:
    if tank.layers >= LAYERED:
        return tank.high_degc
    return tank.low_degc + (tank.soc_min + tank.soc_max) / 2.0 * (tank.high_degc - tank.low_degc)
