"""The node: one participant of a federation, at once server and client."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self, TypeVar, cast, overload

from oiafed_rpc.caller import Caller
from oiafed_rpc.collection import ProxyCollection
from oiafed_rpc.config import Address, DeliveryConfig, IdentityConfig, LimitsConfig, NodeConfig
from oiafed_rpc.config.rules import LONGEST, seconds
from oiafed_rpc.context import CURRENT, outside_of_calls
from oiafed_rpc.delivery.redelivery import Lasting
from oiafed_rpc.delivery.withdrawal import Withdrawals
from oiafed_rpc.dialing import ServeHandler, ServeProxy
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, ConfigError, RpcError
from oiafed_rpc.events import Callback, Event
from oiafed_rpc.handlers import Handler
from oiafed_rpc.heartbeat import HeartbeatManager
from oiafed_rpc.interceptors import AuthInterceptor, Interceptor
from oiafed_rpc.introduction import Inquiry, Introduction
from oiafed_rpc.lifecycle import Life
from oiafed_rpc.log import logger
from oiafed_rpc.membership import Membership
from oiafed_rpc.peers import Peer
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.reconnecting import ReconnectPolicy
from oiafed_rpc.retry import RetryPolicy
from oiafed_rpc.schemas.admission import Admission
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.system.node import NodeProxy
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.memory import MemoryTransport
from oiafed_rpc.wire import DEFAULT_MAX_MESSAGE_SIZE, Wire

B = TypeVar("B", bound=Callback)
F = TypeVar("F", bound=Callable[..., Any])
P = TypeVar("P", bound=Proxy)
C = TypeVar("C", bound=ProxyCollection[Any])


class Node:
    """One participant of a federation: it answers calls, and makes them through proxies.

    Use it as `async with node:`, or `await node.start()` and `await node.stop()`.

    Args:
        node_id: Its id, unique in the federation.
        role: Its role, as the schema names it.
        transport: What carries its calls; by default memory, within this process.
        connect_to: The nodes to connect to at start, as `id@host:port`.
        interceptors: What every call passes through, in order on the way out.
        serializers: What schema-less calls and `any` values are written and read with.
        retry: How failed attempts of calls that may run twice are repeated: by default as `RetryPolicy()` says; False
            for not at all.
        reconnect: How a node that was connected is dialled again, for as long as it is not there: by default as
            `ReconnectPolicy()` says.
        heartbeat: How peers are asked for a sign of life: by default as `HeartbeatManager()` does; False for not at
            all.
        delivery: How calls survive a connection that breaks: by default as `DeliveryConfig()` does.
        connect_timeout: Seconds that connecting to a node may take.
        request_timeout: Seconds that a call may take where neither its method nor its caller says.
        grace: Seconds in which calls under way may end when the node stops.
        max_message_size: Bytes of the largest payload, sent or received.
        limits: How many calls it answers at a time: by default as `LimitsConfig()` says.
        debug: Whether callers are told the traceback of a handler that fails.

    Raises:
        ConfigError: for an id, a role or an address that can't be one.

    Attributes:
        node_id: Its id.
        role: Its role.
        transport: What carries its calls.
    """

    def __init__(
        self,
        node_id: str,
        role: str,
        transport: Transport | None = None,
        *,
        connect_to: Sequence[str | Address] = (),
        interceptors: Sequence[Interceptor] = (),
        serializers: Serializers | None = None,
        retry: RetryPolicy | Literal[False] | None = None,
        reconnect: ReconnectPolicy | None = None,
        heartbeat: HeartbeatManager | Literal[False] | None = None,
        delivery: DeliveryConfig | None = None,
        connect_timeout: float = 10.0,
        request_timeout: float = 60.0,
        grace: float = 5.0,
        max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE,
        limits: LimitsConfig | None = None,
        debug: bool = False,
    ) -> None:
        identity = IdentityConfig(id=node_id, role=role)
        self.node_id = identity.id
        self.role = identity.role
        self.transport = transport or MemoryTransport()
        self._connect_to = [Address.parse(each) if isinstance(each, str) else each for each in connect_to]
        self._connect_timeout = seconds(connect_timeout)
        if not 0 <= grace <= LONGEST:
            raise ConfigError(f"grace must be a number of seconds from 0 to {LONGEST:,}, not {grace!r}")
        self._grace = grace
        serializers = serializers or Serializers()
        delivery = delivery or DeliveryConfig()
        wire = Wire(serializers, max_message_size)
        self._endpoint = Endpoint(node_id, role, interceptors, wire, limits=limits, debug=debug, delivery=delivery)
        introduction = Introduction(self._endpoint)
        self._endpoint.register(introduction, by_name=False)
        self._endpoint.register(ServeHandler(introduction.hello), by_name=False)
        beats = HeartbeatManager() if heartbeat is None else heartbeat or None
        lasting = Lasting(delivery.patience, beats.is_lost if beats is not None else _never_lost)
        retries = RetryPolicy() if retry is None else retry or None
        self._caller = Caller(
            node_id, role, self.transport, interceptors, serializers, seconds(request_timeout), retries, lasting
        )
        schemas, inquiry = self._caller.schemas, Inquiry(self._endpoint, partial(NodeProxy, self._caller))
        schemas.admit = Admission(node_id, schemas, inquiry).admitted
        self._withdrawals = Withdrawals(partial(NodeProxy, self._caller))
        self._caller.withdraw = self._withdrawals.begin
        self.transport.attach(self._endpoint)
        policy = reconnect or ReconnectPolicy()
        proxy = partial(ServeProxy, self._caller)
        self._members = Membership(self._endpoint, self.transport, beats, policy, self._caller.lose, schemas, proxy)
        introduction.arrived = self._members.arrived
        self._authenticates = any(isinstance(each, AuthInterceptor) for each in interceptors)
        self._life = Life(self._begin, self._finish, self.node_id)

    @classmethod
    def from_config(cls, source: str | os.PathLike[str] | Mapping[str, Any] | NodeConfig) -> Self:
        """A node as a configuration describes it.

        Args:
            source: The path of a YAML file, a mapping of the same shape, or a NodeConfig.

        Raises:
            ConfigError: naming every mistake in the configuration, and where it is.
        """
        from oiafed_rpc.assembly import assemble  # it knows every transport; a node in memory needs none of gRPC

        config = NodeConfig.load(source)
        try:
            return cls(**assemble(config))
        except ConfigError as error:
            if not isinstance(source, str | os.PathLike):
                raise
            raise ConfigError(f"{os.fspath(source)}: {error.message}") from None

    def __repr__(self) -> str:
        return f"Node({self.node_id!r}, {self.role!r}, {type(self.transport).__name__})"

    # Life

    async def start(self) -> None:
        """Accept calls, and connect to the nodes that the configuration names. Harmless when running.

        Raises:
            RpcError: where the node can't listen or join, or one of those nodes is not reached in time; then
                nothing is left running.
        """
        await self._life.start()

    async def stop(self, grace: float | None = None) -> None:
        """Take no more calls, let those under way end, and give back all resources. Harmless when not running.

        New calls get UNAVAILABLE from now on. SIGTERM does the same. In a handler of the node itself it returns at
        once, and the node stops when that handler and the others have ended.

        Args:
            grace: Seconds until calls under way are ended, where that is not as the node was made.

        Raises:
            RpcError: FAILED_PRECONDITION where the node runs on another event loop, or in the parent of this process.
        """
        answering = CURRENT.get()
        if answering is not None and answering.target == self.node_id:
            self._life.stop_soon(grace)
        else:
            self._members.spare_callback()
            await self._life.stop(grace)

    async def serve(self) -> None:
        """Run until `stop` is called, or SIGTERM or Ctrl-C asks for it; starts the node where it is not running.

        Raises:
            RpcError: as `start` does.
        """
        await self._life.serve()

    async def _begin(self) -> None:
        incarnation = secrets.token_hex(8)
        self._endpoint.incarnation = incarnation
        await self._endpoint.memory.begin(incarnation)
        self._endpoint.draining.open()
        self._endpoint.check_limits()
        await self.transport.start()
        self._caller.begin(incarnation)
        self._members.start()
        if self.transport.exposed and not self._authenticates:
            logger.warning(
                "node %r accepts calls from other machines without checking who calls: "
                "add an auth interceptor or TLS, or listen on 127.0.0.1",
                self.node_id,
            )
        await self._connect_all()

    async def _connect_all(self) -> None:
        outcomes = await asyncio.gather(*map(self.connect, self._connect_to), return_exceptions=True)
        failures = [each for each in outcomes if isinstance(each, BaseException)]
        refusals = [each for each in failures if isinstance(each, RpcError)]
        if len(failures) == 1 or len(refusals) < len(failures):
            raise next((each for each in failures if not isinstance(each, RpcError)), failures[0])
        if refusals:
            codes = {each.code for each in refusals}
            code = codes.pop() if len(codes) == 1 else Code.UNAVAILABLE
            raise RpcError(code, "; ".join(each.message for each in refusals)) from refusals[0]

    async def _finish(self, grace: float | None) -> None:
        async with AsyncExitStack() as stack:  # each, whatever the others do
            stack.push_async_callback(self.transport.stop)
            stack.push_async_callback(self._endpoint.memory.stop)
            stack.push_async_callback(self._caller.end)
            stack.push_async_callback(self._give_up_calls)
            stack.push_async_callback(self._members.stop)
            await self._endpoint.drain(self._grace if grace is None else grace)

    async def _give_up_calls(self) -> None:
        """End the calls under way, also where they would outlive a broken link."""
        kept = self._caller.kept
        self._caller.fail()
        await self._withdrawals.close(kept)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Other nodes

    async def connect(self, address: str | Address) -> Peer:
        """Connect to a node, or to any gRPC server: one without this toolkit counts as a node of no role.

        From then on the node is stayed with: it is dialled again whenever it is not there, until this one stops.

        Args:
            address: `id@host:port`.

        Returns:
            The node, as it introduced itself.

        Raises:
            RpcError: UNAVAILABLE where it is not reached within the connect timeout, NOT_FOUND where another node
                answers at that address.
        """
        where = Address.parse(address) if isinstance(address, str) else address
        connecting = self._members.connect(NodeProxy(self._caller, where.node_id), where, self._connect_timeout)
        return await asyncio.create_task(connecting, name=f"oiafed-connect {where}", context=outside_of_calls())

    @overload
    def on(self, event: Event) -> Callable[[B], B]: ...
    @overload
    def on(self, event: Event, callback: Callback) -> Callable[[], None]: ...
    def on(self, event: Event, callback: Callback | None = None) -> Callable[..., Any]:
        """Have a function called with a `Peer` when it is `connected`, `lost`, `recovered` or has `left`.

        Args:
            event: One of the four.
            callback: A function or coroutine function; without one, a decorator.

        Returns:
            What takes the callback back; the decorator, where none is given.

        Raises:
            ValueError: for an event that there is not.
        """
        if callback is not None:
            return self._members.on(event, callback)

        def add(function: B) -> B:
            self._members.on(event, function)
            return function

        return add

    @property
    def peers(self) -> Mapping[str, Peer]:
        """Node id → peer, of the nodes that this one is connected to now, those that are lost for the moment too."""
        return MappingProxyType(dict(self._members.peers()))

    async def wait_for_peers(self, role: str | None = None, count: int = 1, timeout: float = 60.0) -> list[Peer]:
        """Wait until a number of nodes are connected.

        Args:
            role: Count the nodes of this role only.
            count: How many there must be.
            timeout: Seconds to wait.

        Returns:
            Those that are connected, in the order of their ids.

        Raises:
            RpcError: DEADLINE_EXCEEDED where there are fewer after `timeout`; the message names them.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._members.until(lambda: len(self._members.members(role)) >= count)
        except TimeoutError:
            there = self._members.members(role)
            what = f"nodes of role {role!r}" if role else "nodes"
            raise RpcError(
                Code.DEADLINE_EXCEEDED,
                f"{len(there)} of {count} {what} connected within {timeout:g} s: {', '.join(there) or 'none'}",
            ) from None
        peers = self.peers
        return [peers[key] for key in self._members.members(role) if key in peers]

    # Calls

    @overload
    def get_proxy(self, target: str) -> Proxy: ...
    @overload
    def get_proxy(self, target: str, proxy: type[P]) -> P: ...
    def get_proxy(self, target: str, proxy: type[Proxy] = Proxy) -> Proxy:
        """What calls go through to a node.

        Args:
            target: The id of the node.
            proxy: A generated class, for typed calls.

        Raises:
            TypeError: where `proxy` is no such class.
        """
        if not issubclass(cast("type[object]", proxy), Proxy):
            raise TypeError(f"get_proxy takes a generated Proxy class, not {proxy!r}")
        return proxy(self._caller, target)

    @overload
    def get_collection(
        self, *, targets: Sequence[str] | None = None, role: str | None = None
    ) -> ProxyCollection[Proxy]: ...
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
            collection: A generated class, for typed calls.
            targets: The ids of the nodes; by default every node of the role that is connected when a call is made.
            role: The role, where `collection` has none.

        Raises:
            TypeError: where `collection` is no such class.
        """
        if not issubclass(cast("type[object]", collection), ProxyCollection):
            raise TypeError(f"get_collection takes a generated Collection class, not {collection!r}")
        if targets is not None:
            fixed = list(dict.fromkeys(targets))
            return collection(self._caller, lambda: fixed)
        wanted = role or collection.__proxy__.__role__ or None
        return collection(self._caller, lambda: self._members.members(wanted))

    # Handlers

    def register(self, handler: Handler) -> None:
        """Answer the typed calls of a role, with an instance of a class derived from a generated handler.

        Raises:
            RpcError: ALREADY_EXISTS where the node has a handler for one of its methods.
            TypeError: where it is no such instance, or one of its methods takes other parameters than the schema says.
        """
        if not isinstance(cast("object", handler), Handler):
            hint = f": write {handler.__name__}(...)" if isinstance(handler, type) else ""
            raise TypeError(f"register takes an instance of a generated handler class, not {handler!r}{hint}")
        self._endpoint.register(handler)

    @overload
    def register_handler(self, name: str, *, unpack: bool | None = None) -> Callable[[F], F]: ...
    @overload
    def register_handler(self, name: str, function: F, *, unpack: bool | None = None) -> F: ...
    def register_handler(
        self, name: str, function: Callable[..., Any] | None = None, *, unpack: bool | None = None
    ) -> Callable[..., Any]:
        """Answer schema-less calls to `name` with a function; without one, a decorator.

        A coroutine function runs on the event loop, an ordinary function in a worker thread; a generator of either sort
        answers `proxy.stream`. It gets the payload as keyword arguments, or, where it has a single positional
        parameter, as one dict.

        Args:
            name: What callers call it.
            function: What answers.
            unpack: Whether the payload comes as keyword arguments, where the signature should not decide.

        Raises:
            RpcError: ALREADY_EXISTS where the name is taken.
        """

        def add(function: F) -> F:
            self._endpoint.register_function(name, function, unpack)
            return function

        return add if function is None else add(function)


def _never_lost(_: str) -> bool:
    return False
