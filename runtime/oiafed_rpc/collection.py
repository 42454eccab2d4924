"""What stands for many nodes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from oiafed_rpc.broadcast import Broadcast, BroadcastStream
from oiafed_rpc.bulk.meter import Progress, Transfer
from oiafed_rpc.caller import Caller, Shared
from oiafed_rpc.codec.messages import Params
from oiafed_rpc.dynamic import CALL, stream_in
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Encoded
from oiafed_rpc.method import Method, R
from oiafed_rpc.options import DEFAULTS, Options
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.retry import RetryPolicy
from oiafed_rpc.turns import Turn

P = TypeVar("P", bound=Proxy)


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
        self._rpc_options = options or DEFAULTS
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
        progress: Callable[[Transfer], object] | None = None,
        min_replies: int | None = None,
    ) -> Self:
        """A collection of the same nodes whose calls take other options.

        Args:
            timeout: Seconds until a call's deadline.
            metadata: Text that travels along, by lowercase key, on top of what this collection sends already.
            serializer: What payloads are sent with: `proto`, `pickle`, `json`, or the name of one of the node's own.
            retry: How failed attempts are repeated; False for not at all.
            idempotent: Whether a call may run twice with the same effect, where its schema does not say.
            progress: Is called with a `Transfer` while a large payload travels, to or from any of the nodes, on the
                event loop of this one: at its first chunk, about 20 times a second, and at its end, before the call
                returns. What it raises is logged once. `oiafed_rpc.progress_bar.ProgressBar` is one.
            min_replies: How many nodes must answer a broadcast; by default all.

        Raises:
            ValueError: for a timeout or a number of replies that is not positive, metadata that can't travel, or an
                unknown serializer.
            TypeError: for a retry or a progress that is none.
        """
        if min_replies is not None and min_replies < 1:
            raise ValueError(f"min_replies must be at least 1, not {min_replies}")
        given = Options(timeout, metadata or {}, serializer, retry, idempotent, Progress.of(progress))
        options = self._rpc_options.merged(given)
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

        def start(target: str, turn: Turn) -> AsyncGenerator[Any, None]:
            shared = Shared(None, turn)
            return _single(self._rpc_caller, CALL, method, target, dict(payloads[target]), self._rpc_options, shared)

        return list((await Broadcast(method, list(payloads), start, None)).values())

    def _rpc_broadcast(self, method: Method[R], payload: object) -> Broadcast[R]:
        return self._rpc_send(method, method.title, payload, _stream_of(method, payload))

    def _rpc_send(self, spec: Method[R], name: str, payload: object, stream: object) -> Broadcast[R]:
        encoded = Encoded()

        def start(target: str, turn: Turn) -> AsyncGenerator[R, None]:
            shared = Shared(encoded, turn)
            return _single(self._rpc_caller, spec, name, target, payload, self._rpc_options, shared)

        targets = self._rpc_reached(name, stream)
        if self._rpc_min_replies is not None and self._rpc_min_replies > len(targets):
            there = f"{len(targets)} nodes: {', '.join(targets)}"
            raise RpcError(
                Code.FAILED_PRECONDITION, f"{name}: min_replies is {self._rpc_min_replies}, but there are {there}"
            )
        return Broadcast(name, targets, start, self._rpc_min_replies)

    def _rpc_broadcast_stream(self, method: Method[R], payload: object) -> BroadcastStream[R]:
        encoded = Encoded()

        def start(target: str, turn: Turn) -> AsyncGenerator[R, None]:
            shared = Shared(encoded, turn)
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
    caller: Caller, spec: Method[R], name: str, target: str, payload: object, options: Options, shared: Shared
) -> AsyncGenerator[R, None]:
    """A unary call as a stream of one item."""
    yield await caller.unary(spec, name, target, payload, options, shared)
