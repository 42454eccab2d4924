"""Schema-less calls: methods of the protocol's own that carry any object to a handler by name."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterator, Mapping
from typing import Any

from oiafed_rpc.codec.messages import Value
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.system.wire import tensor_pb2

_OBJECT = Value(tensor_pb2.PyObject)


def _method(name: str, rpc: str, kind: Kind) -> Method[Any]:
    return Method(
        role="",
        name=name,
        path=f"/oiafed.v1.Dynamic/{rpc}",
        attribute=name,
        kind=kind,
        request=_OBJECT,
        response=_OBJECT,
    )


CALL = _method("call", "Call", Kind.UNARY)
"""Carries a call to a function registered by name, and its result."""

STREAM = _method("stream", "Stream", Kind.SERVER_STREAM)
"""Carries a call to a generator registered by name, and its items."""

_CALL_WITH_STREAM = _method("call", "CallWithStream", Kind.CLIENT_STREAM)
_STREAM_WITH_STREAM = _method("stream", "StreamWithStream", Kind.BIDI_STREAM)

DYNAMIC: dict[str, Method[Any]] = {each.path: each for each in (CALL, STREAM, _CALL_WITH_STREAM, _STREAM_WITH_STREAM)}
"""All of them by their gRPC path."""

WITH_STREAM = {CALL: _CALL_WITH_STREAM, STREAM: _STREAM_WITH_STREAM}
"""What carries the call instead where a parameter is a stream."""


def stream_in(method: str, payload: Mapping[str, Any]) -> str:
    """The parameter of a schema-less call that is a stream; empty where there is none.

    Iterators and asynchronous iterables are streams, generators among them: no serializer carries them as values.

    Raises:
        RpcError: INVALID_ARGUMENT where there are several.
    """
    streams = [name for name, value in payload.items() if isinstance(value, AsyncIterable | Iterator)]
    if len(streams) > 1:
        raise RpcError(Code.INVALID_ARGUMENT, f"{method}: {' and '.join(streams)} are streams: a call takes one")
    return streams[0] if streams else ""
