"""What a fake keeps of a call."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any, Generic, TypeVar

from oiafed_rpc.context import CURRENT, Call
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.records import same_value
from oiafed_rpc.requests import Items
from oiafed_rpc.streams import asynchronous

R = TypeVar("R")
T = TypeVar("T")


class Received(list[T]):
    """The items of a streamed request that have come so far.

    `async for` takes those still to come, as a handler would, and keeps each.

    Args:
        items: Where they come from.
    """

    def __init__(self, items: Items[T], /) -> None:
        super().__init__()
        self._source = items

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item in asynchronous(self._source):
            self.append(item)
            yield item

    async def to_the_end(self) -> None:
        """Wait for all items."""
        async for _ in self:
            pass

    def fill(self) -> None:
        """Have all items of an ordinary iterable at once, as those that are expected.

        Raises:
            TypeError: It is an asynchronous one.
        """
        if isinstance(self._source, AsyncIterable):
            raise TypeError("give the items that are expected as a list")
        self.extend(self._source)


class RecordedCall(Generic[R]):
    """A call that a fake got. Generated subclasses have its arguments as attributes.

    In memory the arguments are the very objects that the caller passed: what it does to them later is seen here.
    """

    _rpc_arguments: Mapping[str, Any]
    _rpc_context: Call | None

    def _rpc_keep(self, /, **arguments: object) -> None:
        message = CURRENT.get()
        self._rpc_arguments = arguments
        self._rpc_context = None if message is None else Call(message)
        self.__dict__.update(arguments)

    def _rpc_received(self, items: Items[T], /) -> Received[T]:
        return Received(items)

    @property
    def rpc(self) -> Call:
        """What else a handler can ask about the call: who made it, its metadata, its deadline, whether it was given up.

        Raises:
            RpcError: FAILED_PRECONDITION where no node took the call, but the fake's method was called directly.
        """
        if self._rpc_context is None:
            raise RpcError(Code.FAILED_PRECONDITION, "this call came from no node: the fake was called directly")
        return self._rpc_context

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return same_value(dict(arguments_of(self)), dict(arguments_of(other)))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in arguments_of(self).items())})"


def arguments_of(call: RecordedCall[Any]) -> Mapping[str, Any]:
    """The arguments of a call by the names of its attributes."""
    return call._rpc_arguments  # pyright: ignore[reportPrivateUsage] - calls have the names of a schema


def caller_of(call: RecordedCall[Any]) -> str:
    """The id of the node that made a call; empty where none did."""
    return call._rpc_context.source if call._rpc_context else ""  # pyright: ignore[reportPrivateUsage]


async def wait_for_items(call: RecordedCall[Any]) -> None:
    """Wait for the whole of a streamed request."""
    for value in arguments_of(call).values():
        if isinstance(value, Received):
            await value.to_the_end()
