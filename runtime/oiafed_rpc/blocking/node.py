"""The node, for code that waits."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast, overload

from oiafed_rpc.blocking.background import background
from oiafed_rpc.blocking.calls import Proxy, ProxyCollection
from oiafed_rpc.blocking.forwarding import parameters_of
from oiafed_rpc.collection import ProxyCollection as AsyncCollection
from oiafed_rpc.config import NodeConfig
from oiafed_rpc.events import Callback, Event
from oiafed_rpc.handlers import Handler
from oiafed_rpc.node import Node as AsyncNode
from oiafed_rpc.peers import Peer
from oiafed_rpc.proxy import Proxy as AsyncProxy
from oiafed_rpc.transport.base import Transport

B = TypeVar("B", bound=Callback)
F = TypeVar("F", bound=Callable[..., Any])
P = TypeVar("P", bound=Proxy[Any])
C = TypeVar("C", bound=ProxyCollection[Any])


class Node:
    """One participant of a federation, for scripts and notebooks: `oiafed_rpc.Node` without `await`.

    Use it as `with node:`, or `node.start()` and `node.stop()`. It runs on an event loop in a thread of its own, which
    the blocking nodes of a process share; every method waits for what happens there, and any thread may call it, also
    one whose own event loop is running, as a notebook's is. A handler that is an ordinary function runs in a worker
    thread and may make calls; one that is a coroutine runs on that event loop, and may not.

    The parameters, methods and errors are those of `oiafed_rpc.Node`.
    """

    @parameters_of(AsyncNode.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._take(AsyncNode(*args, **kwargs))

    def _take(self, node: AsyncNode) -> None:
        self._node = node
        self._background = background()

    @classmethod
    def from_config(cls, source: str | os.PathLike[str] | Mapping[str, Any] | NodeConfig) -> Self:
        """A node as a configuration describes it.

        Args:
            source: The path of a YAML file, a mapping of the same shape, or a NodeConfig.

        Raises:
            ConfigError: naming every mistake in the configuration, and where it is.
        """
        node = cls.__new__(cls)
        node._take(AsyncNode.from_config(source))
        return node

    def __repr__(self) -> str:
        return f"blocking {self._node!r}"

    @property
    def node_id(self) -> str:
        """Its id."""
        return self._node.node_id

    @property
    def role(self) -> str:
        """Its role."""
        return self._node.role

    @property
    def transport(self) -> Transport:
        """What carries its calls."""
        return self._node.transport

    # Life

    @parameters_of(AsyncNode.start)
    def start(self, *args: Any, **kwargs: Any) -> None:
        self._background.wait(self._node.start(*args, **kwargs))
        self._background.at_end.add(self._node.stop)

    @parameters_of(AsyncNode.stop)
    def stop(self, *args: Any, **kwargs: Any) -> None:
        self._background.wait(self._node.stop(*args, **kwargs))
        self._background.at_end.discard(self._node.stop)

    def serve(self) -> None:
        """Run until `stop` is called, or SIGTERM or Ctrl-C asks for it; starts the node where it is not running.

        Raises:
            RpcError: as `start` does.
        """
        try:
            with _sigterm_interrupts():
                self.start()
                self._background.wait(self._node.serve())
        except KeyboardInterrupt:
            self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Other nodes

    @parameters_of(AsyncNode.connect)
    def connect(self, *args: Any, **kwargs: Any) -> Peer:
        return self._background.wait(self._node.connect(*args, **kwargs))

    @overload
    def on(self, event: Event) -> Callable[[B], B]: ...
    @overload
    def on(self, event: Event, callback: Callback) -> Callable[[], None]: ...
    def on(self, event: Event, callback: Callback | None = None) -> Callable[..., Any]:
        """Have a function called with a `Peer` when it is `connected`, `lost`, `recovered` or has `left`.

        It is called on the event loop, and must not wait for calls there: hand the peer to a thread for that.

        Args:
            event: One of the four.
            callback: A function or coroutine function; without one, a decorator.

        Returns:
            What takes the callback back; the decorator, where none is given.

        Raises:
            ValueError: for an event that there is not.
        """
        return self._node.on(event) if callback is None else self._node.on(event, callback)

    @property
    def peers(self) -> Mapping[str, Peer]:
        """Node id → peer, of the nodes that this one is connected to now."""
        return self._node.peers

    @parameters_of(AsyncNode.wait_for_peers)
    def wait_for_peers(self, *args: Any, **kwargs: Any) -> list[Peer]:
        return self._background.wait(self._node.wait_for_peers(*args, **kwargs))

    # Calls

    @overload
    def get_proxy(self, target: str) -> Proxy[AsyncProxy]: ...
    @overload
    def get_proxy(self, target: str, proxy: type[P]) -> P: ...
    def get_proxy(self, target: str, proxy: type[Proxy[Any]] = Proxy) -> Proxy[Any]:
        """What calls go through to a node.

        Args:
            target: The id of the node.
            proxy: A class of a generated package's `blocking`, for typed calls.

        Raises:
            TypeError: where `proxy` is no such class.
        """
        _check(proxy, Proxy, "get_proxy takes a generated Proxy class")
        return proxy(self._node.get_proxy(target, proxy.__proxy__), self._background)

    @overload
    def get_collection(
        self, *, targets: Sequence[str] | None = None, role: str | None = None
    ) -> ProxyCollection[AsyncCollection[AsyncProxy]]: ...
    @overload
    def get_collection(self, collection: type[C], *, targets: Sequence[str] | None = None) -> C: ...
    def get_collection(
        self,
        collection: type[ProxyCollection[Any]] = ProxyCollection,
        *,
        targets: Sequence[str] | None = None,
        role: str | None = None,
    ) -> ProxyCollection[Any]:
        """What calls go through to many nodes at once.

        Args:
            collection: A class of a generated package's `blocking`, for typed calls.
            targets: The ids of the nodes; by default every node of the role that is connected when a call is made.
            role: The role, where `collection` has none.

        Raises:
            TypeError: where `collection` is no such class.
        """
        _check(collection, ProxyCollection, "get_collection takes a generated Collection class")
        model: Callable[..., AsyncCollection[Any]] = self._node.get_collection
        return collection(model(collection.__collection__, targets=targets, role=role), self._background)

    # Handlers

    def register(self, handler: Handler) -> None:
        """Answer the typed calls of a role, with an instance of a class derived from a generated handler.

        Raises:
            RpcError: ALREADY_EXISTS where the node has a handler for one of its methods.
            TypeError: where it is no such instance, or one of its methods takes other parameters than the schema says.
        """
        self._node.register(handler)

    @overload
    def register_handler(self, name: str, *, unpack: bool | None = None) -> Callable[[F], F]: ...
    @overload
    def register_handler(self, name: str, function: F, *, unpack: bool | None = None) -> F: ...
    def register_handler(
        self, name: str, function: Callable[..., Any] | None = None, *, unpack: bool | None = None
    ) -> Callable[..., Any]:
        """Answer schema-less calls to `name` with a function; without one, a decorator.

        The function is one that `oiafed_rpc.Node.register_handler` takes; an ordinary one may make calls itself.

        Raises:
            RpcError: ALREADY_EXISTS where the name is taken.
        """
        if function is None:
            return self._node.register_handler(name, unpack=unpack)
        return self._node.register_handler(name, function, unpack=unpack)


@contextlib.contextmanager
def _sigterm_interrupts() -> Generator[None, None, None]:
    """Have SIGTERM do what Ctrl-C does, where the application leaves it alone."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _check(given: type[object], wanted: type[object], what: str) -> None:
    if not (isinstance(cast("object", given), type) and issubclass(given, wanted)):
        raise TypeError(f"{what} of `your.package.blocking`, not {given!r}")
