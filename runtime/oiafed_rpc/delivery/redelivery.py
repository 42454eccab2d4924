"""Sending a call again whose link broke under it, to a node that remembers it: that never runs it twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from oiafed_rpc.bounded import deadline_exceeded
from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.delivery.memory import FORGOTTEN, LEDGER
from oiafed_rpc.errors import Code, OutcomeUnknown, RetriableError, RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.spreading import uniform

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds
_MOST_RENEWALS = 3


def unknown(error: RpcError, request: Message) -> OutcomeUnknown:
    """The error of a call that may have run, and must not run twice."""
    told = f"{request.method} on node {request.target!r} may or may not have run: {error.message}"
    return OutcomeUnknown(told, error.details)


class Lasting(NamedTuple):
    """How long a call outlives its link.

    Attributes:
        patience: Seconds to wait for it to come back.
        lost: Whether a node does not answer for the moment.
        clock: What tells the time.
        random: Gives numbers from 0 up to 1, for the pauses.
    """

    patience: float
    lost: Callable[[str], bool] = lambda _: False
    clock: Clock = SYSTEM_CLOCK
    random: Callable[[], float] = uniform


class Redelivery:
    """What follows on the failures of one call.

    Args:
        lasting: How long to go on.
        may_repeat: Whether the call has the same effect when it runs twice.
    """

    def __init__(self, lasting: Lasting, *, may_repeat: bool) -> None:
        self._lasting = lasting
        self._may_repeat = may_repeat
        self._sent = False  # and nobody knows what came of it
        self._since = 0.0
        self._pause = _FIRST_PAUSE
        self._renewals = 0

    async def next(self, error: RpcError, request: Message) -> bool:
        """Wait until the call may be sent again.

        Args:
            error: How it has failed.
            request: It.

        Returns:
            Whether it is to be sent as a call of its own, with another call id: the node has not run it as this one.

        Raises:
            RpcError: the error where sending it again is not the answer to that; OutcomeUnknown; DEADLINE_EXCEEDED.
        """
        if not request.ledger:
            raise error
        if LEDGER in error.details or FORGOTTEN in error.details:
            return self._refused(error, request)
        if not self._may_mend(error):
            raise error
        if self._sent:
            await self._wait(error, request)
        else:
            self._begin(error, request)
            await self._wait(error, request)
        return False

    def _refused(self, error: RpcError, request: Message) -> bool:
        """The node does not know whether it has run the call."""
        self._renewals += 1
        if self._sent and not self._may_repeat:
            raise unknown(error, request) from error
        if self._renewals > _MOST_RENEWALS:
            raise error
        self._sent = False
        return True

    def _may_mend(self, error: RpcError) -> bool:
        """Whether the link has failed, rather than the call; what the node itself says names its type."""
        by_node = "type" in error.details
        if not isinstance(error, RetriableError):
            return self._sent and error.code is Code.UNAVAILABLE and not by_node
        if error.ran is False:
            return self._sent
        return not by_node

    def _begin(self, error: RpcError, request: Message) -> None:
        self._sent = True
        logger.info(
            "%s on node %r is sent again, for up to %.3g s, until its answer comes: %s",
            request.method,
            request.target,
            self._lasting.patience,
            error.message,
        )

    async def _wait(self, error: RpcError, request: Message) -> None:
        """Wait for a moment, and on as long as the node is lost."""
        clock = self._lasting.clock
        if not self._since or "type" in error.details or (isinstance(error, RetriableError) and error.ran is not False):
            self._since, self._pause = clock.time(), _FIRST_PAUSE  # there was a link
        asked = error.retry_after if isinstance(error, RetriableError) else None
        while True:
            await self._sleep(max(self._pause * (0.5 + self._lasting.random() / 2), asked or 0.0), request)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            if clock.time() >= self._since + self._lasting.patience:
                raise (error if self._may_repeat else unknown(error, request)) from error.__cause__
            if not self._lasting.lost(request.target):
                return

    async def _sleep(self, pause: float, request: Message) -> None:
        left = request.time_left()
        if left is not None and left <= pause:
            await self._lasting.clock.sleep(left)
            raise deadline_exceeded(request.method)
        await self._lasting.clock.sleep(pause)
