"""Repeating a call that has failed: whenever that is safe, as long as the policy allows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from oiafed_rpc.errors import OutcomeUnknown, RetriableError, RpcError
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
    return OutcomeUnknown(
        f"{request.method} on node {request.target!r} may or may not have run: {error.message}", error.details
    )


class Repeating:
    """The further attempts of a call whose first has failed.

    Args:
        failure: How the first has failed.
        request: The call.
        renewed: Makes a request anew, for another attempt.
        policy: How often and how fast; None for no further attempt.
        may_repeat: Whether the call has the same effect when it runs twice.
    """

    def __init__(
        self,
        failure: RetriableError,
        request: Message,
        renewed: Callable[[Message], Message],
        policy: RetryPolicy | None,
        *,
        may_repeat: bool,
    ) -> None:
        self._failure: RetriableError | None = failure
        self._request = request
        self._renewed = renewed
        self._policy = policy
        self._may_repeat = may_repeat
        self._last = failure

    async def until_done(self, attempt: Callable[[Message], Awaitable[T]]) -> T:
        """Make attempts until one succeeds.

        Raises:
            RpcError: OutcomeUnknown and errors that no other attempt may mend at once; MaxRetriesExceeded when the
                policy allows no more; DEADLINE_EXCEEDED.
        """

        async def once() -> T:
            failure, self._failure = self._failure, None
            if failure is not None:  # the first attempt has been made
                raise self._final_or(failure)
            self._request = self._renewed(self._request)
            try:
                return await attempt(self._request)
            except RetriableError as error:
                self._last = error
                raise self._final_or(error) from error.__cause__

        if self._policy is None:
            raise judged(self._last, self._request, may_repeat=self._may_repeat) from self._last.__cause__
        try:
            result: T = await self._policy.run(
                once, title=self._request.method, deadline=lambda: self._request.deadline
            )
        except _FinalError as final:
            raise final.error from final.error.__cause__
        return result

    def _final_or(self, error: RetriableError) -> Exception:
        """The failure, for the policy to repeat; wrapped where it must not be."""
        meant = judged(error, self._request, may_repeat=self._may_repeat)
        return error if meant is error and (self._may_repeat or error.ran is False) else _FinalError(meant)


class _FinalError(Exception):
    """Takes an error past the policy."""

    def __init__(self, error: RpcError) -> None:
        super().__init__(error)
        self.error: Any = error
