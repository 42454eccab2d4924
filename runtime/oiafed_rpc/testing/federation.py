"""A whole federation in one process, for one test."""

from __future__ import annotations

import contextlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from oiafed_rpc.blocking import Node as BlockingNode
from oiafed_rpc.handlers import Handler
from oiafed_rpc.node import Node
from oiafed_rpc.retry import RetryPolicy
from oiafed_rpc.testing.fakes.call import caller_of
from oiafed_rpc.testing.fakes.fake import Fake, scripts_of
from oiafed_rpc.transport.base import Transport

N = TypeVar("N", Node, BlockingNode)
F = TypeVar("F", bound=Handler)

_SETTLING = 1.0
"""Seconds in which calls that were given up may end."""


class UnfinishedCallsError(AssertionError):
    """A test has ended while fakes were still answering calls."""


class _Federation(Generic[N]):
    """What both federations have in common.

    Args:
        make: Makes the transport of a node.

    Attributes:
        nodes: The nodes so far, by id.
    """

    def __init__(self, make: Callable[[], Transport]) -> None:
        self.nodes: dict[str, N] = {}
        self._make = make
        self._all: list[N] = []  # those of which `nodes` has another by now among them
        self._fakes: defaultdict[str, list[Fake]] = defaultdict(list)
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)

    def _made(self, kind: type[N], node_id: str, role: str, handlers: Sequence[Handler], options: dict[str, Any]) -> N:
        options = {"retry": RetryPolicy(random=lambda: 0.0), **options}
        node = kind(node_id, role, self._make(), **options)
        for handler in handlers:
            node.register(handler)
        self._all.append(node)
        self._fakes[node_id] += [each for each in handlers if isinstance(each, Fake)]
        return node

    def _next_id(self, role: str) -> str:
        """The next free id of a role: `learner_0`, `learner_1`, and so on."""
        ids = (f"{role}_{number}" for number in self._numbers[role])
        return next(each for each in ids if each not in self.nodes)

    def _links(self, node: N) -> Iterator[tuple[N, str]]:
        """Who is still to connect, and to which address, for all nodes to know each other."""
        for other in tuple(self.nodes.values()):
            for one, another in ((node, other), (other, node)):
                if one is not another and another.node_id not in one.peers:
                    yield one, f"{another.node_id}@127.0.0.1:{getattr(another.transport, 'port', 0) or 1}"

    def _unfinished(self) -> list[str]:
        return [
            f"{call!r} on {node_id!r}, from {caller_of(call)!r}"
            for node_id, fakes in self._fakes.items()
            for fake in fakes
            for script in scripts_of(fake)
            for call in script.under_way
        ]

    def _leak(self) -> None:
        unfinished = self._unfinished()
        if unfinished:
            listed = "\n  ".join(unfinished)
            raise UnfinishedCallsError(
                f"the test has ended, but calls are still under way; await or cancel them:\n  {listed}"
            )


class Federation(_Federation[Node]):
    """Nodes of one test that all know each other, in a network of their own: the fixture `federation`.

    Nodes try again at once what failed: no test waits for a pause between attempts.
    """

    async def node(self, node_id: str, role: str, *, handlers: Sequence[Handler] = (), **options: Any) -> Node:
        """A node that runs, and is connected to all others, until the end of the test.

        Args:
            node_id: Its id. That of a node which has been stopped is the node's that comes after it.
            role: Its role.
            handlers: What answers its calls.
            options: More of what `Node` takes.

        Raises:
            RpcError: ALREADY_EXISTS where a node with that id is running in memory.
        """
        node = self._made(Node, node_id, role, handlers, options)
        await node.start()
        self.nodes[node_id] = node
        for one, address in self._links(node):
            await one.connect(address)
        return node

    async def fakes(self, make: Callable[[], F], count: int = 1) -> list[F]:
        """So many nodes with a handler each, whose ids are their role and a number, `learner_0` and so on.

        Args:
            make: Makes a handler: a generated fake, or any other.
            count: How many.
        """
        made = [make() for _ in range(count)]
        for handler in made:
            role = type(handler).__role__
            await self.node(self._next_id(role), role, handlers=[handler])
        return made

    async def close(self) -> None:
        """Stop all nodes.

        Raises:
            UnfinishedCallsError: A fake is still answering a call.
        """
        async with contextlib.AsyncExitStack() as stack:
            for node in self._all:
                stack.push_async_callback(node.stop, grace=0)
            for script in _all_scripts(self._fakes):
                await script.until_idle(_SETTLING)
            self._leak()


class BlockingFederation(_Federation[BlockingNode]):
    """`Federation` for tests without `await`: the fixture `blocking_federation`. Its nodes are blocking ones."""

    def node(self, node_id: str, role: str, *, handlers: Sequence[Handler] = (), **options: Any) -> BlockingNode:
        """A node that runs, and is connected to all others, until the end of the test; as `Federation.node`."""
        node = self._made(BlockingNode, node_id, role, handlers, options)
        node.start()
        self.nodes[node_id] = node
        for one, address in self._links(node):
            one.connect(address)
        return node

    def fakes(self, make: Callable[[], F], count: int = 1) -> list[F]:
        """So many nodes with a handler each; as `Federation.fakes`."""
        made = [make() for _ in range(count)]
        for handler in made:
            role = type(handler).__role__
            self.node(self._next_id(role), role, handlers=[handler])
        return made

    def close(self) -> None:
        """Stop all nodes; as `Federation.close`."""
        with contextlib.ExitStack() as stack:
            for node in self._all:
                stack.callback(node.stop, grace=0)
            for script in _all_scripts(self._fakes):
                script.wait_until_idle(_SETTLING)
            self._leak()


def _all_scripts(fakes: dict[str, list[Fake]]) -> Iterator[Any]:
    return (script for each in fakes.values() for fake in each for script in scripts_of(fake))
