"""What breaks a transfer."""

from __future__ import annotations

from oiafed_rpc.errors import Code, RetriableError, RpcError

BROKEN = 255
"""What a lane says instead of a code of `oiafed_rpc.Code` where an attempt went wrong, and another may go on."""

_BUSY = 254  # instead of a code where there is no room for a transfer now
_BUSY_PAUSE = 1.0  # seconds
_CODES = frozenset(map(int, Code))


class TransferError(ConnectionError):
    """An attempt to carry a transfer has ended, for what arrived is wrong or another attempt has taken over.

    As with any `ConnectionError`, another attempt goes on with what has been verified.
    """


class LaneUnfit(Exception):  # noqa: N818 - not a failure: the next lane is to carry the transfer
    """A lane does not take a transfer, or can't be opened: the next one is to carry it."""


def code_of(error: RpcError) -> int:
    """What a lane says that refuses a transfer with an error."""
    busy = isinstance(error, RetriableError) and error.code is Code.RESOURCE_EXHAUSTED
    return _BUSY if busy else int(error.code)


def refusal(code: int, told: str) -> RpcError | TransferError:
    """What the other side of a lane has refused with.

    Args:
        code: What `code_of` gave. Any other number says that the attempt went wrong, and another may go on.
        told: Why; for people.
    """
    if code == _BUSY:
        return RetriableError(told, code=Code.RESOURCE_EXHAUSTED, retry_after=_BUSY_PAUSE)
    if code not in _CODES:
        return TransferError(told)
    return RetriableError(told) if code == Code.UNAVAILABLE else RpcError(Code(code), told)
