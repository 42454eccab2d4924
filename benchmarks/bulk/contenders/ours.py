"""This toolkit: the typed calls of the reference federation, over one lane or another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import oiafed_rpc.config
from federation.v1 import (
    EvalResult,
    FitConfig,
    FitResult,
    LearnerCollection,
    LearnerHandler,
    LearnerInfo,
    LearnerProxy,
    Progress,
)
from oiafed_rpc import CompressionInterceptor, GrpcTransport, MemoryNetwork, MemoryTransport, Node, Tensors, Transport

from benchmarks.bulk.contenders.base import Array, Contender

_LANES = {
    "stream": {"socket": False, "shared_memory": False},
    "socket": {"socket": True, "shared_memory": False},
    "shared_memory": {"socket": True, "shared_memory": True},
}


def _transport(host: str | None, lane: str) -> GrpcTransport:
    lanes = getattr(oiafed_rpc.config, "LanesConfig", None)
    if lanes is None:
        if lane not in ("", "stream"):
            raise NotImplementedError(f"this version has no lane {lane!r}")
        return GrpcTransport(host)
    return GrpcTransport(host, lanes=lanes(**_LANES[lane])) if lane else GrpcTransport(host)  # type: ignore[call-arg]


class _Learner(LearnerHandler):
    async def describe(self) -> LearnerInfo:
        return LearnerInfo(samples=1, classes={})

    async def evaluate(self, weights: Tensors) -> EvalResult:
        return EvalResult(correct=0, samples=len(weights), loss=0.0)

    async def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        return FitResult(weights=weights, samples=1, loss=0.0)

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        raise NotImplementedError
        yield


class Ours(Contender):
    """A trainer and its learners over gRPC.

    Args:
        lane: The best lane that is allowed; empty for what is set where nothing is set.
        compress: Whether both sides compress.
    """

    def __init__(self, lane: str = "", *, compress: bool = False) -> None:
        self._lane = lane
        self._interceptors = [CompressionInterceptor()] if compress else []
        self._nodes: list[Node] = []
        self._proxies: list[LearnerProxy] = []
        self._learners: LearnerCollection

    def _transport(self, *, listen: bool) -> Transport:
        return _transport("127.0.0.1" if listen else None, self._lane)

    async def _start(self, name: str, role: str, *, listen: bool) -> Node:
        node = Node(name, role, self._transport(listen=listen), interceptors=self._interceptors)
        self._nodes.append(node)
        await node.start()
        return node

    async def serve(self, index: int) -> str:
        """Start a learner."""
        node = await self._start(f"learner_{index}", "learner", listen=True)
        node.register(_Learner())
        return str(getattr(node.transport, "port", 0))

    async def connect(self, addresses: Sequence[str]) -> None:
        """Start a trainer that connects to each."""
        trainer = await self._start(f"trainer_{self._lane or 'default'}", "trainer", listen=False)
        for index, address in enumerate(addresses):
            await trainer.connect(f"learner_{index}@127.0.0.1:{address}")
            self._proxies.append(trainer.get_proxy(f"learner_{index}", LearnerProxy))
        self._learners = trainer.get_collection(LearnerCollection)

    def payload(self, array: Array) -> Tensors:
        """A state dict of one array."""
        return {"weights": array}

    async def small(self) -> None:
        """A call without arguments."""
        await self._proxies[0].describe()

    async def send(self, payload: Tensors, to: int = 0) -> None:
        """A call with the weights."""
        await self._proxies[to].evaluate(payload)

    async def echo(self, payload: Tensors) -> None:
        """A call that gives the weights back."""
        await self._proxies[0].fit(payload, FitConfig(epochs=1))

    async def broadcast(self, payload: Tensors, count: int) -> None:
        """A call of all learners."""
        await self._learners.evaluate(payload)

    async def lane(self, payload: Tensors) -> str | None:
        """The lane that its own account of the transfer names."""
        seen: list[Any] = []
        try:
            proxy = self._proxies[0].with_options(progress=seen.append)  # type: ignore[call-arg]
        except TypeError:  # a version without it
            return None
        await proxy.evaluate(payload)
        return str(seen[-1].lane) if seen else "message"

    async def close(self) -> None:
        """Stop the nodes."""
        for node in self._nodes:
            await node.stop()


class OursInMemory(Ours):
    """A trainer and a learner in one process, who hand each other the arrays themselves."""

    alone = True

    def __init__(self) -> None:
        super().__init__()
        self._network = MemoryNetwork()

    def _transport(self, *, listen: bool) -> Transport:
        return MemoryTransport(self._network)

    async def connect(self, addresses: Sequence[str]) -> None:
        """Start both."""
        await self.serve(0)
        trainer = await self._start("trainer", "trainer", listen=False)
        self._proxies = [trainer.get_proxy("learner_0", LearnerProxy)]
