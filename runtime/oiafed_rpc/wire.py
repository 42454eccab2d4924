"""Requests and replies as bytes, for the transports that carry bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.serializer import Serializers


def spec_of(message: Message) -> Method[Any]:
    """The description of the method that a message calls.

    Raises:
        RpcError: UNIMPLEMENTED where there is none.
    """
    if message.spec is None:
        raise RpcError(Code.UNIMPLEMENTED, f"unknown method {message.method!r}")
    return message.spec


def encode_request(message: Message, serializers: Serializers) -> bytes:
    """The body of a request; made once for all messages of a broadcast.

    Raises:
        RpcError: INVALID_ARGUMENT naming the parameter whose value does not fit.
    """
    shared = message.encoded
    if shared is not None and shared.value is message.payload:
        return shared.data
    try:
        data = spec_of(message).request_codec.encode(message.payload, serializers)
    except FieldError as error:
        raise RpcError(Code.INVALID_ARGUMENT, f"{message.method}: {error}", {"method": message.method}) from error
    if shared is not None:
        shared.value, shared.data = message.payload, data
    return data


def request_on_wire(message: Message, serializers: Serializers) -> Message:
    """A request as its receiver gets it: encoded, sharing nothing with the sender's."""
    body = encode_request(message, serializers)
    metadata = dict(message.metadata)
    return replace(message, payload=body, metadata=metadata, reads=serializers.names, encoded=None, undecoded=True)


def encode_reply(request: Message, payload: Any, serializers: Serializers) -> bytes:
    """The body of a reply, or of one item of it, with a serializer that the caller reads.

    Raises:
        RpcError: INTERNAL where the handler returned what its schema or serializer does not allow.
    """
    try:
        return spec_of(request).response_codec.encode(payload, serializers.for_reader(request.reads))
    except FieldError as error:
        raise RpcError(
            Code.INTERNAL,
            f"the handler of {request.method} returned what can't be sent: {error}",
            {"node": request.target, "method": request.method},
        ) from error


def decode_reply(request: Message, data: bytes, serializers: Serializers) -> Any:
    """The result in a reply, or one item of it.

    Raises:
        RpcError: INTERNAL where the bytes are not what the method returns, or not allowed.
    """
    try:
        return spec_of(request).response_codec.decode(data, serializers)
    except FieldError as error:
        raise RpcError(
            Code.INTERNAL,
            f"node {request.target!r} answered {request.method} with what can't be read: {error}",
            {"node": request.target, "method": request.method},
        ) from error
