"""A real InfluxDB 1.6 behind nginx, which gives it the write path and the token check of InfluxDB 2.

The fixture `influx` starts both on free ports, with an empty database whose name is the bucket's.
"""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from ports import unused_port

TOKEN = "test-token"
START_TIMEOUT_S = 20.0

INFLUXD_CONFIG = """
reporting-enabled = false
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http_port}"
  log-enabled = false
"""

NGINX_CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_max_body_size 20m;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  map $arg_precision $v1_precision {{ default $arg_precision; ns n; us u; "" n; }}
  map $http_authorization $allowed {{ default 0; "Token {token}" 1; }}
  server {{
    listen 127.0.0.1:{shim_port};
    default_type application/json;
    if ($allowed = 0) {{ return 401 '{{"code":"unauthorized","message":"unauthorized access"}}'; }}
    location = /api/v2/write {{
      set $db $arg_bucket;
      rewrite ^ /write?db=$db&precision=$v1_precision? break;
      proxy_pass http://127.0.0.1:{http_port};
      proxy_set_header Authorization "";
    }}
    location = /query {{
      proxy_pass http://127.0.0.1:{http_port};
      proxy_set_header Authorization "";
    }}
  }}
}}
"""


class InfluxShim:
    """What a site file calls `influxdb`, with a server that can be stopped and started again on the same data."""

    org = "park"
    bucket = "parkgrid"
    token = TOKEN

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._http_port, self._rpc_port, self._shim_port = (unused_port() for _ in range(3))
        self.url = f"http://127.0.0.1:{self._shim_port}"
        self._influxd_config = folder / "influxd.conf"
        self._nginx_config = folder / "nginx.conf"
        for path, text in ((self._influxd_config, INFLUXD_CONFIG), (self._nginx_config, NGINX_CONFIG)):
            path.write_text(
                text.format(
                    folder=folder,
                    http_port=self._http_port,
                    rpc_port=self._rpc_port,
                    shim_port=self._shim_port,
                    token=TOKEN,
                )
            )
        self._influxd: subprocess.Popen[bytes] | None = None
        self._nginx: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        self.start()
        self._request("POST", "/query", {"q": f"CREATE DATABASE {self.bucket}"})
        self.start_shim()

    def start(self) -> None:
        """Starts influxd; nginx answers 502 while it is not there."""
        self._influxd = self._spawn("influxd", "-config", str(self._influxd_config))
        _wait_for(self._http_port, self._influxd)

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """Ends influxd with the signal, by default the gentle one."""
        if self._influxd is not None:
            _end(self._influxd, signal_number)
            self._influxd = None

    def pause(self) -> None:
        """Freezes influxd: it accepts connections and never answers."""
        assert self._influxd is not None
        self._influxd.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._influxd is not None
        self._influxd.send_signal(signal.SIGCONT)

    def stop_shim(self) -> None:
        """Ends nginx: connections are refused, as when the host is down."""
        if self._nginx is not None:
            _end(self._nginx, signal.SIGTERM)
            self._nginx = None

    def start_shim(self) -> None:
        self._nginx = self._spawn("nginx", "-c", str(self._nginx_config), "-p", str(self._folder), "-e", "stderr")
        _wait_for(self._shim_port, self._nginx)

    def close(self) -> None:
        self.stop_shim()
        self.stop(signal.SIGKILL)

    def query(self, influxql: str) -> list[dict[str, Any]]:
        """The rows of one InfluxQL query, tags and columns by name, `time` in ns, over the path that Grafana uses."""
        body = self._request("GET", "/query", {"q": influxql, "db": self.bucket, "epoch": "ns"}, port=self._shim_port)
        answer = json.loads(body)
        (result,) = answer["results"]
        assert "error" not in result, f"{influxql}: {result['error']}"
        return [
            dict(series.get("tags", {})) | dict(zip(series["columns"], row, strict=True))
            for series in result.get("series", [])
            for row in series["values"]
        ]

    def write(self, *lines: str) -> None:
        """Writes lines as another program would, beside the forwarder."""
        target = {"org": self.org, "bucket": self.bucket, "precision": "ns"}
        self._request("POST", "/api/v2/write", target, body="\n".join(lines).encode(), port=self._shim_port)

    def _request(
        self, method: str, path: str, query: dict[str, str], *, body: bytes | None = None, port: int | None = None
    ) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port or self._http_port, timeout=20)
        try:
            headers = {"Authorization": f"Token {TOKEN}"}
            connection.request(method, f"{path}?{urlencode(query)}", body=body, headers=headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        assert response.status in (200, 204), f"{query}: {response.status} {answer!r}"
        return answer

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        executable = shutil.which(program)
        assert executable is not None, f"{program} is not installed: mark the test with server({program!r})"
        with (self._folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen([executable, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up:
        assert process.poll() is None, f"{process.args} ended with {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"{process.args} does not listen on {port}")


def _end(process: subprocess.Popen[bytes], signal_number: int) -> None:
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal_number)
    try:
        process.wait(START_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxShim]:
    shim = InfluxShim(tmp_path_factory.mktemp("influx"))
    try:
        shim.open()
        yield shim
    finally:
        shim.close()
