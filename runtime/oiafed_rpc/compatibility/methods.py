"""What must hold for a method and a service in two versions."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from oiafed_rpc.compatibility.rule import Difference, Rule, difference

_PROMISES = (MethodOptions.IDEMPOTENCY_UNKNOWN, MethodOptions.IDEMPOTENT, MethodOptions.NO_SIDE_EFFECTS)
"""From the weakest on."""


def method_rules(old: MethodDescriptor, new: MethodDescriptor) -> Iterator[Difference]:
    """Yield the differences between two versions of a method, apart from what its messages look like."""
    yield from stream_rules(old, new)
    before, now = (MethodOptions.IdempotencyLevel.Name(_promise(method)) for method in (old, new))
    if _PROMISES.index(_promise(old)) > _PROMISES.index(_promise(new)):
        message = f"'{new.name}' was {before} and is {now} now: older callers repeat it on failure"
        yield difference(Rule.METHOD_IDEMPOTENCY, new.full_name, before, now, message)


def stream_rules(old: MethodDescriptor, new: MethodDescriptor) -> Iterator[Difference]:
    """Yield the differences in what is a stream."""
    before, now = _kind(old), _kind(new)
    if before != now:
        message = f"'{new.name}' {before} before and {now} now"
        yield difference(Rule.METHOD_STREAM, new.full_name, before, now, message)


def removed_methods(old: ServiceDescriptor, new: ServiceDescriptor) -> Iterator[Difference]:
    """Yield the methods that are gone."""
    for method in old.methods:
        if method.name not in new.methods_by_name:
            path = f"{new.full_name}.{method.name}"
            message = f"'{method.name}' was removed; calls of older nodes fail as UNIMPLEMENTED"
            yield difference(Rule.METHOD_REMOVED, path, method.name, "", message)


def _kind(method: MethodDescriptor) -> str:
    taken, given = ("a stream" if s else "one message" for s in (method.client_streaming, method.server_streaming))
    return f"took {taken} and gave {given}"


def _promise(method: MethodDescriptor) -> MethodOptions.IdempotencyLevel.ValueType:
    return method.GetOptions().idempotency_level
