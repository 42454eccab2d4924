"""What the log says of a node that cannot be connected to again: each reason once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import aio
from oiafed_rpc import AuthInterceptor, GrpcTransport, Message, Node, ReconnectPolicy, TlsConfig
from oiafed_rpc.errors import MISSING
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.transport.grpc.failures import error_from

from tests.certificates import Authority

SOON = 15.0


class Trainer:
    """A node that dials ever again, and what its log says of that."""

    def __init__(self) -> None:
        self._attempts = asyncio.Event()
        self._number = 0
        policy = ReconnectPolicy(0.01, 0.02, random=self._drawn)
        self.node = Node("trainer", "trainer", GrpcTransport(), reconnect=policy, interceptors=[_token("right")])
        self.back = asyncio.Event()
        self.node.on("connected", lambda _: self.back.set())

    def _drawn(self) -> float:
        self._number += 1
        self._attempts.set()
        return 0.0

    async def attempts(self, number: int) -> None:
        """Wait until there were so many more."""
        number += self._number
        async with asyncio.timeout(SOON):
            while self._number < number:
                self._attempts.clear()
                await self._attempts.wait()


def _token(token: str) -> AuthInterceptor:
    return AuthInterceptor(token=token)


@pytest.fixture
async def trainer() -> AsyncIterator[Trainer]:
    trainer = Trainer()
    async with trainer.node:
        yield trainer


async def test_each_reason_is_told_once(trainer: Trainer, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    tls = TlsConfig(**Authority(tmp_path).issue("server", ips=("127.0.0.1",)))

    def listening(port: int, node_id: str = "learner_0", token: str = "right", tls: TlsConfig | None = None) -> Node:
        transport = GrpcTransport("127.0.0.1", port, tls=tls)
        return Node(node_id, "learner", transport, interceptors=[_token(token)], heartbeat=False)

    async def told(words: str) -> None:
        """Make some attempts: the words come once, and last."""
        await trainer.attempts(8)
        lines = [each.getMessage() for each in caplog.records if "goes on trying" in each.getMessage()]
        caplog.clear()
        assert words in lines[-1]
        assert sum(words in each for each in lines) == 1

    refused = "nothing listens there"
    with caplog.at_level(logging.INFO, "oiafed_rpc"):
        learner = listening(0)
        await learner.start()
        port: int = learner.transport.port  # type: ignore[attr-defined]
        await trainer.node.connect(f"learner_0@127.0.0.1:{port}")
        await learner.stop()
        await told(refused)
        for other, words in (
            (listening(port, "another"), "the address belongs to another node"),
            (listening(port, token="wrong"), "node 'learner_0' refused a call"),
            (listening(port, tls=tls), "TLS mismatch"),
        ):
            async with other:
                await told(words)
            await told(refused)
        trainer.back.clear()
        async with listening(port), asyncio.timeout(SOON):
            await trainer.back.wait()
        assert f"node 'trainer' is connected to learner_0@127.0.0.1:{port} again" in caplog.text


def _failed(told: str) -> Any:
    failure = aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, aio.Metadata(), aio.Metadata(), told)
    return error_from(failure, Message("m", "a", "b", None), Serializers(), None)


@pytest.mark.parametrize(
    ("told", "missing"),
    [
        ("failed to connect to all addresses; last error: connect: Connection refused (111)", "listener"),
        ("failed to connect to all addresses; last error: connect: No route to host (113)", "route"),
        ("DNS resolution failed for nowhere.invalid:1: C-ares status is not ARES_SUCCESS", "name"),
        ("failed to connect to all addresses; last error: Ssl handshake failed: WRONG_VERSION_NUMBER", "tls"),
        ("failed to connect to all addresses; last error: something new", "connection"),
    ],
)
def test_a_failure_of_grpc_names_what_is_missing(told: str, missing: str) -> None:
    error = _failed(told)
    assert error.details[MISSING] == missing
    assert error.ran is False


def test_a_connection_that_broke_has_been_there() -> None:
    assert MISSING not in _failed("Socket closed").details
