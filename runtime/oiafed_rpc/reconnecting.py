"""Staying connected: a node that was reached once is dialled until it is there again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeAlias

from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.config import Address, ReconnectConfig
from oiafed_rpc.context import outside_of_calls
from oiafed_rpc.errors import MISSING, ConfigError, RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.spreading import uniform

Dial: TypeAlias = Callable[[], Awaitable[None]]
"""Tries once to connect to a node; raises RpcError where that fails."""


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """After which pauses a node is dialled again that is not there.

    The bound of the pauses doubles from attempt to attempt. Each is drawn at random from the upper half of what is
    within its bound, so that many who lost the same node do not come back together. Attempts never end.

    Attributes:
        initial_delay: Seconds of the first bound; above 0, and not above `max_delay`.
        max_delay: Seconds that no bound exceeds: as long after a node is back, it is connected again at the latest.
        clock: What the time is told by.
        random: Gives numbers from 0 up to 1, for the pauses.

    Raises:
        ValueError: from the constructor, naming the parameter that is wrong.
    """

    initial_delay: float = 0.1
    max_delay: float = 1.5
    _: KW_ONLY
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)
    random: Callable[[], float] = field(default=uniform, repr=False)

    def __post_init__(self) -> None:
        """Check it by the rules of the configuration."""
        try:
            ReconnectConfig(initial_delay=self.initial_delay, max_delay=self.max_delay)
        except ConfigError as error:
            raise ValueError(error.message) from None

    @classmethod
    def from_config(cls, config: ReconnectConfig) -> ReconnectPolicy:
        """The policy that a configuration describes."""
        return cls(config.initial_delay, config.max_delay)

    def pause(self, attempt: int) -> float:
        """Seconds to wait after an attempt that failed; attempts count from 1."""
        bound = min(self.initial_delay * 2.0 ** min(attempt - 1, 64), self.max_delay)
        return bound * (1 + self.random()) / 2


@dataclass(slots=True, eq=False)
class _Kept:
    """A node to stay connected with."""

    address: Address
    dial: Dial
    task: asyncio.Task[None] | None = None
    hurried: asyncio.Event = field(default_factory=asyncio.Event)


class Reconnecting:
    """Dials the nodes to stay connected with when they are not there.

    Args:
        node_id: The id of the node that dials, for the log.
        policy: The pauses between attempts.
        failed: Is told the id of a node after each attempt that failed.
    """

    def __init__(self, node_id: str, policy: ReconnectPolicy, failed: Callable[[str], None]) -> None:
        self._node_id = node_id
        self._policy = policy
        self._failed = failed
        self._kept: dict[str, _Kept] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, address: Address, dial: Dial) -> None:
        """Stay connected with a node that is connected now, in place of one of its id at another address."""
        self.cease(address.node_id)
        self._kept[address.node_id] = _Kept(address, dial)

    def begin(self, node_id: str, *, expected: bool = False) -> bool:
        """Dial a node until it is there; at once where that is being done already.

        Args:
            node_id: The id of the node.
            expected: Whether it has said that it goes: then `failed` is not told, and the log is no warning.

        Returns:
            False where it is not one to stay connected with.
        """
        kept = self._kept.get(node_id)
        if kept is None:
            return False
        if kept.task is not None and not kept.task.done():
            kept.hurried.set()
            return True
        dialling = self._until_there(kept, expected=expected)
        name = f"oiafed-reconnect {node_id}"
        kept.task = asyncio.create_task(dialling, name=name, context=outside_of_calls())
        self._tasks.add(kept.task)
        kept.task.add_done_callback(self._tasks.discard)
        return True

    def hurry(self, node_id: str) -> None:
        """Dial a node at once, if it is waited for: there is a sign of it."""
        kept = self._kept.get(node_id)
        if kept is not None:
            kept.hurried.set()

    def cease(self, node_id: str) -> bool:
        """Dial a node no more until the next `begin`; whether it was dialled."""
        kept = self._kept.get(node_id)
        if kept is None or kept.task is None or kept.task.done() or kept.task is asyncio.current_task():
            return False
        kept.task.cancel()
        kept.task = None
        return True

    async def stop(self) -> None:
        """Dial nobody any more."""
        self._kept.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _until_there(self, kept: _Kept, *, expected: bool) -> None:
        told = ""
        for attempt in itertools.count(1):
            kept.hurried.clear()
            try:
                await kept.dial()
            except RpcError as error:
                told = self._tell(kept, error, told, expected=expected)
                if not expected:
                    self._failed(kept.address.node_id)
            else:
                logger.info("node %r is connected to %s again", self._node_id, kept.address)
                return
            await self._pause(kept, self._policy.pause(attempt))

    def _tell(self, kept: _Kept, error: RpcError, told: str, *, expected: bool) -> str:
        """Log what is missing, unless that has been told; what has been told by now."""
        missing = f"{error.code.name} {error.details.get(MISSING, '')}"
        if missing != told:
            log = logger.info if expected else logger.warning
            log("node %r cannot connect to %s, and goes on trying: %s", self._node_id, kept.address, error.message)
        return missing

    async def _pause(self, kept: _Kept, seconds: float) -> None:
        hurried = asyncio.ensure_future(kept.hurried.wait())
        pause = asyncio.ensure_future(self._policy.clock.sleep(seconds))
        try:
            await asyncio.wait((hurried, pause), return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()
            pause.cancel()
            await asyncio.wait((hurried, pause))
