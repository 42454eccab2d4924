"""Bytes made smaller on the wire. Whoever sends names how; every receiver can undo it."""

from __future__ import annotations

import zstandard

from oiafed_rpc.errors import Code, RpcError

ZSTD = "zstd"

COMPRESSIONS = (ZSTD,)
"""What this version reads."""

_MAX_WINDOW = 1 << 27  # bytes: what zstd itself allows without being asked for more
_CHUNK = 1 << 20


class Zstd:
    """Zstandard (RFC 8878).

    Args:
        level: From -7, the fastest, to 22, the smallest.
        shuffle: Whether the bytes of the numbers of large arrays are sorted by their place first, which loses nothing:
            the exponents of weights are alike, and their last digits are not. Left out where it does not help.

    Raises:
        ValueError: for a level that is none.

    Attributes:
        level: As given.
        shuffle: As given.
    """

    name = ZSTD

    def __init__(self, level: int = 3, shuffle: bool = True) -> None:
        if not -7 <= level <= zstandard.MAX_COMPRESSION_LEVEL:
            raise ValueError(f"level must be from -7 to {zstandard.MAX_COMPRESSION_LEVEL}, not {level}")
        self.level = level
        self.shuffle = shuffle

    def compress(self, data: bytes) -> bytes:
        """One frame that holds its size."""
        return zstandard.ZstdCompressor(level=self.level).compress(data)


def decompress(name: str, data: bytes, limit: int) -> bytes:
    """Undo a compression; no more than `limit` bytes are ever made.

    Raises:
        RpcError: UNIMPLEMENTED for a compression that is not known, RESOURCE_EXHAUSTED where there is more than
            `limit`, INVALID_ARGUMENT for bytes that are no whole frame which tells its size.
    """
    if name != ZSTD:
        raise RpcError(Code.UNIMPLEMENTED, f"unknown compression {name[:40]!r}; known here: {', '.join(COMPRESSIONS)}")
    try:
        size = zstandard.frame_content_size(data)
        if size < 0:
            raise _not_valid(data, "the frame does not tell its size")
        if size > limit:
            raise _too_large(limit)
        with zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(data) as reader:
            made = bytearray()
            while chunk := reader.read(_CHUNK):
                made += chunk
                if len(made) > limit:
                    raise _too_large(limit)
    except zstandard.ZstdError as error:
        raise _not_valid(data, str(error)) from None
    if len(made) != size:
        raise _not_valid(data, f"the frame is to have {size} bytes, and has {len(made)}")
    return bytes(made)


def _not_valid(data: bytes, why: str) -> RpcError:
    return RpcError(Code.INVALID_ARGUMENT, f"these {len(data)} bytes are not valid zstd: {why}")


def _too_large(limit: int) -> RpcError:
    return RpcError(
        Code.RESOURCE_EXHAUSTED,
        f"the message has more than {limit:,} bytes, the receiver's transport.max_message_size",
    )
