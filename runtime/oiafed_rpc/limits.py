"""How many calls a node answers at a time: some run, some wait for their turn, the others are told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.config import LimitsConfig
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.spreading import uniform

_SOONEST, _LATEST = 0.1, 30.0  # seconds after which who was refused may come back
_SPREAD = 0.5  # of that time, by which they come apart
_QUIET = 60.0  # seconds from one word in the log to the next
_BOUNDLESS = 1 << 62


class Gate:
    """Lets a number of calls through at a time. Others wait for their turn, in the order in which they came.

    Args:
        limited: What it is that is limited, for people.
        key: The key of the configuration that says how many.
        calls: How many are let through.
        queue: How many may wait.
        outer: The gate behind it, which all its calls pass as well.
        clock: What the time is told by.
    """

    __slots__ = (
        "_calls",
        "_clock",
        "_free",
        "_full_since",
        "_key",
        "_limited",
        "_line",
        "_outer",
        "_passed",
        "_queue",
        "_quiet_until",
    )

    def __init__(
        self, limited: str, key: str, calls: int, queue: int, outer: Gate | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._limited = limited
        self._key = key
        self._calls = calls
        self._queue = queue
        self._outer = outer
        self._clock = clock
        self._free = calls
        self._line: dict[asyncio.Future[None], None] = {}
        self._full_since: float | None = None
        self._passed = 0
        self._quiet_until = 0.0

    @property
    def running(self) -> int:
        """How many are through, and have not left."""
        return self._calls - self._free

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._line)

    def enter(self) -> bool:
        """Take a place; False where there is none: then `wait` for one."""
        if self._free <= 0 or (self._outer is not None and not self._outer.enter()):
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Take a place once there is one. Who is cancelled leaves the line.

        Raises:
            RetriableError: RESOURCE_EXHAUSTED where too many wait already; what `refuse` was given.
        """
        if self._free > 0:
            self._free -= 1
        else:
            await self._turn()
        if self._outer is not None and not self._outer.enter():
            try:
                await self._outer.wait()
            except BaseException:
                self._hand_over()
                raise

    def leave(self) -> None:
        """Give the place back; who has waited longest has it."""
        if self._line:
            self._hand_over()
        else:
            self._free += 1
            self._full_since = None
        if self._outer is not None:
            self._outer.leave()

    def stay(self) -> Callable[[], None]:
        """Count as one more, for a thread that goes on after its call; what this gives is called at its end."""
        gate: Gate | None = self
        while gate is not None:
            gate._free -= 1
            gate = gate._outer
        return self.leave

    def refuse(self, make: Callable[[], RpcError]) -> None:
        """Have all those who wait fail with an error."""
        line, self._line = self._line, {}
        for waiter in line:
            if not waiter.done():
                waiter.set_exception(make())

    async def _turn(self) -> None:
        if self._full_since is None:
            self._full_since, self._passed = self._clock.time(), 0
        if len(self._line) >= self._queue:
            raise self._refusal()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line[waiter] = None
        try:
            await waiter
        except BaseException:
            self._line.pop(waiter, None)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._hand_over()  # its turn has come as it was cancelled
            raise

    def _hand_over(self) -> None:
        if self._free >= 0:
            while self._line:
                waiter = next(iter(self._line))
                del self._line[waiter]
                if not waiter.done():
                    waiter.set_result(None)
                    self._passed += 1
                    return
        self._free += 1
        self._full_since = None

    def _refusal(self) -> RetriableError:
        pause = self._pause()
        busy = f"{self._limited}: {self.running} at a time, and {self.waiting} wait (limits.{self._key})"
        self._log(busy)
        return RetriableError(
            f"{busy}; come back in {pause:.2g} s", code=Code.RESOURCE_EXHAUSTED, retry_after=pause, ran=False
        )

    def _pause(self) -> float:
        """When there may be room, going by how fast places came free since there was none; not for all at once."""
        now = self._clock.time()
        past = now - (now if self._full_since is None else self._full_since)
        expected = past * (self.waiting + 1) / max(self._passed, 1)
        spread = 1 + _SPREAD * uniform()
        return min(max(expected, _SOONEST), _LATEST) * spread

    def _log(self, busy: str) -> None:
        now = self._clock.time()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET
            logger.warning("%s: further calls are refused", busy)


class Limits:
    """The gates of one node.

    Args:
        config: How much it takes on.
        node_id: Its id.
        clock: What the time is told by.

    Attributes:
        config: As given.
        open: What those calls pass by which nodes know each other, and move what other calls need: they have no limit.
    """

    def __init__(self, config: LimitsConfig, node_id: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self.config = config
        self._all = Gate(f"node {node_id!r} answers calls", "calls", config.calls, config.queue, None, clock)
        self._methods: dict[str, Gate] = {}
        for name, limit in config.methods.items():
            limited = f"node {node_id!r} answers calls of {name!r}"
            queue = config.queue if limit.queue is None else limit.queue
            self._methods[name] = Gate(limited, f"methods.{name}", limit.calls, queue, self._all, clock)
        self.open = Gate("", "", _BOUNDLESS, 0)

    def of(self, method: str) -> Gate:
        """What the calls of a method pass."""
        return self._methods.get(method, self._all)

    def refuse(self, make: Callable[[], RpcError]) -> None:
        """Have all calls fail that wait for their turn."""
        for gate in (*self._methods.values(), self._all):
            gate.refuse(make)
