"""Small typed calls to a node that only dials out, beside the same calls to one that listens; in turns.

The learners are processes of their own. Each round measures both ways, one after the other; the ratio is the median of
the rounds' ratios.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection

from federation.v1 import LearnerProxy
from oiafed_rpc import AuthInterceptor, GrpcTransport, Node

from benchmarks.children import server
from benchmarks.small_calls import GRPC_CALLS, IN_FLIGHT, Call, Learner, each, line, together

ROUNDS = 25
_TOKEN = "a token as long as tokens are in practice"  # noqa: S105 - of no federation


async def _learn(pipe: Connection, trainer: str) -> None:
    """Listen, and tell the port; or dial the trainer."""
    transport = GrpcTransport(None if trainer else "127.0.0.1")
    name = "dials" if trainer else "listens"
    node = Node(name, "learner", transport, interceptors=[AuthInterceptor(_TOKEN)])
    node.register(Learner())
    async with node:
        if trainer:
            await node.connect(trainer)
        pipe.send(transport.port)
        await asyncio.to_thread(pipe.poll, None)


def _learner(pipe: Connection, trainer: str) -> None:
    """Serve until the parent hangs up."""
    asyncio.run(_learn(pipe, trainer))


async def main() -> None:
    """Measure and print."""
    async with AsyncExitStack() as stack:
        transport = GrpcTransport("127.0.0.1", 0)
        trainer = Node("trainer", "trainer", transport, interceptors=[AuthInterceptor(_TOKEN)])
        await stack.enter_async_context(trainer)
        port = await stack.enter_async_context(server(_learner, ""))
        await trainer.connect(f"listens@127.0.0.1:{port}")
        await stack.enter_async_context(server(_learner, f"trainer@127.0.0.1:{transport.port}"))
        await trainer.wait_for_peers(role="learner", count=2)
        calls: dict[str, Call] = {name: trainer.get_proxy(name, LearnerProxy).describe for name in ("dials", "listens")}
        took: dict[str, list[float]] = {f"{name} {how}": [] for name in calls for how in ("one", "many")}
        for call in calls.values():
            await each(call, 200)
            await together(call, 200)
        for _ in range(ROUNDS):
            for name, call in calls.items():
                took[f"{name} one"].append(await each(call, GRPC_CALLS))
                took[f"{name} many"].append(await together(call, GRPC_CALLS * 2))
    print(line("dials out, one by one", took["dials one"], took["listens one"], "listens"))
    print(line(f"dials out, {IN_FLIGHT} in flight", took["dials many"], took["listens many"], "listens"))


if __name__ == "__main__":
    asyncio.run(main())
