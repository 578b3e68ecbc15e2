"""Makes the fixture `influx` of ``tests/plugins`` known; test folders are no packages, so it goes by its path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PLUGIN = "parkgrid_influx_shim"


def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.has_plugin(PLUGIN):
        return
    path = Path(__file__).parents[1] / "plugins" / "influx_shim.py"
    spec = importlib.util.spec_from_file_location(PLUGIN, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PLUGIN] = module
    spec.loader.exec_module(module)
    config.pluginmanager.register(module, PLUGIN)
