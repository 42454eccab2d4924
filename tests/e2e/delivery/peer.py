"""A learner in a process of its own, for tests that break the way to it: `peer.py OPTIONS`.

The options are JSON: `host`, `port`, `delivery`, and `caller`, the address of a node that it calls at once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from oiafed_rpc import GrpcTransport, Node
from oiafed_rpc.config import DeliveryConfig


def say(*words: object) -> None:
    print(*words, flush=True)


class Learner:
    """What the tests call."""

    def __init__(self) -> None:
        self.runs = 0
        self.go_on = asyncio.Event()

    async def fit(self, round: int, size: int = 0) -> dict[str, Any]:  # noqa: A002 - what learners call it
        """Run until `release` is called."""
        self.runs += 1
        say("running", round)
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            say("cancelled", round)
            raise
        say("done", round)
        return {"round": round, "weights": bytes(size)}

    async def count(self, of: bytes = b"") -> int:
        self.runs += 1
        say("running count")
        return self.runs

    async def fail(self, round: int) -> None:  # noqa: A002
        await self.fit(round)
        raise ValueError("no such round")

    async def release(self) -> None:
        self.go_on.set()

    async def ran(self) -> int:
        return self.runs


async def main(node_id: str, options: dict[str, Any]) -> None:
    """Answer until it is killed."""
    transport = GrpcTransport(options.get("host", "127.0.0.1"), options.get("port", 0))
    delivery = DeliveryConfig(**options.get("delivery", {}))
    node = Node(node_id, "learner", transport, delivery=delivery, heartbeat=False)
    learner = Learner()
    for name in [name for name in vars(Learner) if not name.startswith("_")]:
        node.register_handler(name, getattr(learner, name), unpack=True)
    async with node:
        say("port", transport.port)
        if "call" in options:
            await node.connect(options["call"])
            say(await node.get_proxy(options["call"].split("@")[0]).call("fit", round=1))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
