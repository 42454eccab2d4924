"""The calling side of a node: makes the request, sends it through the interceptors, and bounds the wait."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oiafed_rpc.bounded import bounded
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.config.rules import LONGEST
from oiafed_rpc.context import deadline_after
from oiafed_rpc.errors import Code, RpcError, as_rpc_error
from oiafed_rpc.interceptors import Context, Interceptor, Side, compose
from oiafed_rpc.message import Encoded, Message
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.streams import close, item_in_time
from oiafed_rpc.transport.base import Transport

_KEY = re.compile(r"[a-z0-9_.-]+")
_VALUE = re.compile(r"[ -~]*")
_MAX_METADATA = 4096  # bytes; servers may refuse headers of 8 KiB in all


@dataclass(frozen=True, slots=True)
class Options:
    """What `with_options` sets.

    Attributes:
        timeout: Seconds until a call's deadline; None for the method's own, or else the node's.
        metadata: Text that travels along with each call.
    """

    timeout: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def merged(self, timeout: float | None, metadata: Mapping[str, str] | None) -> Options:
        """These options with others on top.

        Raises:
            ValueError: for a timeout that is not positive, or metadata that can't travel.
        """
        if timeout is not None and not 0 < timeout <= LONGEST:
            raise ValueError(f"timeout must be a number of seconds above 0 and up to {LONGEST:,}, not {timeout!r:.40}")
        together = {**self.metadata, **(metadata or {})}
        _check_metadata(together)
        return Options(self.timeout if timeout is None else timeout, together)


def _check_metadata(metadata: Mapping[str, str]) -> None:
    for key, value in metadata.items():
        if not _KEY.fullmatch(key) or key.startswith(("grpc-", "oiafed-")) or key.endswith("-bin"):
            raise ValueError(
                f"metadata key {key!r}: use lowercase letters, digits and _ . - only, and none of the prefixes "
                "grpc- and oiafed- or the suffix -bin"
            )
        if not _VALUE.fullmatch(value) or value != value.strip():
            raise ValueError(f"the value of metadata {key!r} must be printable ASCII without spaces around it")
    size = sum(len(key) + len(value) for key, value in metadata.items())
    if size > _MAX_METADATA:
        raise ValueError(f"{size} bytes of metadata: at most {_MAX_METADATA} travel with a call")


class Caller:
    """Makes calls on behalf of one node.

    Args:
        node_id: Its id.
        role: Its role.
        transport: What carries the calls.
        interceptors: What they pass through, in order.
        timeout: Seconds that a call may take where neither its method nor its caller says.
    """

    def __init__(
        self, node_id: str, role: str, transport: Transport, interceptors: Sequence[Interceptor], timeout: float
    ) -> None:
        self._node_id = node_id
        self._role = role
        self._transport = transport
        self._timeout = timeout
        self._calls = itertools.count(1)
        self._incarnation = ""
        self._chain = compose(interceptors, Context(Side.CALLER, node_id), self._send)

    def begin(self, incarnation: str) -> None:
        """Start numbering calls for an incarnation of the node; an empty one ends it."""
        self._incarnation = incarnation

    async def unary(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options, shared: Encoded | None = None
    ) -> Any:
        """Make a call and give its result.

        Raises:
            RpcError: where it failed, whatever the reason.
        """
        message = self._message(spec, name, target, payload, options, shared)
        return (await self._reply(message)).payload

    async def stream(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options, shared: Encoded | None = None
    ) -> AsyncGenerator[Any, None]:
        """Make a call and give the items of its result as they come.

        Raises:
            RpcError: where it failed, whatever the reason.
        """
        message = self._message(spec, name, target, payload, options, shared)
        reply = await self._reply(message)
        items: AsyncIterator[Any] = reply.payload
        try:
            while True:
                try:
                    item = await item_in_time(items, message.deadline, message.method)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            await close(items)

    def _message(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options, shared: Encoded | None
    ) -> Message:
        if not self._incarnation:
            raise RpcError(
                Code.FAILED_PRECONDITION, f"node {self._node_id!r} is not running: start it before it calls {name}"
            )
        try:
            spec.request_codec.check(payload)
        except FieldError as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{name}: {error}", {"method": name}) from None
        return Message(
            name,
            self._node_id,
            target,
            payload,
            dict(options.metadata),
            f"{self._incarnation}-{next(self._calls)}",
            deadline_after(options.timeout or spec.timeout or self._timeout),
            self._role,
            spec,
            encoded=shared,
        )

    async def _reply(self, message: Message) -> Message:
        try:
            reply: Message = await bounded(self._chain(message), message.deadline, message.method)
            return reply
        except RpcError:
            raise
        except Exception as error:
            raise as_rpc_error(error, self._node_id, message.method) from error

    def _send(self, message: Message) -> Coroutine[Any, Any, Message]:
        if message.spec is None or message.spec.kind is Kind.UNARY:
            return self._transport.send(message.target, message)
        return self._open(message)

    async def _open(self, message: Message) -> Message:
        return message.reply(self._transport.stream(message.target, message))
