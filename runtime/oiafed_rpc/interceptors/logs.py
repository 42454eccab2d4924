"""Calls as they go by, in the log."""

from __future__ import annotations

import logging
import time

from oiafed_rpc.errors import RpcError
from oiafed_rpc.interceptors.base import CallNext, Context, Interceptor, Side
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message


class LoggingInterceptor(Interceptor):
    """Logs each call, its outcome and how long it took; never its payload or metadata, which may hold secrets.

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
        except RpcError as error:
            logger.warning("%s failed after %.1f ms: %s", what, (time.perf_counter() - began) * 1e3, error.code.name)
            raise
        logger.log(self._level, "%s took %.1f ms", what, (time.perf_counter() - began) * 1e3)
        return reply


def _plain(name: str) -> str:
    """A name from a peer, who must not write lines or control characters into the log."""
    return name if name.isprintable() else repr(name)
