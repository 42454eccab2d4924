"""A learner that reaches its trainer through ordinary proxies only: nginx, and one that knows no more than CONNECT."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from federation.v1 import FitConfig, LearnerProxy
from oiafed_rpc import GrpcTransport, HeartbeatManager, Node, Tensors, TlsConfig, introduction
from oiafed_rpc.transport.grpc.dial_out import arrivals, keeper

from tests.certificates import Authority
from tests.unit.learners import Echo

SOON = 20.0
_NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_nginx = pytest.mark.skipif(_NGINX is None, reason="nginx is not installed")

_CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr error;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/a;
  proxy_temp_path {folder}/b;
  fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    client_max_body_size 0;
    client_body_timeout 1s;
    location / {{
      grpc_pass grpc://127.0.0.1:{behind};
      grpc_read_timeout 1s;
      grpc_send_timeout 1s;
    }}
  }}
}}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def _nginx(folder: Path, authority: Authority, behind: int) -> AsyncIterator[int]:
    """nginx before a port, with TLS; gives its own port."""
    port, files = _free_port(), authority.issue("localhost", ips=("127.0.0.1",))
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, behind=behind, **files))
    process = await asyncio.create_subprocess_exec(str(_NGINX), "-e", "stderr", "-c", str(config))
    try:
        async with asyncio.timeout(SOON):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        await process.wait()


def _learner(tls: TlsConfig | None = None) -> Node:
    node = Node("learner_0", "learner", GrpcTransport(tls=tls), heartbeat=HeartbeatManager(60, 120))
    node.register(Echo())

    async def train(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "trained"

    node.register_handler("train", train, unpack=True)
    return node


@needs_nginx
async def test_through_nginx_which_ends_streams_on_which_nothing_moves_for_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((arrivals, "KEEP_ALIVE"), (keeper, "TICK"), (introduction, "ALIVE")):
        monkeypatch.setattr(module, name, 0.3)
    authority, transport = Authority(tmp_path), GrpcTransport("127.0.0.1", 0)
    async with Node("trainer", "trainer", transport) as trainer:
        events: list[str] = []
        for event in ("lost", "left"):
            trainer.on(event, lambda peer, event=event: events.append(event))  # type: ignore[call-overload]
        async with (
            _nginx(tmp_path, authority, transport.port) as port,
            _learner(TlsConfig(ca=authority.path)) as learner,
        ):
            await learner.connect(f"trainer@127.0.0.1:{port}")
            await trainer.wait_for_peers(role="learner", timeout=SOON)
            proxy = trainer.get_proxy("learner_0")
            assert await proxy.with_options(retry=False).call("train", seconds=2.5) == "trained"
            weights = Tensors(w=np.arange(1 << 21, dtype=np.float32))
            reply = await trainer.get_proxy("learner_0", LearnerProxy).fit(weights=weights, config=FitConfig(epochs=1))
            assert np.array_equal(reply.weights["w"], weights["w"])
            calls = (proxy.call("train", seconds=0.0) for _ in range(100))
            assert await asyncio.gather(*calls) == ["trained"] * 100
            assert trainer.peers["learner_0"].state == "connected"
        assert "lost" not in events


@needs_nginx
async def test_streams_that_nginx_has_ended_are_replaced(tmp_path: Path) -> None:
    authority, transport = Authority(tmp_path), GrpcTransport("127.0.0.1", 0)
    async with (
        Node("trainer", "trainer", transport, heartbeat=False) as trainer,
        _nginx(tmp_path, authority, transport.port) as port,
        _learner(TlsConfig(ca=authority.path)) as learner,
    ):
        await learner.connect(f"trainer@127.0.0.1:{port}")
        await trainer.wait_for_peers(role="learner", timeout=SOON)
        proxy = trainer.get_proxy("learner_0")
        for _ in range(6):
            assert await proxy.call("train", seconds=0.0) == "trained"
            await asyncio.sleep(0.4)  # longer than nginx waits, in all


_DIALS = """
import asyncio, sys
from oiafed_rpc import GrpcTransport, Node

async def main():
    node = Node("learner_0", "learner", GrpcTransport())
    node.register_handler("ping", lambda a=0, b=0: "pong")
    async with node:
        await node.connect("trainer@trainer.invalid:" + sys.argv[1])
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


class _Connect:
    """A proxy that knows CONNECT, and takes every host for this one."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> _Connect:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(" ", 2)
            self.asked.append(f"{method} {target}")
            back, there = await asyncio.open_connection("127.0.0.1", int(target.rpartition(":")[2]))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(self._pass(reader, there), self._pass(back, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for each in (writer, there):
                if each is not None:
                    each.close()

    @staticmethod
    async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
        target.close()


async def test_through_a_proxy_that_knows_connect() -> None:
    transport = GrpcTransport("127.0.0.1", 0)
    async with Node("trainer", "trainer", transport) as trainer, _Connect() as proxy:
        environment = {
            **os.environ,
            "grpc_proxy": f"http://127.0.0.1:{proxy.port}",
            "no_proxy": "",
            "no_grpc_proxy": "",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _DIALS, str(transport.port), env=environment, stdin=asyncio.subprocess.PIPE
        )
        try:
            await trainer.wait_for_peers(role="learner", timeout=SOON)
            assert await trainer.get_proxy("learner_0").call("ping") == "pong"
            assert proxy.asked == [f"CONNECT trainer.invalid:{transport.port}"]
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
        assert process.returncode == 0
