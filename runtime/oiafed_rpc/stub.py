"""What generated code imports: the one place that the generator and the runtime agree on."""

from __future__ import annotations

import sys

from oiafed_rpc.broadcast import Broadcast, BroadcastStream
from oiafed_rpc.codec.messages import Params, Value
from oiafed_rpc.codec.records import bind
from oiafed_rpc.collection import ProxyCollection
from oiafed_rpc.errors import DeclaredError
from oiafed_rpc.handlers import Handler
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.one_of import OneOf
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.records import Empty, OneOfRecord, OpenEnum, Record, Tensor, Tensors, record
from oiafed_rpc.replies import Replies, Reply
from oiafed_rpc.requests import Items, RequestStream

if sys.version_info >= (3, 13):
    from warnings import deprecated
else:
    from typing_extensions import deprecated

__all__ = [
    "Broadcast",
    "BroadcastStream",
    "DeclaredError",
    "Empty",
    "Handler",
    "Items",
    "Kind",
    "Method",
    "OneOf",
    "OneOfRecord",
    "OpenEnum",
    "Params",
    "Proxy",
    "ProxyCollection",
    "Record",
    "Replies",
    "Reply",
    "RequestStream",
    "Tensor",
    "Tensors",
    "Value",
    "bind",
    "deprecated",
    "record",
]
