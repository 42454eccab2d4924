"""What a handler can ask about the call that it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import Context, ContextVar, copy_context
from types import MappingProxyType

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message

CURRENT: ContextVar[Message | None] = ContextVar("oiafed_rpc_current_call", default=None)
"""The request that the running handler answers."""


class Call:
    """The call that the running handler answers."""

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        self._message = message

    @property
    def source(self) -> str:
        """The id of the calling node: proven by its certificate under mutual TLS, else as it claims it.

        Empty for a client that is no node.
        """
        return self._message.source

    @property
    def role(self) -> str:
        """The role of the calling node: proven where its certificate names roles, else as the node claims it.

        Empty for a client that is no node.
        """
        return self._message.role

    @property
    def method(self) -> str:
        """The method called: `package.Service/Method`, or the name of a schema-less one."""
        return self._message.method

    @property
    def call_id(self) -> str:
        """What tells this call from all others; empty for a client that is no node."""
        return self._message.call_id

    @property
    def metadata(self) -> Mapping[str, str]:
        """The metadata that the caller sent along."""
        return MappingProxyType(self._message.metadata)

    @property
    def deadline(self) -> float | None:
        """When the call ends, on the clock of `time.monotonic`, in seconds."""
        return self._message.deadline

    @property
    def cancelled(self) -> bool:
        """Whether the caller has given up or the deadline has passed: a function in a thread should return then."""
        return self._message.cancelled or (self.deadline is not None and time.monotonic() >= self.deadline)

    @property
    def peer_identity(self) -> tuple[str, ...] | None:
        """The names in the certificate with which the caller has proved who it is; None where it has proved nothing."""
        identity = self._message.identity
        return None if identity is None else identity.names

    def time_left(self) -> float | None:
        """Seconds until the deadline."""
        return self._message.time_left()


def current_call() -> Call:
    """The call that this handler answers.

    Raises:
        RpcError: FAILED_PRECONDITION outside a handler.
    """
    message = CURRENT.get()
    if message is None:
        raise RpcError(Code.FAILED_PRECONDITION, "current_call() works inside a handler only")
    return Call(message)


def outside_of_calls() -> Context:
    """The context of what goes on when the running handler has ended: it is not bound by the handler's deadline."""
    context = copy_context()
    context.run(CURRENT.set, None)
    return context


def give_deadline(message: Message, timeout: float, *, default: bool) -> None:
    """Give a call its deadline: sooner than it may take, if the handler that makes it has less left.

    Args:
        message: The request.
        timeout: Seconds that it may take.
        default: Whether they are the node's own, for nobody gave any.

    Raises:
        RpcError: DEADLINE_EXCEEDED where that handler has nothing left.
    """
    now = time.monotonic()
    outer = CURRENT.get()
    if outer is None or outer.deadline is None or outer.deadline >= now + timeout:
        message.deadline = now + timeout
        message.default_deadline = default
        return
    if outer.deadline <= now:
        raise RpcError(Code.DEADLINE_EXCEEDED, f"{outer.method}, which makes this call, has passed its own deadline")
    message.deadline = outer.deadline
