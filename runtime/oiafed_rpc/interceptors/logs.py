"""Calls as they go by, in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

from oiafed_rpc.errors import RpcError
from oiafed_rpc.interceptors.base import CallNext, Context, Interceptor, Side
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.streams import close


class LoggingInterceptor(Interceptor):
    """Logs each call when it has ended, its outcome and how long it took; never its payload or metadata.

    Those may hold secrets. A call that its caller or its deadline cancelled is logged as CancelledError, a stream that
    its caller left as GeneratorExit.

    Args:
        level: The level of calls that succeed, by name; those that fail are logged as warnings.

    Raises:
        ValueError: for a level that is none.
    """

    def __init__(self, level: str = "INFO") -> None:
        number = logging.getLevelNamesMapping().get(level.upper())
        if number is None:
            raise ValueError(f"{level!r} is no level of logging: DEBUG, INFO, WARNING, ERROR or CRITICAL")
        self._level = number

    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        """Log the call when it has ended."""
        arrow, other = ("->", message.target) if context.side is Side.CALLER else ("<-", message.source or "a client")
        what = f"{context.node_id} {arrow} {_plain(other)} {_plain(message.method)}"
        began = time.perf_counter()
        try:
            reply = await call_next(message, context)
        except BaseException as error:
            self._failed(what, began, error, message)
            raise
        payload: object = reply.payload
        if isinstance(payload, AsyncIterator):
            return replace(reply, payload=self._stream(cast("AsyncIterator[object]", payload), what, began, message))
        self._ended(what, began)
        return reply

    async def _stream(
        self, items: AsyncIterator[object], what: str, began: float, message: Message
    ) -> AsyncIterator[object]:
        try:
            async for item in items:
                yield item
        except BaseException as error:
            self._failed(what, began, error, message)
            raise
        finally:
            await close(items)
        self._ended(what, began)

    def _ended(self, what: str, began: float) -> None:
        logger.log(self._level, "%s took %.1f ms", what, (time.perf_counter() - began) * 1e3)

    @staticmethod
    def _failed(what: str, began: float, error: BaseException, message: Message) -> None:
        how = error.code.name if isinstance(error, RpcError) else type(error).__name__
        own = message.spec is not None and message.spec.provided and not isinstance(error, Exception)
        level = logging.DEBUG if own else logging.WARNING  # that nodes part is no failure
        logger.log(level, "%s failed after %.1f ms: %s", what, (time.perf_counter() - began) * 1e3, how)


def _plain(name: str) -> str:
    """A name from a peer, who must not write lines or control characters into the log."""
    return name if name.isprintable() else repr(name)
