"""What systemd hears, at a socket as it opens one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.service_manager import ServiceManager


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(2.0)
        yield ear


def heard(systemd: socket.socket) -> list[str]:
    return systemd.recv(4096).decode().splitlines()


def test_it_is_ready_with_its_first_healthy_cycle_and_alive_with_each(systemd: socket.socket, tmp_path: Path) -> None:
    manager = ServiceManager(str(tmp_path / "notify"))
    manager.healthy("optimal, cycle 1")
    assert heard(systemd) == ["READY=1", "WATCHDOG=1", "STATUS=optimal, cycle 1"]
    manager.healthy("optimal, cycle 2")
    assert heard(systemd) == ["WATCHDOG=1", "STATUS=optimal, cycle 2"]
    manager.stopping()
    assert heard(systemd) == ["STOPPING=1"]
    manager.close()


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0parkgrid-test-of-the-service-manager")
        monkeypatch.setenv("NOTIFY_SOCKET", "@parkgrid-test-of-the-service-manager")
        manager = ServiceManager()
        manager.healthy("safe, cycle 1")
        assert heard(ear)[0] == "READY=1"
        manager.close()


def test_ready_is_said_again_until_somebody_hears_it(systemd: socket.socket, tmp_path: Path) -> None:
    manager = ServiceManager(str(tmp_path / "later"))
    manager.healthy("optimal, cycle 1")  # nobody is there, and no cycle fails for that
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "later"))
        manager.healthy("optimal, cycle 2")
        assert heard(ear)[0] == "READY=1"
    manager.close()


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    manager = ServiceManager()
    manager.healthy("optimal, cycle 1")
    manager.stopping()
    manager.close()


def test_a_systemd_that_does_not_listen_keeps_no_cycle_waiting(systemd: socket.socket, tmp_path: Path) -> None:
    manager = ServiceManager(str(tmp_path / "notify"))
    for cycle in range(2000):
        manager.healthy(f"optimal, cycle {cycle}")
    assert heard(systemd)[0] == "READY=1"
    manager.close()
