"""What breaks a transfer."""

from __future__ import annotations


class TransferError(ConnectionError):
    """An attempt to carry a transfer has ended, for what arrived is wrong or another attempt has taken over.

    As with any `ConnectionError`, another attempt goes on with what has been verified.
    """


class LaneUnfit(Exception):  # noqa: N818 - not a failure: the next lane is to carry the transfer
    """A lane does not take a transfer, or can't be opened: the next one is to carry it."""
