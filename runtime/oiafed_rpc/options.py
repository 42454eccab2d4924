"""What a proxy or a collection is told of the calls that it makes: `with_options`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, cast

from oiafed_rpc.bulk.meter import Progress
from oiafed_rpc.config.rules import LONGEST
from oiafed_rpc.message import Message
from oiafed_rpc.retry import RetryPolicy

_KEY = re.compile(r"[a-z0-9_.-]+")
_VALUE = re.compile(r"[ -~]*")
_MAX_METADATA = 4096  # bytes; servers may refuse headers of 8 KiB in all
_MOST_METADATA = 32  # keys; receivers read 64 headers in all


@dataclass(frozen=True, slots=True)
class Options:
    """What `with_options` sets.

    Attributes:
        timeout: Seconds until a call's deadline; None for the method's own, or else the node's.
        metadata: Text that travels along with each call.
        serializer: What the payload is sent with; None for what the node is configured for.
        retry: How failed attempts are repeated; None for the node's policy, False for not at all.
        idempotent: Whether a call may run twice; None for what its schema says.
        progress: What is told of large payloads as they travel.

    Raises:
        ValueError: from the constructor, for a timeout that is not positive, or metadata that can't travel.
        TypeError: from the constructor, for a retry that is none.
    """

    timeout: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    serializer: str | None = None
    retry: RetryPolicy | Literal[False] | None = None
    idempotent: bool | None = None
    progress: Progress | None = None

    def __post_init__(self) -> None:
        """Check them."""
        retry = cast("object", self.retry)
        if retry is not None and retry is not False and not isinstance(retry, RetryPolicy):
            raise TypeError(f"retry must be a RetryPolicy, or False for none, not {retry!r:.40}")
        if self.timeout is not None and not 0 < self.timeout <= LONGEST:
            told = f"timeout must be a number of seconds above 0 and up to {LONGEST:,}"
            raise ValueError(f"{told}, not {self.timeout!r:.40}")
        _check_metadata(self.metadata)

    def merged(self, others: Options) -> Options:
        """These options with others on top; raises ValueError where their metadata are too large together."""
        given = {each.name: getattr(others, each.name) for each in fields(others)}
        given = {name: value for name, value in given.items() if value is not None}
        return replace(self, **{**given, "metadata": {**self.metadata, **others.metadata}})

    def may_repeat(self, request: Message) -> bool:
        """Whether a call has the same effect when it runs twice."""
        if self.idempotent is not None:
            return self.idempotent
        return request.spec is not None and request.spec.idempotent


def _check_metadata(metadata: Mapping[str, str]) -> None:
    for key, value in metadata.items():
        if not _KEY.fullmatch(key) or key.startswith(("grpc-", "oiafed-")) or key.endswith("-bin"):
            raise ValueError(
                f"metadata key {key!r}: use lowercase letters, digits and _ . - only, and none of the prefixes "
                "grpc- and oiafed- or the suffix -bin"
            )
        if not _VALUE.fullmatch(value) or value != value.strip():
            raise ValueError(f"the value of metadata {key!r} must be printable ASCII without spaces around it")
    if len(metadata) > _MOST_METADATA:
        raise ValueError(f"{len(metadata)} keys of metadata: at most {_MOST_METADATA} travel with a call")
    size = sum(len(key) + len(value) for key, value in metadata.items())
    if size > _MAX_METADATA:
        raise ValueError(f"{size} bytes of metadata: at most {_MAX_METADATA} travel with a call")


DEFAULTS = Options()
"""Those of a call of which nobody has said anything."""
