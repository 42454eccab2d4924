"""Errors as gRPC statuses: code, message, and details that any gRPC client can read.

The details are a `google.rpc.Status` under `grpc-status-details-bin` (https://grpc.io/docs/guides/error/#richer-error-model),
with a `google.rpc.ErrorInfo` and, for an error that the schema declares, the message of that error.
"""

from __future__ import annotations

import importlib
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.message import DecodeError
from grpc import aio

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.errors import AuthError, Code, DeclaredError, RpcError
from oiafed_rpc.method import Method
from oiafed_rpc.serializer import Serializers

_Status: Any = importlib.import_module("google.rpc.status_pb2").Status  # google.rpc ships no types
_ErrorInfo: Any = importlib.import_module("google.rpc.error_details_pb2").ErrorInfo

DETAILS_KEY = "grpc-status-details-bin"
_DOMAIN = "oiafed"
_MAX_TEXT = 1500  # bytes: the message travels twice, percent-encoded and in base64, in headers of 8 KiB at most
_MAX_FACT = 200
_TYPE_PREFIX = "type.googleapis.com/"

GRPC_CODES: dict[Code, grpc.StatusCode] = {code: grpc.StatusCode[code.name] for code in Code}
_CODES: dict[grpc.StatusCode, Code] = {status: code for code, status in GRPC_CODES.items()}


def shortened(text: str, limit: int = _MAX_TEXT) -> str:
    """Text cut to a number of bytes, and marked where it was."""
    data = text.encode(errors="backslashreplace")
    if len(data) <= limit:
        return data.decode()
    return data[:limit].decode(errors="ignore") + f"... ({len(data) - limit} more bytes)"


def status_details(error: RpcError, serializers: Serializers) -> bytes:
    """The value of `grpc-status-details-bin` for an error."""
    status = _Status(code=int(error.code), message=shortened(error.message))
    facts = {key[:64]: shortened(value, _MAX_FACT) for key, value in list(error.details.items())[:8]}
    info = _ErrorInfo(reason=facts.pop("type", type(error).__name__), domain=_DOMAIN, metadata=facts)
    status.details.add().Pack(info)
    if isinstance(error, DeclaredError):
        codec = type(error).__wire__
        status.details.append(ProtoAny(type_url=_TYPE_PREFIX + codec.full_name, value=codec.encode(error, serializers)))
    data: bytes = status.SerializeToString()
    return data


def error_from(failure: aio.AioRpcError, spec: Method[Any], target: str, serializers: Serializers) -> RpcError:
    """The error that a failed gRPC call stands for: an error that the method declares, or an RpcError."""
    code = _CODES.get(failure.code(), Code.UNKNOWN)
    message = failure.details() or failure.code().name
    status = _status(failure.trailing_metadata())
    if status is None:
        return RpcError(code, _from_grpc(code, message, target, spec), {"node": target, "method": spec.title})
    details = {"node": target, "method": spec.title}
    for each in status.details:
        declared = _declared(each, status.message, spec, serializers)
        if declared is not None:
            return declared
        info = _ErrorInfo()
        if each.Is(_ErrorInfo.DESCRIPTOR) and each.Unpack(info):
            details.update(info.metadata, type=info.reason)
    if code is Code.UNAUTHENTICATED:
        return AuthError(status.message, details)
    return RpcError(code, status.message, details)


def _from_grpc(code: Code, message: str, target: str, spec: Method[Any]) -> str:
    """Say where a failure of gRPC itself happened, which its own text does not."""
    if code is Code.DEADLINE_EXCEEDED:
        return f"{spec.title} on node {target!r} did not end by its deadline"
    return f"{spec.title} on node {target!r}: {message}"


def _status(metadata: aio.Metadata | None) -> Any:
    for key, value in metadata or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return _Status.FromString(value)
            except DecodeError:
                return None
    return None


def _declared(detail: ProtoAny, message: str, spec: Method[Any], serializers: Serializers) -> DeclaredError | None:
    for error in spec.errors:
        codec = error.__wire__
        if detail.type_url != _TYPE_PREFIX + codec.full_name:
            continue
        try:
            raised: DeclaredError = codec.decode(detail.value, serializers)
        except FieldError:
            return None
        raised.message = message
        raised.args = (message,)
        return raised
    return None
