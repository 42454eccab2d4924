"""Schema-less calls: two methods of the protocol's own that carry any object to a handler by name."""

from __future__ import annotations

from typing import Any

from oiafed_rpc.codec.messages import Value
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.system.wire import tensor_pb2

_OBJECT = Value(tensor_pb2.PyObject)

CALL: Method[Any] = Method(
    role="", name="call", path="/oiafed.v1.Dynamic/Call", attribute="call", request=_OBJECT, response=_OBJECT
)
"""Carries a call to a function registered by name, and its result."""

STREAM: Method[Any] = Method(
    role="",
    name="stream",
    path="/oiafed.v1.Dynamic/Stream",
    attribute="stream",
    kind=Kind.SERVER_STREAM,
    request=_OBJECT,
    response=_OBJECT,
)
"""Carries a call to a generator registered by name, and its items."""

DYNAMIC: dict[str, Method[Any]] = {each.path: each for each in (CALL, STREAM)}
"""The two by their gRPC path."""
