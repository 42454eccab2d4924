"""What must hold for a method and a service in two versions."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from oiafed_rpc.compatibility.rule import Difference, Rule, difference

_PROMISES = {
    MethodOptions.IDEMPOTENCY_UNKNOWN: "not idempotent",
    MethodOptions.IDEMPOTENT: "idempotent",
    MethodOptions.NO_SIDE_EFFECTS: "free of side effects",
}
"""What a method says of running twice, from the weakest on."""


def method_rules(old: MethodDescriptor, new: MethodDescriptor) -> Iterator[Difference]:
    """Yield the differences between two versions of a method, apart from what its messages look like."""
    yield from stream_rules(old, new)
    before, now = (_PROMISES[method.GetOptions().idempotency_level] for method in (old, new))
    order = list(_PROMISES.values())
    if order.index(before) > order.index(now):
        message = f"'{new.name}' was {before} and is {now} now: older callers still repeat it after a failure"
        yield difference(Rule.METHOD_IDEMPOTENCY, new.full_name, before, now, message)


def stream_rules(old: MethodDescriptor, new: MethodDescriptor) -> Iterator[Difference]:
    """Yield the differences in what is a stream."""
    before, now = _kind(old), _kind(new)
    if before != now:
        message = f"'{new.name}' was {before} and is {now} now"
        yield difference(Rule.METHOD_STREAM, new.full_name, before, now, message)


def removed_methods(old: ServiceDescriptor, new: ServiceDescriptor) -> Iterator[Difference]:
    """Yield the methods that are gone."""
    for method in old.methods:
        if method.name not in new.methods_by_name:
            path = f"{new.full_name}.{method.name}"
            message = f"'{method.name}' was removed; calls of older nodes fail as UNIMPLEMENTED"
            yield difference(Rule.METHOD_REMOVED, path, method.name, "", message)


def _kind(method: MethodDescriptor) -> str:
    if method.client_streaming:
        return "a stream both ways" if method.server_streaming else "a stream in"
    return "a stream out" if method.server_streaming else "no stream"
