"""OiaFed 0.2.3: its nodes over gRPC, called through its own `PeerProxy`, in an environment of its own.

The package needs torch at once, for its models; its communication layer does not. So the package's `__init__` is
passed over, what it sets for the communication layer is set here, and torch need not be installed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import sys
import tempfile
import types
from collections.abc import Sequence
from typing import Any

from benchmarks.bulk.contenders.base import Array, Contender

_LIMIT = (1 << 31) - 1
"""The largest message that it may be set to: gRPC takes no more. Its own default is 100 MiB."""


def _import() -> None:
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"  # as its `__init__` does
    spec = importlib.util.find_spec("oiafed")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("oiafed is not installed")
    package = types.ModuleType("oiafed")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["oiafed"] = package


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class _Learner:
    async def describe(self) -> int:
        return 1

    async def evaluate(self, weights: Array) -> int:
        return weights.nbytes

    async def fit(self, weights: Array) -> Array:
        return weights


class OiaFed(Contender):
    """Its nodes, with the message size that gRPC allows at most, and without its log on the console."""

    def __init__(self) -> None:
        self._node: Any = None
        self._proxies: list[Any] = []

    async def _start(self, name: str) -> str:
        _import()
        from oiafed.comm import Node
        from oiafed.config import GrpcConfig, LogConfig, NodeCommConfig, TransportConfig
        from oiafed.infra import setup_logging

        folder = tempfile.mkdtemp(prefix="bench-oiafed-")
        setup_logging(name, LogConfig(console=False, log_dir=folder, exp_name="bench"))
        port = _free_port()
        transport = TransportConfig(mode="grpc", grpc=GrpcConfig(max_message_size=_LIMIT))
        listen = {"host": "127.0.0.1", "port": port}
        self._node = Node(NodeCommConfig(node_id=name, listen=listen, transport=transport))
        await self._node.start()
        return str(port)

    async def serve(self, index: int) -> str:
        """Bind a learner to a node."""
        address = await self._start(f"learner_{index}")
        self._node.bind(_Learner())
        return address

    async def connect(self, addresses: Sequence[str]) -> None:
        """Connect a node to each."""
        await self._start("trainer")
        from oiafed.proxy import PeerProxy

        for index, address in enumerate(addresses):
            await self._node.connect(f"learner_{index}", f"127.0.0.1:{address}")
            self._proxies.append(PeerProxy(self._node, f"learner_{index}"))

    async def small(self) -> None:
        """A call without arguments."""
        await self._proxies[0].describe()

    async def send(self, payload: Array, to: int = 0) -> None:
        """A call with the array."""
        await self._proxies[to].evaluate(payload)

    async def echo(self, payload: Array) -> None:
        """A call that gives the array back."""
        await self._proxies[0].fit(payload)

    async def close(self) -> None:
        """Let the process end: stopping takes its grace of five seconds."""
        await asyncio.sleep(0)
