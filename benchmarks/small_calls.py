"""Small typed calls: in memory, with interceptors and without, and over gRPC beside a bare stub with no features.

The gRPC calls have everything on: a deadline, a call id, a token that is checked, and a retry policy. Each server is a
process of its own. Each round measures every contender in turn, so that a machine that slows down slows them all; the
ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection

from federation.v1 import EvalResult, FitConfig, FitResult, LearnerHandler, LearnerInfo, LearnerProxy, Progress
from federation.v1.wire import federation_pb2
from grpc import aio, method_handlers_generic_handler, unary_unary_rpc_method_handler
from oiafed_rpc import (
    AuthInterceptor,
    CallNext,
    Context,
    GrpcTransport,
    Interceptor,
    MemoryNetwork,
    MemoryTransport,
    Message,
    Node,
    Tensors,
)

from benchmarks.children import server

ROUNDS = 25
MEMORY_CALLS = 3_000
GRPC_CALLS = 300
IN_FLIGHT = 32
_DESCRIBE = "/federation.v1.Learner/Describe"
_TOKEN = "a token as long as tokens are in practice"  # noqa: S105 - of no federation

Call = Callable[[], Awaitable[object]]


class Learner(LearnerHandler):
    """Answers at once."""

    async def describe(self) -> LearnerInfo:
        """Give the smallest answer."""
        return LearnerInfo(samples=1)

    async def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        """Not measured."""
        raise NotImplementedError

    async def evaluate(self, weights: Tensors) -> EvalResult:
        """Not measured."""
        raise NotImplementedError

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        """Not measured."""
        raise NotImplementedError
        yield


class Passing(Interceptor):
    """Does nothing."""

    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        """Pass the call on."""
        return await call_next(message, context)


async def _bare_describe(_: federation_pb2.LearnerDescribeRequest, __: object) -> federation_pb2.LearnerInfo:
    return federation_pb2.LearnerInfo(samples=1)


async def _serve_bare(port: Connection) -> None:
    handler = unary_unary_rpc_method_handler(
        _bare_describe,
        federation_pb2.LearnerDescribeRequest.FromString,
        federation_pb2.LearnerInfo.SerializeToString,
    )
    server = aio.server()
    server.add_generic_rpc_handlers((method_handlers_generic_handler("federation.v1.Learner", {"Describe": handler}),))
    port.send(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await asyncio.to_thread(port.poll, None)
    await server.stop(None)


async def _serve_node(port: Connection) -> None:
    transport = GrpcTransport("127.0.0.1", 0)
    node = Node("learner_0", "learner", transport, interceptors=[AuthInterceptor(_TOKEN)])
    node.register(Learner())
    async with node:
        port.send(transport.port)
        await asyncio.to_thread(port.poll, None)


def _server(port: Connection, bare: bool) -> None:
    """Serve until the parent hangs up."""
    asyncio.run(_serve_bare(port) if bare else _serve_node(port))


async def _in_memory(stack: AsyncExitStack, interceptors: Sequence[Interceptor]) -> Call:
    """A call between two nodes that both have the interceptors."""
    network = MemoryNetwork()
    learner = Node("learner_0", "learner", MemoryTransport(network), interceptors=interceptors)
    learner.register(Learner())
    await stack.enter_async_context(learner)
    trainer = Node("trainer", "trainer", MemoryTransport(network), interceptors=interceptors)
    await stack.enter_async_context(trainer)
    return trainer.get_proxy("learner_0", LearnerProxy).describe


async def _over_grpc(stack: AsyncExitStack) -> Call:
    port = await stack.enter_async_context(server(_server, False))
    trainer = Node("trainer", "trainer", GrpcTransport(), interceptors=[AuthInterceptor(_TOKEN)])
    await stack.enter_async_context(trainer)
    await trainer.connect(f"learner_0@127.0.0.1:{port}")
    return trainer.get_proxy("learner_0", LearnerProxy).describe


async def _bare(stack: AsyncExitStack) -> Call:
    port = await stack.enter_async_context(server(_server, True))
    channel = await stack.enter_async_context(aio.insecure_channel(f"127.0.0.1:{port}"))
    stub = channel.unary_unary(
        _DESCRIBE, federation_pb2.LearnerDescribeRequest.SerializeToString, federation_pb2.LearnerInfo.FromString
    )
    request = federation_pb2.LearnerDescribeRequest()

    async def call() -> object:
        return await stub(request)

    return call


async def each(call: Call, count: int) -> float:
    """Median seconds of a call, one after the other."""
    took: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


async def together(call: Call, count: int) -> float:
    """Seconds a call, with many in flight."""

    async def some() -> None:
        for _ in range(count // IN_FLIGHT):
            await call()

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))
    return (time.perf_counter() - began) / count


def line(what: str, ours: list[float], other: list[float] | None = None, name: str = "") -> str:
    text = f"{what:<44}{statistics.median(ours) * 1e6:>8.1f} µs  (min {min(ours) * 1e6:.1f}, max {max(ours) * 1e6:.1f})"
    if other is None:
        return text
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, other, strict=True))
    return f"{text}  {name} {statistics.median(other) * 1e6:.1f} µs  ratio {ratio:.2f}"


async def main() -> None:
    """Measure and print."""
    async with AsyncExitStack() as stack:
        in_memory = {
            "memory, one by one": await _in_memory(stack, []),
            "memory, 1 interceptor on both nodes": await _in_memory(stack, [Passing()]),
            "memory, 2 interceptors on both nodes": await _in_memory(stack, [Passing(), Passing()]),
            "memory, a token checked": await _in_memory(stack, [AuthInterceptor(_TOKEN)]),
        }
        ours, bare = await _over_grpc(stack), await _bare(stack)
        for call in (*in_memory.values(), ours, bare):
            await each(call, 200)
        took: dict[str, list[float]] = {name: [] for name in (*in_memory, "one", "bare one", "many", "bare many")}
        for _ in range(ROUNDS):
            for name, call in in_memory.items():
                took[name].append(await each(call, MEMORY_CALLS))
            took["one"].append(await each(ours, GRPC_CALLS))
            took["bare one"].append(await each(bare, GRPC_CALLS))
            took["many"].append(await together(ours, GRPC_CALLS * 2))
            took["bare many"].append(await together(bare, GRPC_CALLS * 2))
    for name in in_memory:
        print(line(name, took[name]))
    print(line("gRPC, everything on, one by one", took["one"], took["bare one"], "bare grpc.aio"))
    print(line(f"gRPC, everything on, {IN_FLIGHT} in flight", took["many"], took["bare many"], "bare grpc.aio"))


if __name__ == "__main__":
    asyncio.run(main())
