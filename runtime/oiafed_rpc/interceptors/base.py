"""Interceptors: code that every call of a node passes through, on its way out and on its way in."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from oiafed_rpc.message import Message


class Side(enum.Enum):
    """Which end of a call an interceptor is running at."""

    CALLER = "caller"
    HANDLER = "handler"


@dataclass(frozen=True, slots=True)
class Context:
    """Where an interceptor runs.

    Attributes:
        side: The end of the call.
        node_id: The node that it runs on.
    """

    side: Side
    node_id: str


Next: TypeAlias = Callable[[Message], Coroutine[Any, Any, Message]]
"""The rest of the way: takes the request, gives the reply."""


class CallNext(Protocol):
    """The rest of the way, as an interceptor sees it: `await call_next(message, context)`."""

    def __call__(self, message: Message, context: Context | None = None, /) -> Awaitable[Message]:
        """Pass a request on and give its reply."""
        ...


class Interceptor:
    """Sees every call, of every kind, on both sides. Override `intercept`, or one or both of the hooks.

    The payload of a reply to a streaming method is an asynchronous iterator of its items.
    """

    _sends = False
    _receives = False

    def __init_subclass__(cls) -> None:
        """Note which hooks there are: one that is not overridden is not called."""
        super().__init_subclass__()
        cls._sends = cls.intercept_send is not Interceptor.intercept_send
        cls._receives = cls.intercept_receive is not Interceptor.intercept_receive

    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        """Handle a call: change the request, go on with `call_next`, change the reply; or raise to refuse it."""
        if context.side is Side.CALLER:
            if self._sends:
                message = await self.intercept_send(message, context)
            reply = await call_next(message, context)
            return await self.intercept_receive(reply, context) if self._receives else reply
        if self._receives:
            message = await self.intercept_receive(message, context)
        reply = await call_next(message, context)
        return await self.intercept_send(reply, context) if self._sends else reply

    async def intercept_send(self, message: Message, context: Context) -> Message:
        """See what leaves this node: requests at the caller, replies at the handler."""
        return message

    async def intercept_receive(self, message: Message, context: Context) -> Message:
        """See what reaches this node: requests at the handler, replies at the caller."""
        return message


def compose(interceptors: Sequence[Interceptor], context: Context, innermost: Next) -> Next:
    """One function that passes a request through all interceptors, and its reply back in reverse.

    Listed order is the order on the way out of a node; on the way in it is reversed, so that what was
    done last to a request is undone first.
    """
    ordered = interceptors if context.side is Side.CALLER else list(reversed(interceptors))
    chain = innermost
    for interceptor in reversed(ordered):
        chain = _link(interceptor, context, chain)
    return chain


def _link(interceptor: Interceptor, context: Context, following: Next) -> Next:
    def call_next(message: Message, _: Context | None = None, /) -> Awaitable[Message]:
        return following(message)

    def link(message: Message) -> Coroutine[Any, Any, Message]:
        return interceptor.intercept(message, context, call_next)

    return link


def checked_reply(reply: object) -> Message:
    """What came through the interceptors, which must give back a Message.

    Raises:
        TypeError: where one gave something else.
    """
    if isinstance(reply, Message):
        return reply
    raise TypeError(f"an interceptor gave {type(reply).__name__} where a Message is due")
