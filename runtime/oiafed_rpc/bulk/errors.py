"""What breaks a transfer."""

from __future__ import annotations


class TransferError(ConnectionError):
    """An attempt to carry a transfer has ended, for what arrived is wrong or another attempt has taken over.

    As with any `ConnectionError`, another attempt goes on with what has been verified.
    """
