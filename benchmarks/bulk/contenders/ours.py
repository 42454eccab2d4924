"""This toolkit: the typed calls of the reference federation, over one lane or another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

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
from oiafed_rpc import (
    CompressionInterceptor,
    GrpcTransport,
    MemoryNetwork,
    MemoryTransport,
    Node,
    Proxy,
    Tensors,
    Transport,
    pieces,
)
from oiafed_rpc.config import LanesConfig

from benchmarks.bulk.contenders.base import Account, Array, Contender

_LONGEST = 600.0
"""Seconds that a call without a schema may take."""

_LANES = {
    "stream": {"socket": False, "shared_memory": False},
    "socket": {"socket": True, "shared_memory": False},
    "shared_memory": {"socket": True, "shared_memory": True},
}


def _transport(host: str | None, lane: str) -> GrpcTransport:
    return GrpcTransport(host, lanes=LanesConfig(**_LANES[lane])) if lane else GrpcTransport(host)


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


async def _fold(*, items: AsyncIterator[Array]) -> list[float]:
    total = count = 0.0
    async for item in items:
        total += float(item[0])
        count += len(item)
    return [total, count]


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
        self._plain: Proxy

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
        node.register_handler("fold", _fold)
        return str(getattr(node.transport, "port", 0))

    async def connect(self, addresses: Sequence[str]) -> None:
        """Start a trainer that connects to each."""
        trainer = await self._start(f"trainer_{self._lane or 'default'}", "trainer", listen=False)
        for index, address in enumerate(addresses):
            await trainer.connect(f"learner_{index}@127.0.0.1:{address}")
            self._proxies.append(trainer.get_proxy(f"learner_{index}", LearnerProxy))
        self._plain = trainer.get_proxy("learner_0").with_options(timeout=_LONGEST)
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

    async def account(self, payload: Tensors) -> Account | None:
        """What its own account of the transfer says."""
        seen: list[Any] = []
        await self._proxies[0].with_options(progress=seen.append).evaluate(payload)
        return Account(str(seen[-1].lane), float(seen[-1].gain)) if seen else Account("message", 1.0)

    async def fold(self, payload: Tensors, piece: int) -> list[float]:
        """Stream the pieces of the array; no lane is told apart."""
        array = payload["weights"]
        total: list[float] = await self._plain.call("fold", items=pieces(array, piece * array.itemsize))
        return total

    async def close(self) -> None:
        """Stop the nodes."""
        for node in self._nodes:
            await node.stop()


class OursInMemory(Ours):
    """A trainer and a learner in one process, who hand each other the arrays themselves."""

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

    async def account(self, payload: Tensors) -> None:
        """Nothing travels."""
