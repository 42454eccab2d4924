"""How much a node takes on at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from oiafed_rpc.config import rules
from oiafed_rpc.config.section import Section


class MethodLimitConfig(Section, frozen=True, kw_only=True):
    """How many calls of one method a node answers at a time.

    Attributes:
        calls: How many run at a time.
        queue: How many more may wait for their turn; when left out, as many as `limits.queue` says.
    """

    example: ClassVar[str] = "{calls: 1, queue: 8}"

    calls: Annotated[int, rules.count]
    queue: Annotated[int | None, rules.room] = None


class LimitsConfig(Section, frozen=True, kw_only=True):
    """How much a node takes on at a time. Calls beyond it are refused, and told when to come back.

    Attributes:
        calls: How many calls run at a time; a stream runs until it has ended.
        queue: How many more may wait for their turn.
        methods: Further limits of single methods, by name.
        transfers: How many large payloads of requests may be on their way in, or wait for their call.
        transfer_memory: The most bytes that those may have together, written as a number or as `16GiB`, `512MB`; when
            left out, as many as `transport.max_message_size` says.
    """

    example: ClassVar[str] = "{calls: 64, queue: 256}"

    calls: Annotated[int, rules.count] = 2048
    queue: Annotated[int, rules.room] = 1024
    methods: Mapping[str, MethodLimitConfig] = {}
    transfers: Annotated[int, rules.count] = 1024
    transfer_memory: Annotated[int | None, rules.size] = None
