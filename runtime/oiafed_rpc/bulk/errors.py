"""What breaks a transfer."""

from __future__ import annotations

from oiafed_rpc.errors import Code, RetriableError, RpcError

_CODES = frozenset(map(int, Code))


class TransferError(ConnectionError):
    """An attempt to carry a transfer has ended, for what arrived is wrong or another attempt has taken over.

    As with any `ConnectionError`, another attempt goes on with what has been verified.
    """


class LaneUnfit(Exception):  # noqa: N818 - not a failure: the next lane is to carry the transfer
    """A lane does not take a transfer, or can't be opened: the next one is to carry it."""


def refusal(code: int, told: str) -> RpcError | TransferError:
    """What the other side of a lane has refused with.

    Args:
        code: A code of `oiafed_rpc.Code`. Any other number says that the attempt went wrong, and another may go on.
        told: Why; for people.
    """
    if code not in _CODES:
        return TransferError(told)
    return RetriableError(told) if code == Code.UNAVAILABLE else RpcError(Code(code), told)
