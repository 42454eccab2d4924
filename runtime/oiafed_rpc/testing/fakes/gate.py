"""Where scripted answers wait until the test lets them go on."""

from __future__ import annotations

from oiafed_rpc.testing.fakes.changes import Changes


class Gate:
    """Holds up the calls that come to it until it is opened: a test of slow answers sleeps nowhere.

    One gate may hold up calls of many fakes. Any thread may open it.
    """

    def __init__(self) -> None:
        self._changes = Changes()
        self._waiting = 0
        self._open = False

    @property
    def waiting(self) -> int:
        """How many calls wait at it now."""
        return self._waiting

    def open(self) -> None:
        """Let all calls pass, those that wait and those that come later."""
        self._open = True
        self._changes.notify()

    async def until_reached(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until so many calls wait at the gate.

        Args:
            count: How many.
            timeout: Seconds after which the test has failed.

        Raises:
            TimeoutError: They did not come.
        """
        if not await self._changes.until(lambda: self._waiting >= count, timeout):
            raise self._too_few(count, timeout)

    def wait_until_reached(self, count: int = 1, timeout: float = 10.0) -> None:
        """`until_reached` for code without `await`."""
        if not self._changes.wait_until(lambda: self._waiting >= count, timeout):
            raise self._too_few(count, timeout)

    def _too_few(self, count: int, timeout: float) -> TimeoutError:
        return TimeoutError(f"{self._waiting} of {count} calls wait at the gate after {timeout:g} s")

    async def passed(self) -> None:
        """Wait at the gate, until it is open."""
        self._waiting += 1
        self._changes.notify()
        try:
            await self._changes.until(lambda: self._open)
        finally:
            self._waiting -= 1
