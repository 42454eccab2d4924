"""What stands for many nodes: broadcasts, and their replies as they come or all together."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, cast

from oiafed_rpc.caller import Caller, Options
from oiafed_rpc.codec.messages import Params
from oiafed_rpc.dynamic import CALL, stream_in
from oiafed_rpc.errors import Code, PartialFailure, RpcError, as_rpc_error
from oiafed_rpc.message import Encoded
from oiafed_rpc.method import Method, R
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.retry import RetryPolicy

P = TypeVar("P", bound=Proxy)


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """What one node answered.

    Attributes:
        node_id: The node.
        error: Why it did not answer; None where it did.
    """

    node_id: str
    _value: R | None = None
    error: RpcError | None = None

    @property
    def ok(self) -> bool:
        """Whether the node answered."""
        return self.error is None

    @property
    def value(self) -> R:
        """The result; raises `error` where there is none."""
        if self.error is not None:
            raise self.error
        return cast("R", self._value)


class Replies(Mapping[str, R]):
    """Node id → result, of the nodes that answered, in the order in which they were called.

    Asking for a node that failed raises its error.

    Attributes:
        errors: Node id → error, of those that did not answer.
    """

    def __init__(self, replies: Mapping[str, R], errors: Mapping[str, RpcError]) -> None:
        self._replies = dict(replies)
        self.errors = dict(errors)

    def __getitem__(self, node_id: str) -> R:
        if node_id in self.errors:
            raise self.errors[node_id]
        return self._replies[node_id]

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._replies

    def __iter__(self) -> Iterator[str]:
        return iter(self._replies)

    def __len__(self) -> int:
        return len(self._replies)

    def __repr__(self) -> str:
        return f"Replies({self._replies!r}, errors={self.errors!r})"


Start = Callable[[str], AsyncIterator[R]]
"""Makes the call to one node: the items that it answers with, a single one where the method is unary."""


class BroadcastStream(Generic[R]):
    """Calls to many nodes, made when it is iterated over, once: each item of each node, as they come.

    A node that fails gives one `Reply` with an `error`, and the others go on.
    """

    def __init__(self, name: str, targets: Sequence[str], start: Start[R]) -> None:
        self._name = name
        self._targets = targets
        self._start = start
        self._sent = False

    def __del__(self) -> None:
        if not self.__dict__.get("_sent", True):
            message = f"{self._name} was called without 'await' or 'async for', so nothing was sent"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)

    async def __aiter__(self) -> AsyncGenerator[Reply[R], None]:
        if self._sent:
            raise RuntimeError("these calls have been made already: call the method again")
        self._sent = True
        arrived: asyncio.Queue[Reply[R] | None] = asyncio.Queue()
        room = asyncio.Semaphore(len(self._targets))
        tasks = [asyncio.create_task(self._collect(target, arrived, room)) for target in self._targets]
        for task in tasks:
            task.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            busy = len(tasks)
            while busy:
                reply = await arrived.get()
                if reply is None:
                    busy -= 1
                else:
                    room.release()
                    yield reply
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _collect(self, target: str, arrived: asyncio.Queue[Reply[R] | None], room: asyncio.Semaphore) -> None:
        try:
            async for item in self._start(target):
                await room.acquire()
                arrived.put_nowait(Reply(target, item))
        except Exception as error:  # whatever it is, the other nodes' replies go on
            arrived.put_nowait(Reply(target, error=as_rpc_error(error, target, "the call")))


class Broadcast(BroadcastStream[R]):
    """One call to many nodes, made once: awaited, for all replies, or iterated over, for each as it comes."""

    def __init__(self, name: str, targets: Sequence[str], start: Start[R], min_replies: int | None) -> None:
        super().__init__(name, targets, start)
        self._min_replies = len(targets) if min_replies is None else min_replies

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            forgotten = "; its replies have: await it first" if name == "errors" or hasattr(Replies, name) else ""
            raise AttributeError(f"a broadcast has no attribute {name!r}{forgotten}", name=name, obj=self)

    def __await__(self) -> Generator[Any, None, Replies[R]]:
        """All replies, when every node has answered or failed.

        Raises:
            PartialFailure: where fewer than `min_replies` nodes answered.
        """
        return self._gather().__await__()

    async def _gather(self) -> Replies[R]:
        came = {reply.node_id: reply async for reply in self}
        ordered = [came[target] for target in self._targets]
        replies = {reply.node_id: reply.value for reply in ordered if reply.error is None}
        errors = {reply.node_id: reply.error for reply in ordered if reply.error is not None}
        if len(replies) < self._min_replies:
            first = "; ".join(f"{node_id}: {error}" for node_id, error in list(errors.items())[:3])
            more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
            needed = f"{self._min_replies} of {len(self._targets)}"
            message = f"{len(replies)} nodes answered, {needed} were needed: {first}{more}"
            raise PartialFailure(message, replies, errors)
        return Replies(replies, errors)


class ProxyCollection(Generic[P]):
    """Calls many nodes. `Node.get_collection` makes it; generated subclasses add the methods of a role."""

    __proxy__: ClassVar[type[Proxy]] = Proxy

    def __init__(
        self,
        caller: Caller,
        members: Callable[[], list[str]],
        options: Options | None = None,
        min_replies: int | None = None,
        /,
    ) -> None:
        self._rpc_caller = caller
        self._rpc_members = members
        self._rpc_options = options or Options()
        self._rpc_min_replies = min_replies

    @property
    def targets(self) -> list[str]:
        """The ids of the nodes that a call made now goes to."""
        return self._rpc_members()

    def with_options(
        self,
        *,
        timeout: float | None = None,
        metadata: Mapping[str, str] | None = None,
        serializer: str | None = None,
        retry: RetryPolicy | Literal[False] | None = None,
        idempotent: bool | None = None,
        min_replies: int | None = None,
    ) -> Self:
        """A collection of the same nodes whose calls take other options.

        Args:
            timeout: Seconds until a call's deadline.
            metadata: Text that travels along, by lowercase key, on top of what this collection sends already.
            serializer: What payloads are sent with: `proto`, `pickle`, `json`, or the name of one of the node's own.
            retry: How failed attempts are repeated; False for not at all.
            idempotent: Whether a call may run twice with the same effect, where its schema does not say.
            min_replies: How many nodes must answer a broadcast; by default all.

        Raises:
            ValueError: for a timeout or a number of replies that is not positive, metadata that can't travel, or an
                unknown serializer.
        """
        if min_replies is not None and min_replies < 1:
            raise ValueError(f"min_replies must be at least 1, not {min_replies}")
        options = self._rpc_options.merged(
            timeout=timeout, metadata=metadata, serializer=serializer, retry=retry, idempotent=idempotent
        )
        if serializer is not None:
            self._rpc_caller.serializers.check_known(serializer)
        return type(self)(self._rpc_caller, self._rpc_members, options, min_replies or self._rpc_min_replies)

    def broadcast(self, method: str, /, **payload: Any) -> Broadcast[Any]:
        """Call a method of every node by name, with the same payload, without a schema."""
        name = stream_in(method, payload)
        return self._rpc_send(CALL, method, payload, payload[name] if name else None)

    async def collect(self, method: str, payloads: Mapping[str, Mapping[str, Any]], /) -> list[Any]:
        """Call a method by name with a payload of its own for each node; the results in the order of `payloads`.

        Raises:
            PartialFailure: where one of the calls failed.
        """

        def start(target: str) -> AsyncIterator[Any]:
            return _single(self._rpc_caller, CALL, method, target, dict(payloads[target]), self._rpc_options, None)

        return list((await Broadcast(method, list(payloads), start, None)).values())

    def _rpc_broadcast(self, method: Method[R], payload: object) -> Broadcast[R]:
        return self._rpc_send(method, method.title, payload, _stream_of(method, payload))

    def _rpc_send(self, spec: Method[R], name: str, payload: object, stream: object) -> Broadcast[R]:
        shared = Encoded()

        def start(target: str) -> AsyncIterator[R]:
            return _single(self._rpc_caller, spec, name, target, payload, self._rpc_options, shared)

        targets = self._rpc_reached(name, stream)
        if self._rpc_min_replies is not None and self._rpc_min_replies > len(targets):
            there = f"{len(targets)} nodes: {', '.join(targets)}"
            raise RpcError(
                Code.FAILED_PRECONDITION, f"{name}: min_replies is {self._rpc_min_replies}, but there are {there}"
            )
        return Broadcast(name, targets, start, self._rpc_min_replies)

    def _rpc_broadcast_stream(self, method: Method[R], payload: object) -> BroadcastStream[R]:
        shared = Encoded()

        def start(target: str) -> AsyncIterator[R]:
            return self._rpc_caller.stream(method, method.title, target, payload, self._rpc_options, shared)

        targets = self._rpc_reached(method.title, _stream_of(method, payload))
        return BroadcastStream(method.title, targets, start)

    def _rpc_reached(self, name: str, stream: object) -> list[str]:
        targets = self.targets
        if len(targets) > 1 and isinstance(stream, Iterator | AsyncIterator):
            raise RpcError(
                Code.INVALID_ARGUMENT,
                f"{name}: its stream can be read once, and {len(targets)} nodes are called: give a list, or an object "
                "whose __iter__ or __aiter__ begins anew",
            )
        if not targets:
            role = self.__proxy__.__role__
            who = f"node of role {role!r}" if role else "node"
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"{name} has nowhere to go: no {who} is connected; see Node.wait_for_peers, and Node.peers for who is",
            )
        return targets


def _stream_of(method: Method[Any], payload: Any) -> object:
    """The stream in a typed payload; None where there is none."""
    if not method.takes_stream:
        return None
    return payload[method.request.stream] if isinstance(method.request, Params) else payload


async def _single(
    caller: Caller, spec: Method[R], name: str, target: str, payload: object, options: Options, shared: Encoded | None
) -> AsyncGenerator[R, None]:
    """A unary call as a stream of one item."""
    yield await caller.unary(spec, name, target, payload, options, shared)
