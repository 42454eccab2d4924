"""The methods by which nodes move transfers through gRPC."""

from __future__ import annotations

from typing import Any

from oiafed_rpc.bulk.messages import CHUNKS
from oiafed_rpc.codec.messages import MessageCodec
from oiafed_rpc.method import Method
from oiafed_rpc.system.bulk import BulkHandler

_generated: dict[str, Method[Any]] = {method.name: method for method in BulkHandler.__methods__}


def _as_it_is(codec: MessageCodec) -> MessageCodec:
    return codec


def _chunks(_: MessageCodec) -> MessageCodec:
    return CHUNKS


OPEN = _generated["open"]
PUSH = _generated["push"].with_codecs(_chunks, _as_it_is)
PULL = _generated["pull"].with_codecs(_as_it_is, _chunks)
RECEIVED = _generated["received"]
TAKEN = _generated["taken"]
DROP = _generated["drop"]

METHODS = (OPEN, PUSH, PULL, RECEIVED, TAKEN, DROP)
"""All of them."""
