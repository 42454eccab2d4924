"""Small typed calls: in memory, and over gRPC beside a bare grpc.aio stub with no features.

Each round measures every contender in turn, so that a machine that slows down slows them all; the ratio is the median
of the rounds' ratios.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection

from federation.v1 import EvalResult, FitConfig, FitResult, LearnerHandler, LearnerInfo, LearnerProxy, Progress
from federation.v1.wire import federation_pb2
from grpc import aio, method_handlers_generic_handler, unary_unary_rpc_method_handler
from oiafed_rpc import GrpcTransport, Node, Tensors

ROUNDS = 15
MEMORY_CALLS = 5_000
GRPC_CALLS = 300
IN_FLIGHT = 32
_DESCRIBE = "/federation.v1.Learner/Describe"

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


async def _bare_describe(_: federation_pb2.LearnerDescribeRequest, __: object) -> federation_pb2.LearnerInfo:
    return federation_pb2.LearnerInfo(samples=1)


async def _serve(ports: Connection) -> None:
    """Run both servers, each on a port of its own, until the parent hangs up."""
    handler = unary_unary_rpc_method_handler(
        _bare_describe,
        federation_pb2.LearnerDescribeRequest.FromString,
        federation_pb2.LearnerInfo.SerializeToString,
    )
    bare = aio.server()
    bare.add_generic_rpc_handlers((method_handlers_generic_handler("federation.v1.Learner", {"Describe": handler}),))
    port = bare.add_insecure_port("127.0.0.1:0")
    await bare.start()
    transport = GrpcTransport("127.0.0.1", 0)
    node = Node("learner_0", "learner", transport)
    node.register(Learner())
    async with node:
        ports.send((port, transport.port))
        await asyncio.to_thread(ports.poll, None)
    await bare.stop(None)


def _server(ports: Connection) -> None:
    asyncio.run(_serve(ports))


@asynccontextmanager
async def _contenders() -> AsyncIterator[tuple[Call, Call, Call]]:
    """The call in memory, the call over gRPC, and the bare call."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_server, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        bare_port, port = await asyncio.to_thread(ours.recv)
        learner = Node("local", "learner")
        learner.register(Learner())
        transport = GrpcTransport()
        async with (
            learner,
            Node("benchmark", "trainer") as near,
            Node("benchmark", "trainer", transport) as far,
            aio.insecure_channel(f"127.0.0.1:{bare_port}") as channel,
        ):
            await far.connect(f"learner_0@127.0.0.1:{port}")
            stub = channel.unary_unary(
                _DESCRIBE,
                federation_pb2.LearnerDescribeRequest.SerializeToString,
                federation_pb2.LearnerInfo.FromString,
            )
            request = federation_pb2.LearnerDescribeRequest()

            async def bare() -> object:
                return await stub(request)

            yield (
                near.get_proxy("local", LearnerProxy).describe,
                far.get_proxy("learner_0", LearnerProxy).describe,
                bare,
            )
    finally:
        ours.close()
        await asyncio.to_thread(process.join, 10)


async def _each(call: Call, count: int) -> float:
    """Seconds a call, one after the other."""
    began = time.perf_counter()
    for _ in range(count):
        await call()
    return (time.perf_counter() - began) / count


async def _together(call: Call, count: int) -> float:
    """Seconds a call, with many in flight."""

    async def some() -> None:
        for _ in range(count // IN_FLIGHT):
            await call()

    began = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))
    return (time.perf_counter() - began) / count


def _line(what: str, ours: list[float], bare: list[float] | None = None) -> str:
    text = (
        f"{what:<34}{statistics.median(ours) * 1e6:>10.1f} µs  (min {min(ours) * 1e6:.1f}, max {max(ours) * 1e6:.1f})"
    )
    if bare is None:
        return text
    ratio = statistics.median(mine / other for mine, other in zip(ours, bare, strict=True))
    return f"{text}  bare grpc.aio {statistics.median(bare) * 1e6:.1f} µs  ratio {ratio:.2f}"


async def main() -> None:
    """Measure and print."""
    async with _contenders() as (memory, ours, bare):
        for call in (memory, ours, bare):
            await _each(call, 200)
        in_memory, one, bare_one, many, bare_many = [], [], [], [], []
        for _ in range(ROUNDS):
            in_memory.append(await _each(memory, MEMORY_CALLS))
            one.append(await _each(ours, GRPC_CALLS))
            bare_one.append(await _each(bare, GRPC_CALLS))
            many.append(await _together(ours, GRPC_CALLS * 2))
            bare_many.append(await _together(bare, GRPC_CALLS * 2))
    print(_line("memory, typed, one by one", in_memory))
    print(_line("gRPC, typed, one by one", one, bare_one))
    print(_line(f"gRPC, typed, {IN_FLIGHT} in flight, each", many, bare_many))


if __name__ == "__main__":
    asyncio.run(main())
