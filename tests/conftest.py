"""What every test may use, and what none may leave behind."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from ports import unused_port

from config.loader import example_site, load_site
from config.site import Site

pytest_plugins = [
    "influx_shim",
    "modbus_peers",
    "mqtt_brokers",
    "park_builder",
    "processes",
    "sparkplug_meter",
    "tiny_park",
]

REQUIRED = os.environ.get("PARKGRID_REQUIRE_SERVERS", "") not in ("", "0")
"""Set where everything must run: a missing server or any other skip is then a failure."""

SERVERS = {
    "mosquitto": "mosquitto",
    "mosquitto_sub": "mosquitto_sub",
    "influxd": "influxd",
    "nginx": "nginx",
    "socat": "socat",
    "mbpoll": "mbpoll",
    "libmodbus": "gcc",  # its test server comes as a source
    "pysparkplug": str(Path(sys.prefix) / "sparkplug-peer" / "bin" / "python"),  # made by `make servers`
}
"""Program by the name that the `server` marker uses."""

NODE_MODULES = Path(sys.prefix) / "peers" / "node_modules"  # made by `make servers`
NODE_PEERS = ("node-opcua", "modbus-serial", "jsmodbus")
"""Further names for the `server` marker: modules that node.js runs."""

# Debian keeps servers where a user's PATH does not look.
SERVER_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/usr/local/sbin"])

# A cancelled task may need a few turns of the loop to close its socket; more than this is a task left behind.
TASK_GRACE_S = 1.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-pair", type=Path, metavar="FILE", help="every two faults at once; FILE gets a line for each, at once"
    )


def pytest_configure() -> None:
    os.environ["PATH"] = SERVER_PATH
    # a shell starts what runs in its background deaf to Ctrl-C, and every process under test would be deaf with it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("server"):
        for name in mark.args:
            if name not in (*SERVERS, *NODE_PEERS):
                pytest.fail(f"unknown server {name!r}; known are {', '.join((*SERVERS, *NODE_PEERS))}", pytrace=False)
            if not is_installed(name):
                pytest.skip(f"needs the server program {name}, which is not installed")


def is_installed(name: str) -> bool:
    if name in NODE_PEERS:
        return shutil.which("node") is not None and (NODE_MODULES / name / "package.json").is_file()
    return shutil.which(SERVERS[name]) is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where everything must run: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    if REQUIRED and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped where everything must run: {report.longrepr[2]}"
    return report


@pytest.fixture
async def _tasks_watched() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=TASK_GRACE_S)
    if left:
        names = sorted(getattr(task.get_coro(), "__qualname__", repr(task)) for task in left)
        pytest.fail(f"tasks left behind: {', '.join(names)}", pytrace=False)


@pytest.fixture(autouse=True)
def _no_task_left(request: pytest.FixtureRequest) -> None:
    """Comes before every other fixture of an asynchronous test, and so looks after all of them are gone."""
    if inspect.iscoroutinefunction(getattr(request.node, "function", None)):
        request.getfixturevalue("_tasks_watched")


@pytest.fixture(scope="session")
def demo_site() -> Site:
    return load_site(example_site("demo_park"))


@pytest.fixture
def free_port() -> int:
    """A port on the loopback interface that nothing listens on now."""
    return unused_port()
