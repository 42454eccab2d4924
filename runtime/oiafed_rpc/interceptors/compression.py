"""Bodies made smaller on the wire."""

from __future__ import annotations

from oiafed_rpc.interceptors.base import Context, Interceptor, Side
from oiafed_rpc.message import Arrival, Message


class CompressionInterceptor(Interceptor):
    """Compresses what a node sends, with Zstandard: its requests, and its replies to callers who compress as well.

    Every node reads compressed requests, whatever its own interceptors. In memory there is nothing to compress. Large
    arrays are compressed chunk by chunk, and only while that pays: not where the link is faster than Zstandard, nor
    where the bytes hardly get fewer.

    Args:
        level: From -7, the fastest, to 22, the smallest.
        shuffle: Whether the bytes of the numbers of large arrays are sorted by their place first, which loses nothing;
            where it makes them no smaller, as with mostly zeros, it is left out.

    Raises:
        ValueError: for a level that is none.
    """

    def __init__(self, level: int = 3, shuffle: bool = True) -> None:
        from oiafed_rpc.wire.compression import Zstd  # zstandard, where it is needed

        self._compressor = Zstd(level, shuffle)

    async def intercept_send(self, message: Message, context: Context) -> Message:
        """Mark what leaves the node: it is compressed once it is bytes."""
        if context.side is Side.CALLER or self._compressor.name in (message.arrival or Arrival()).unpacks:
            message.compressor = self._compressor
        return message
