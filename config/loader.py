"""Loading a site file: refused at the door, with every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from config.document import Fault, read_document
from config.faults import SiteError, nearest, validate
from config.price_series import PriceSeries, read_prices
from config.references import References, load_profile, load_tariff
from config.site import Site, SiteFile

__all__ = ["SiteError", "example_site", "example_sites", "load_profile", "load_site", "load_tariff", "nearest"]

_SITES = Path(__file__).parent / "sites"
_SITE: TypeAdapter[SiteFile] = TypeAdapter(SiteFile)


def example_site(name: str) -> Path:
    """The path of a site file that comes with parkgrid, such as ``demo_park``."""
    return _SITES / f"{name}.yaml"


def example_sites() -> list[str]:
    """The names of the site files that come with parkgrid."""
    return sorted(path.stem for path in _SITES.glob("*.yaml"))


def load_site(path: Path, connections: Mapping[str, Mapping[str, Any]] | None = None) -> Site:
    """Load and check a site file, its profiles and its tariffs.

    `connections` replaces single keys of connections, by connection name: where a simulated park
    listens is only known once it runs.

    Raises SiteError with every fault found.
    """
    document = read_document(path)
    faults = list(document.faults)
    if document.data is None:
        raise SiteError(faults)
    given = document.data.get("connections")
    for name, keys in (connections or {}).items():
        connection = given.get(name) if isinstance(given, dict) else None
        if isinstance(connection, dict):
            connection.update(keys)
    file = validate(document, _SITE, SiteFile, faults)
    references = References(document, document.data, path.parent, faults)
    references.check()
    spot = _spot(path, file, faults) if file is not None else None
    if faults or file is None:
        raise SiteError(faults)
    return Site(
        path=path,
        file=file,
        points=references.points,
        modbus=references.modbus,
        tariffs=tuple(references.tariffs),
        spot=spot,
    )


def _spot(path: Path, file: SiteFile, faults: list[Fault]) -> PriceSeries | None:
    if file.spot_prices is None:
        return None
    try:
        return read_prices(path.parent / file.spot_prices.file, file.spot_prices)
    except SiteError as error:
        faults.extend(error.faults)
        return None
