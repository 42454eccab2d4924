"""The methods of protobuf's messages, which a message's own fields and nested types of their names hide."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message as ProtoMessage


def _method(name: str) -> Callable[..., Any]:
    """A method of every message, to be called with the message first."""
    method: Callable[..., Any] = getattr(Empty, name)
    if inspect.ismethoddescriptor(method):
        return method  # of the base that all messages share

    def call(message: ProtoMessage, *args: Any) -> Any:  # protobuf in pure Python gives each class methods of its own
        return getattr(type(message), name)(message, *args)

    return call


serialized: Callable[[ProtoMessage], bytes] = _method("SerializeToString")
has_field: Callable[[ProtoMessage, str], bool] = _method("HasField")
set_in_parent: Callable[[ProtoMessage], None] = _method("SetInParent")
byte_size: Callable[[ProtoMessage], int] = _method("ByteSize")
merge: Callable[[ProtoMessage, bytes], int] = _method("MergeFromString")
