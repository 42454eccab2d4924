"""What the two ends of a line say around the bytes that it moves: a request, and its answer.

A request is the number of an operation, the size of its body in four bytes, and the body, which the operation defines.
An answer is one byte, 0 for yes. Else it says what was refused: a code of `oiafed_rpc.Code`, 254 where there is no room
for a transfer now, or 255 where the attempt went wrong and another may go on from what was verified; then the size of a
text in four bytes, and the text.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from oiafed_rpc.bulk.errors import BROKEN, TransferError, code_of, refusal
from oiafed_rpc.bulk.lanes.socket.line import Line
from oiafed_rpc.errors import Code, RpcError

_HEAD = struct.Struct("!BI")
_BODY = 32 << 20  # bytes of the largest: four million sizes
_USUAL = 4096  # bytes of a request that is no long list of sizes
_TEXT = 4096
_YES = 0


class Request(NamedTuple):
    """What a line is asked to do."""

    operation: int
    body: bytes

    def to_bytes(self) -> bytes:
        """As it travels.

        Raises:
            RpcError: RESOURCE_EXHAUSTED where the body is too large.
        """
        if len(self.body) > _BODY:
            raise RpcError(Code.RESOURCE_EXHAUSTED, f"a transfer of {len(self.body) // 8:,} buffers is too finely cut")
        return _HEAD.pack(self.operation, len(self.body)) + self.body

    @classmethod
    def arrived(cls, line: Line) -> Request | None:
        """The next request of a line, without blocking; None where it is not there, or is for `read` to fetch."""
        seen = line.peek(_USUAL)
        if len(seen) < _HEAD.size or len(seen) < _HEAD.size + _HEAD.unpack_from(seen)[1]:
            return None
        return cls.read(line)

    @classmethod
    def read(cls, line: Line) -> Request:
        """The next request of a line.

        Raises:
            ValueError: where it can't be one.
        """
        operation, size = _HEAD.unpack(line.receive_exactly(_HEAD.size))
        if size > _BODY:
            raise ValueError(f"a request of {size:,} bytes")
        return cls(operation, line.receive_exactly(size))


def agree(line: Line, more: bytes = b"") -> None:
    """Answer yes, and what the operation adds to that."""
    line.send([bytes([_YES]) + more])


def refuse(line: Line, error: RpcError | TransferError) -> None:
    """Answer why not, and end the connection once the other side has heard it: it may be sending still."""
    code = code_of(error) if isinstance(error, RpcError) else BROKEN
    told = (error.message if isinstance(error, RpcError) else str(error)).encode(errors="replace")[:_TEXT]
    line.send([_HEAD.pack(code, len(told)), told])
    line.finish()
    line.drain()


def hear(line: Line) -> None:
    """Wait for the answer.

    Raises:
        RpcError: where it is a refusal.
        TransferError: where another attempt may go on.
    """
    code = line.receive_exactly(1)[0]
    if code == _YES:
        return
    size = int.from_bytes(line.receive_exactly(_HEAD.size - 1), "big")
    told = line.receive_exactly(min(size, _TEXT)).decode(errors="replace")
    raise refusal(code, told)
