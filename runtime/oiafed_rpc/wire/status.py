"""Errors as a `google.rpc.Status`: code, message, and details that any gRPC client can read.

https://grpc.io/docs/guides/error/#richer-error-model. The details are a `google.rpc.ErrorInfo`, one more for each
exception in the chain of causes, a `RetryInfo` where another attempt should wait, a `DebugInfo` in debug mode, and for
an error that the schema declares, the message of that error.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.message import DecodeError

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.errors import TRACE, AuthError, Code, DeclaredError, RetriableError, RpcError, Superseded, text_of
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.wire.bodies import spec_of

_Status: Any = importlib.import_module("google.rpc.status_pb2").Status  # google.rpc ships no types
_details: Any = importlib.import_module("google.rpc.error_details_pb2")

_DOMAIN = "oiafed"
_CAUSE = "oiafed.cause"
_MAX_TEXT = 1500  # bytes: the message travels twice, percent-encoded and in base64, in headers of 8 KiB at most
_MAX_FACT = 200
_MAX_CAUSES = 4
_MAX_TRACE = 2000
_MAX_STATUS = 5000
_LONGEST_RETRY = 1e6  # seconds
_TYPE_PREFIX = "type.googleapis.com/"
_RETRIABLE = "retriable"
_NOT_RUN = "not_run"


def shortened(text: str, limit: int = _MAX_TEXT) -> str:
    """Text cut to a number of bytes, and marked where it was."""
    data = text.encode(errors="backslashreplace")
    if len(data) <= limit:
        return data.decode()
    return data[:limit].decode(errors="ignore") + f"... ({len(data) - limit} more bytes)"


def encode_error(error: RpcError, serializers: Serializers) -> bytes:
    """The bytes of a `google.rpc.Status` for an error: no more than the trailers of a call can carry.

    What can't be sent of a declared error is told instead. Where there is too much, the traceback goes first, then the
    causes.
    """
    status = _Status(code=int(error.code), message=shortened(error.message))
    try:
        must, may = _facts(error), [*_causes(error), *_trace(error)]
        if isinstance(error, DeclaredError):
            must.append(_declared_detail(error, serializers))
    except FieldError as misfit:
        told = f"the handler raised {type(error).__name__} with what can't be sent: {misfit}"
        return encode_error(RpcError(Code.INTERNAL, told), serializers)
    room = _MAX_STATUS - status.ByteSize() - sum(each.ByteSize() for each in must)
    if room < 0:
        told = f"{error.message} (the fields of {type(error).__name__} are too large to travel with an error)"
        return encode_error(RpcError(error.code, told, {"type": type(error).__name__}), serializers)
    for each in may:
        room -= each.ByteSize()
        if room >= 0:
            must.append(each)
    status.details.extend(must)
    data: bytes = status.SerializeToString()
    return data


def _packed(message: Any) -> ProtoAny:
    packed = ProtoAny()
    packed.Pack(message)
    return packed


def _facts(error: RpcError) -> list[ProtoAny]:
    facts = {key[:64]: shortened(value, _MAX_FACT) for key, value in list(error.details.items())[:8] if key != TRACE}
    info = _details.ErrorInfo(reason=facts.pop("type", type(error).__name__), domain=_DOMAIN, metadata=facts)
    details = [info]
    if isinstance(error, RetriableError):
        info.metadata[_RETRIABLE] = _NOT_RUN if error.ran is False else "true"
        if error.retry_after is not None:
            retry = _details.RetryInfo()
            retry.retry_delay.FromMicroseconds(int(min(max(error.retry_after, 0), _LONGEST_RETRY) * 1e6))
            details.append(retry)
    return [_packed(each) for each in details]


def _declared_detail(error: DeclaredError, serializers: Serializers) -> ProtoAny:
    codec = type(error).__wire__
    return ProtoAny(type_url=_TYPE_PREFIX + codec.full_name, value=codec.encode(error, serializers))


def _causes(error: RpcError) -> Iterator[ProtoAny]:
    cause = error.__cause__
    for _ in range(_MAX_CAUSES):
        if cause is None:
            return
        name = cause.details.get("type") if isinstance(cause, RpcError) else None
        metadata = {"message": shortened(text_of(cause), _MAX_FACT)}
        yield _packed(_details.ErrorInfo(reason=name or type(cause).__name__, domain=_CAUSE, metadata=metadata))
        cause = cause.__cause__


def _trace(error: RpcError) -> Iterator[ProtoAny]:
    if TRACE in error.details:
        yield _packed(_details.DebugInfo(detail=shortened(error.details[TRACE], _MAX_TRACE)))


def decode_error(request: Message, data: bytes, serializers: Serializers) -> RpcError | None:
    """The error of a call in a `google.rpc.Status`: one that its method declares, or an RpcError; None for other bytes.

    Its chain of causes are RpcErrors that name the type and tell the text of the exceptions behind it.
    """
    try:
        status = _Status.FromString(data)
    except DecodeError:
        return None
    error = _main(request, status, serializers)
    behind: BaseException = error
    for each in status.details:
        info = _unpacked(each, _details.ErrorInfo)
        if info is not None and info.domain == _CAUSE:
            behind.__cause__ = RpcError(Code.UNKNOWN, info.metadata["message"], {"type": info.reason})
            behind = behind.__cause__
    return error


def _main(request: Message, status: Any, serializers: Serializers) -> RpcError:
    spec = spec_of(request)
    code = Code(status.code) if status.code in iter(Code) else Code.UNKNOWN
    details = {"node": request.target, "method": request.method}
    retry_after: float | None = None
    for each in status.details:
        declared = _declared(each, status.message, spec, serializers)
        if declared is not None:
            return declared
        info, retry = _unpacked(each, _details.ErrorInfo), _unpacked(each, _details.RetryInfo)
        trace = _unpacked(each, _details.DebugInfo)
        if info is not None and info.domain == _DOMAIN:
            details.update(info.metadata, type=info.reason)
        elif retry is not None:
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        elif trace is not None:
            details[TRACE] = trace.detail
    retriable = details.pop(_RETRIABLE, "")
    if retriable:
        ran = retriable != _NOT_RUN
        return RetriableError(status.message, details, code=code, retry_after=retry_after, ran=ran)
    if code is Code.UNAUTHENTICATED:
        return AuthError(status.message, details)
    if code is Code.FAILED_PRECONDITION and details.get("type") == Superseded.__name__:
        return Superseded(status.message, details)
    return RpcError(code, status.message, details)


def _unpacked(detail: ProtoAny, kind: Any) -> Any:
    """A detail of one kind; None where it is of another, or no valid one."""
    if not detail.Is(kind.DESCRIPTOR):
        return None
    try:
        return kind.FromString(detail.value)
    except DecodeError:
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
