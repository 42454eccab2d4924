"""Unary calls without the layers of grpc.aio that they do not need.

`grpc.aio` makes for each call an object with metadata, callbacks and a task of its own; the channel of its core can be
awaited right away, which saves a tenth of the caller's work. That is not public, so it is used with the versions that
`tests/unit/test_direct_calls.py` has passed with, and with all others the public way is.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
from grpc import aio

TESTED = ("1.85.",)
"""The versions of grpcio whose core has been seen to behave as is assumed here."""

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class DirectCalls:
    """The unary calls of one channel.

    Args:
        core: The channel of grpcio's core.
    """

    def __init__(self, core: Any) -> None:
        self._core = core
        self._active: set[Any] = set()

    async def unary(
        self, path: bytes, body: bytes, timeout: float | None, metadata: tuple[tuple[str, str], ...]
    ) -> bytes:
        """Make a call.

        Args:
            path: The path of the method.
            body: The request.
            timeout: Seconds that it may take; None for no limit.
            metadata: What travels beside the request.

        Raises:
            aio.AioRpcError: where it fails, as grpc.aio has it.
            asyncio.CancelledError: where `close` has ended it.
        """
        call = self._core.call(path, None if timeout is None else time.time() + timeout, None, None, 0)
        self._active.add(call)
        try:
            data: bytes | None = await call.unary_unary(body, metadata)
        except BaseException:
            if not call.done():  # without this the call would go on at the other side
                call.cancel("Locally cancelled by application!")
            raise
        finally:
            self._active.discard(call)
        if data is not None:
            return data
        if call.is_locally_cancelled():
            raise asyncio.CancelledError
        status = call._status
        raise aio.AioRpcError(
            _CODES.get(status.code(), grpc.StatusCode.UNKNOWN),
            aio.Metadata(),
            aio.Metadata.from_tuple(status.trailing_metadata()),
            status.details(),
            status.debug_error_string(),
        )

    def close(self) -> None:
        """End the calls under way: the core's channel does not when it is closed."""
        for call in tuple(self._active):
            call.cancel("Channel closed!")


def direct_calls(channel: aio.Channel) -> DirectCalls | None:
    """The direct way to make the unary calls of a channel; None where this version of grpcio may have none."""
    core = getattr(channel, "_channel", None)
    if not grpc.__version__.startswith(TESTED) or not hasattr(core, "call"):
        return None
    return DirectCalls(core)
