"""What a failed gRPC call means: the error that the peer sent, or what gRPC itself has to say."""

from __future__ import annotations

import grpc
from grpc import aio

from oiafed_rpc.errors import MISSING, Code, RetriableError, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.transport.grpc.security import tls_problem
from oiafed_rpc.wire.status import decode_error

DETAILS_KEY = "grpc-status-details-bin"

GRPC_CODES: dict[Code, grpc.StatusCode] = {code: grpc.StatusCode[code.name] for code in Code}
_CODES: dict[grpc.StatusCode, Code] = {status: code for code, status in GRPC_CODES.items()}

NO_LINE = "no stream to be called over is open"
"""What a call to a node that dials out fails with where it was not sent."""

_NEVER_SENT = ("failed to connect to all addresses", "DNS resolution failed", "Name resolution failure", NO_LINE)
"""What is said where there was no connection to send a request over."""

_MISSING = (
    ("Connection refused", "listener", "nothing listens there"),
    ("No such file or directory", "listener", "nothing listens there"),
    ("DNS resolution failed", "name", "its host name is not known"),
    ("Name resolution failure", "name", "its host name is not known"),
    ("No route to host", "route", "no way leads there"),
    ("Network is unreachable", "route", "no way leads there"),
)


def error_from(failure: aio.AioRpcError, message: Message, serializers: Serializers, expected: str | None) -> RpcError:
    """The error that a failed gRPC call stands for: an error that the method declares, or an RpcError.

    Args:
        failure: The failure.
        message: The request.
        serializers: What the details of errors are read with.
        expected: Whom the certificate at the other end must be for; None where the channel is in plain text.
    """
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            error = decode_error(message, value, serializers)
            if error is not None:
                return error
    told = failure.details() or failure.code().name
    return _from_grpc(_CODES.get(failure.code(), Code.UNKNOWN), told, message, expected)


def _from_grpc(code: Code, told: str, message: Message, expected: str | None) -> RpcError:
    """Say where a failure of gRPC itself happened, which its own text does not."""
    details = {"node": message.target, "method": message.method}
    where = f"{message.method} on node {message.target!r}"
    if code is Code.DEADLINE_EXCEEDED:
        return RpcError(code, f"{where} did not end by its deadline", details)
    if code is Code.CANCELLED and told == code.name:  # by the server itself: a handler has more to say
        return RetriableError(f"{where}: the call was ended there, as by a node that stops", details)
    if code is Code.UNAVAILABLE:
        if not told.startswith(_NEVER_SENT):
            return RetriableError(f"{where}: {told}", details)
        missing, why = _missing(told, expected)
        details[MISSING] = missing
        return RetriableError(f"{where}: {f'{why} ({told})' if why else told}", details, ran=False)
    return RpcError(code, f"{where}: {told}", details)


def _missing(told: str, expected: str | None) -> tuple[str, str]:
    """What a connection did not come about for: in one word, and for people."""
    for words, missing, why in _MISSING:
        if words in told:
            return missing, why
    problem = tls_problem(told, expected)
    return ("tls", problem) if problem else ("connection", "")
