"""How long a node waits, how it tries again, and how it notices that a peer is lost."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias, get_args

from typing_extensions import override

from oiafed_rpc.config import rules
from oiafed_rpc.config.files import file_to_write
from oiafed_rpc.config.problems import Path
from oiafed_rpc.config.section import Section

Strategy: TypeAlias = Literal["exponential", "linear", "constant"]

_strategy = rules.choice(*get_args(Strategy), custom=False)


class TimeoutConfig(Section, frozen=True, kw_only=True):
    """How long to wait.

    Attributes:
        connect: Seconds for a peer to be there.
        request: Seconds for a call whose schema gives no timeout of its own.
        idle: Seconds in which a large payload under way may stand still: one that advances may take longer than
            `request`.
        grace: Seconds in which calls under way may end when the node stops; 0 ends them at once.
    """

    example: ClassVar[str] = "{connect: 10, request: 60}"

    connect: Annotated[float, rules.seconds] = 10.0
    request: Annotated[float, rules.seconds] = 60.0
    idle: Annotated[float, rules.seconds] = 30.0
    grace: Annotated[float, rules.pause] = 5.0


class RetryConfig(Section, frozen=True, kw_only=True):
    """How a call is tried again that failed in a way that another attempt may mend.

    Attributes:
        max_attempts: How often to try in all; 1 never tries again.
        backoff_strategy: How the pauses grow: `exponential` doubles them, `linear` adds `initial_delay` each time,
            `constant` keeps them.
        initial_delay: Seconds of the first pause, at most: each pause is drawn at random from 0 up to its bound.
        max_delay: Seconds that no bound of a pause exceeds.
        total_timeout: Seconds that all attempts and pauses may take together; when left out, the deadline of the call
            alone is the limit.
    """

    example: ClassVar[str] = "{max_attempts: 3}"

    max_attempts: Annotated[int, rules.attempts] = 3
    backoff_strategy: Annotated[Strategy, _strategy] = "exponential"
    initial_delay: Annotated[float, rules.pause] = 1.0
    max_delay: Annotated[float, rules.pause] = 30.0
    total_timeout: Annotated[float | None, rules.seconds] = None

    @override
    def conflicts(self) -> dict[Path, str]:
        """The first pause is no longer than the longest."""
        if self.initial_delay <= self.max_delay:
            return {}
        return {("initial_delay",): f"must not exceed max_delay, which is {self.max_delay:g}"}


class DeliveryConfig(Section, frozen=True, kw_only=True):
    """How a call survives a connection that breaks: its receiver remembers it, and its caller sends it again.

    Attributes:
        patience: Seconds to wait for a connection to come back: of a caller before it gives up a call whose outcome it
            does not know, and of a receiver before it ends a handler whose caller is gone.
        calls: How many answers a receiver remembers; 0 remembers no calls, and a broken connection ends them.
        memory: Bytes of those answers in all. Large results wait beside that, for `patience` or until they are fetched.
        journal: The path of a SQLite database in which a receiver keeps them over a restart; made where there is none.
            A relative path starts at the folder of the configuration's file.
    """

    example: ClassVar[str] = "{patience: 30}"

    patience: Annotated[float, rules.seconds] = 30.0
    calls: Annotated[int, rules.room] = 10_000
    memory: Annotated[int, rules.size] = 64 << 20
    journal: Annotated[str | None, file_to_write] = None


class ReconnectConfig(Section, frozen=True, kw_only=True):
    """How a node that was connected is dialled again, for as long as it is not there.

    Attributes:
        initial_delay: Seconds of the first pause, at most; the bound doubles from attempt to attempt, and each pause is
            drawn at random from its upper half.
        max_delay: Seconds that no pause exceeds: a node that is back is connected again within this time.
    """

    example: ClassVar[str] = "{initial_delay: 0.1, max_delay: 1.5}"

    initial_delay: Annotated[float, rules.seconds] = 0.1
    max_delay: Annotated[float, rules.seconds] = 1.5

    @override
    def conflicts(self) -> dict[Path, str]:
        """The first pause is no longer than the longest."""
        if self.initial_delay <= self.max_delay:
            return {}
        return {("initial_delay",): f"must not exceed max_delay, which is {self.max_delay:g}"}


class HeartbeatConfig(Section, frozen=True, kw_only=True):
    """How a node learns that a peer is lost.

    Attributes:
        enabled: Whether it asks its peers at all.
        interval: Seconds from one question to the next.
        timeout: Seconds without a sign of life after which a peer is lost.
    """

    example: ClassVar[str] = "{interval: 30, timeout: 90}"

    enabled: Annotated[bool, rules.truth] = True
    interval: Annotated[float, rules.seconds] = 30.0
    timeout: Annotated[float, rules.seconds] = 90.0

    @override
    def conflicts(self) -> dict[Path, str]:
        """At least one question must fit before a peer counts as lost."""
        if self.timeout > self.interval:
            return {}
        return {("timeout",): f"must be longer than interval, which is {self.interval:g}"}
