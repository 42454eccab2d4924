"""What a connection of a lane begins with, so that neither side talks to a stranger."""

from __future__ import annotations

import secrets
import time
from typing import NamedTuple

from oiafed_rpc.log import logger

SIZE = 32
"""Bytes of a ticket, and of a proof."""

_GOOD_FOR = 30.0  # seconds
_MOST = 1024


class _Issued(NamedTuple):
    proof: bytes
    ends: float


class Tickets:
    """One-time tickets, which an authenticated call hands out, and with which its caller opens a connection.

    A ticket is good for 30 seconds. At most 1024 are outstanding: one more makes the oldest worthless.
    """

    def __init__(self) -> None:
        self._issued: dict[bytes, _Issued] = {}  # in the order of their ends
        self._warned = False

    def issue(self) -> tuple[bytes, bytes]:
        """A ticket, which whoever connects shows, and the proof with which whoever listens answers it."""
        now = time.monotonic()
        self._forget_old(now)
        ticket, proof = secrets.token_bytes(SIZE), secrets.token_bytes(SIZE)
        self._issued[ticket] = _Issued(proof, now + _GOOD_FOR)
        return ticket, proof

    def redeem(self, ticket: bytes) -> bytes | None:
        """The proof of a ticket, once; None where there is no such ticket, or no longer."""
        issued = self._issued.pop(ticket, None)
        if issued is None or issued.ends <= time.monotonic():
            return None
        return issued.proof

    def _forget_old(self, now: float) -> None:
        while self._issued:
            oldest = next(iter(self._issued))
            if self._issued[oldest].ends > now:
                if len(self._issued) < _MOST:
                    return
                self._warn()
            del self._issued[oldest]

    def _warn(self) -> None:
        if not self._warned:
            self._warned = True
            logger.warning(
                "more than %d tickets for connections of large payloads were asked for within %g s and not used; the "
                "oldest are void, and their payloads travel through gRPC",
                _MOST,
                _GOOD_FOR,
            )
