"""Repeating a call that has failed: whenever that is safe, as long as the policy allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from oiafed_rpc.delivery.redelivery import Lasting, Redelivery, unknown
from oiafed_rpc.errors import RetriableError, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.retry import RetryPolicy

T = TypeVar("T")


def judged(error: RetriableError, request: Message, *, may_repeat: bool) -> RpcError:
    """What a failed attempt means for a call.

    Args:
        error: The failure.
        request: The call.
        may_repeat: Whether it has the same effect when it runs twice.

    Returns:
        The error itself; OutcomeUnknown where the call may have run, nobody knows, and it must not run twice.
    """
    if may_repeat or error.ran is not None:
        return error
    return unknown(error, request)


class Repeating:
    """The further attempts of a call whose first has failed.

    Args:
        failure: How the first has failed.
        request: The call.
        renewed: Makes a request anew, for another attempt, and as a call of its own where it is told so.
        policy: How often and how fast; None for no further attempt.
        lasting: How long the call outlives a link that breaks.
        may_repeat: Whether the call has the same effect when it runs twice.

    Attributes:
        request: The latest attempt.
    """

    def __init__(
        self,
        failure: RetriableError,
        request: Message,
        renewed: Callable[[Message, bool], Message],
        policy: RetryPolicy | None,
        lasting: Lasting,
        *,
        may_repeat: bool,
    ) -> None:
        self._failure: RetriableError | None = failure
        self.request = request
        self._renewed = renewed
        self._policy = policy
        self._lasting = lasting
        self._may_repeat = may_repeat
        self._last = failure

    async def until_done(self, attempt: Callable[[Message], Awaitable[T]]) -> T:
        """Make attempts until one succeeds.

        Raises:
            RpcError: OutcomeUnknown and errors that no other attempt may mend at once; MaxRetriesExceeded when the
                policy allows no more; DEADLINE_EXCEEDED.
        """

        async def once() -> T:
            try:
                return await self._delivered(attempt)
            except RetriableError as error:
                self._last = error
                raise self._final_or(error) from error.__cause__

        if self._policy is None:
            raise judged(self._last, self.request, may_repeat=self._may_repeat) from self._last.__cause__
        try:
            result: T = await self._policy.run(once, title=self.request.method, deadline=lambda: self.request.deadline)
        except _FinalError as final:
            raise final.error from final.error.__cause__
        return result

    async def _delivered(self, attempt: Callable[[Message], Awaitable[T]]) -> T:
        """The outcome of one attempt, for which the call is sent as often as its link breaks."""
        redelivery = Redelivery(self._lasting, may_repeat=self._may_repeat)
        error: RpcError | None = self._failure  # of the first attempt, which has been made
        self._failure = None
        anew = self._last.ran is True
        try:
            while True:
                if error is not None:
                    anew = await redelivery.next(error, self.request)
                self.request = self._renewed(self.request, anew)
                try:
                    return await attempt(self.request)
                except RpcError as failure:
                    error = failure
        finally:
            error = None  # it has this frame, and that the payload

    def _final_or(self, error: RetriableError) -> Exception:
        """The failure, for the policy to repeat; wrapped where it must not be."""
        meant = judged(error, self.request, may_repeat=self._may_repeat)
        return error if meant is error and (self._may_repeat or error.ran is False) else _FinalError(meant)


class _FinalError(Exception):
    """Takes an error past the policy."""

    def __init__(self, error: RpcError) -> None:
        super().__init__(error)
        self.error: Any = error
