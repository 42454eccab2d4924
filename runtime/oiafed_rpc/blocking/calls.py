"""Proxies whose methods wait: each stands in front of an asynchronous one, and has no logic of its own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

from oiafed_rpc.blocking.background import Background
from oiafed_rpc.blocking.forwarding import deriving_like
from oiafed_rpc.broadcast import BroadcastStream
from oiafed_rpc.collection import ProxyCollection as AsyncCollection
from oiafed_rpc.proxy import Proxy as AsyncProxy
from oiafed_rpc.replies import Replies, Reply

A = TypeVar("A")
P = TypeVar("P", bound=AsyncProxy)
C = TypeVar("C", bound=AsyncCollection[Any])
R = TypeVar("R")


class Blocking(Generic[A]):
    """What stands in front of an asynchronous object, and waits for what that does.

    Args:
        inner: That object.
        background: The event loop that it runs on.
    """

    __slots__ = ("_rpc_background", "_rpc_inner")

    def __init__(self, inner: A, background: Background, /) -> None:
        self._rpc_inner = inner
        self._rpc_background = background

    def __repr__(self) -> str:
        return f"blocking {self._rpc_inner!r}"

    def _rpc_around(self, inner: A, /) -> Self:
        return type(self)(inner, self._rpc_background)

    def _rpc_wait(self, awaitable: Awaitable[R]) -> R:
        return self._rpc_background.wait(awaitable)

    def _rpc_iterate(self, items: AsyncIterable[R]) -> Iterator[R]:
        return self._rpc_background.iterate(items)

    # What the schema calls deprecated, or by a private name, type checkers let no other class call. Such a method of
    # the asynchronous object is called by its name; the annotation of the method around it says what it gives, which a
    # bare type variable lets it say. (Any would be an error there.)

    def _rpc_wait_named(self, method: str, /, **arguments: Any) -> R:  # type: ignore[type-var]
        result: R = self._rpc_wait(self._rpc_named(method)(**arguments))
        return result

    def _rpc_iterate_named(self, method: str, /, **arguments: Any) -> Iterator[Any]:
        return self._rpc_iterate(self._rpc_named(method)(**arguments))

    def _rpc_named(self, method: str) -> Callable[..., Any]:
        """A method by its name; without the warning of a deprecated one, which the caller has had already."""
        return functools.partial(inspect.unwrap(getattr(type(self._rpc_inner), method)), self._rpc_inner)


class Proxy(Blocking[P]):
    """Calls one node, and waits. `Node.get_proxy` makes it; generated subclasses add the methods of a role.

    Every call may raise an RpcError. Ctrl-C cancels the call that is waited for.
    """

    __slots__ = ()
    __proxy__: ClassVar[type[AsyncProxy]] = AsyncProxy

    @deriving_like(AsyncProxy.with_options)
    def with_options(self, *args: Any, **kwargs: Any) -> Self:
        return self._rpc_around(self._rpc_inner.with_options(*args, **kwargs))

    @property
    def target(self) -> str:
        """The id of the node that is called."""
        return self._rpc_inner.target

    def call(self, method: str, /, **payload: Any) -> Any:
        """Call a method by name, without a schema.

        Raises:
            RpcError: where the call failed, whatever the reason.
        """
        return self._rpc_wait(self._rpc_inner.call(method, **payload))

    def stream(self, method: str, /, **payload: Any) -> Iterator[Any]:
        """Call a streaming method by name, without a schema, and take its items as they come; errors as for `call`.

        A loop that is left early ends the call.
        """
        return self._rpc_iterate(self._rpc_inner.stream(method, **payload))


class ProxyCollection(Blocking[C]):
    """Calls many nodes, and waits. `Node.get_collection` makes it; generated subclasses add the methods of a role."""

    __slots__ = ()
    __collection__: ClassVar[type[AsyncCollection[Any]]] = AsyncCollection

    @deriving_like(AsyncCollection[Any].with_options)
    def with_options(self, *args: Any, **kwargs: Any) -> Self:
        return self._rpc_around(self._rpc_inner.with_options(*args, **kwargs))

    @property
    def targets(self) -> list[str]:
        """The ids of the nodes that a call made now goes to."""
        return self._rpc_inner.targets

    def broadcast(self, method: str, /, **payload: Any) -> Replies[Any]:
        """Call a method of every node by name, with the same payload, without a schema.

        Raises:
            PartialFailure: where fewer than `min_replies` nodes answered.
        """
        return self._rpc_wait(self._rpc_inner.broadcast(method, **payload))

    def collect(self, method: str, payloads: Mapping[str, Mapping[str, Any]], /) -> list[Any]:
        """Call a method by name with a payload of its own for each node; the results in the order of `payloads`.

        Raises:
            PartialFailure: where one of the calls failed.
        """
        return self._rpc_wait(self._rpc_inner.collect(method, payloads))

    def as_they_come(self, call: Callable[[C], BroadcastStream[R]], /) -> Iterator[Reply[R]]:
        """The reply of each node, when it comes: `for reply in many.as_they_come(lambda many: many.fit(...))`.

        A node that fails gives a reply with an `error`, and the others go on. A loop that is left early ends the calls.

        Args:
            call: Makes the calls on the asynchronous collection, whose methods are those of this one.
        """
        return self._rpc_iterate(call(self._rpc_inner))
