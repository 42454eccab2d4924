"""The errors that callers see. One root, `RpcError`, with gRPC's status codes."""

from __future__ import annotations

import enum
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from oiafed_rpc.one_of import check_one_ofs

TRACE = "traceback"
"""The detail that has the traceback of a handler, in debug mode."""


MISSING = "missing"
"""The detail that names what a connection did not come about for, in one word."""


class Code(enum.IntEnum):
    """gRPC's sixteen status codes of failure (https://grpc.io/docs/guides/status-codes/)."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class RpcError(Exception):
    """A call, or the start of a node, failed.

    Attributes:
        code: What kind of failure it is.
        message: What went wrong, where, and what to do about it; for people.
        details: Machine-readable facts, for instance `type` (the class of the exception that a handler raised),
            `node` and `method` (where it was raised).
    """

    code = Code.UNKNOWN
    message = ""
    details: Mapping[str, str] = MappingProxyType({})  # of subclasses that do not call this constructor

    def __init__(self, code: Code, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = Code(code)
        self.message = str(message)
        self.details = {str(key): str(value) for key, value in (details or {}).items()}

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"

    def __reduce__(self) -> tuple[Callable[..., RpcError], tuple[object, ...]]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[RpcError], args: tuple[object, ...], state: dict[str, object]) -> RpcError:
    """Unpickle an error whose constructor takes other arguments than `Exception.args`."""
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(RpcError):
    """The configuration of a node is wrong. The message names the file, the place in it and the remedy."""

    def __init__(self, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(Code.INVALID_ARGUMENT, message, details)

    def __str__(self) -> str:
        return self.message


class AuthError(RpcError):
    """The caller did not prove who it is: its token is missing or wrong."""

    def __init__(self, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(Code.UNAUTHENTICATED, message, details)


class RetriableError(RpcError):
    """The call failed in a way that another attempt may mend: the peer is not there yet, is busy, or is stopping.

    A handler may raise it too.

    Args:
        message: What went wrong; for people.
        details: Machine-readable facts.
        code: What kind of failure it is.
        retry_after: Seconds that another attempt should wait for at least.

    Attributes:
        retry_after: As given; None where any time will do.
        ran: Whether the handler ran: False where it provably did not, None where nobody knows.
    """

    retry_after: float | None = None
    ran: bool | None = None

    def __init__(
        self,
        message: str,
        details: Mapping[str, str] | None = None,
        *,
        code: Code = Code.UNAVAILABLE,
        retry_after: float | None = None,
        ran: bool | None = None,
    ) -> None:
        super().__init__(code, message, details)
        self.retry_after = retry_after
        self.ran = ran


class MaxRetriesExceeded(RpcError):  # noqa: N818 - the outcome's name
    """Every attempt that the retry policy allows has failed; the last failure is the cause.

    Attributes:
        attempts: How many there were.
    """

    attempts = 0

    def __init__(self, code: Code, message: str, attempts: int, details: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message, details)
        self.attempts = attempts


class OutcomeUnknown(RpcError):  # noqa: N818 - the outcome's name
    """The peer was lost in the middle of a call that may not run twice: nobody knows whether it ran."""

    def __init__(self, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(Code.UNAVAILABLE, message, details)


class Superseded(RpcError):  # noqa: N818 - what has happened to the caller
    """Another start of the calling node has taken its place at the node that it calls, which takes no more from it."""

    def __init__(self, message: str, details: Mapping[str, str] | None = None) -> None:
        super().__init__(Code.FAILED_PRECONDITION, message, details)


class PartialFailure(RpcError):  # noqa: N818 - the outcome's name, not one error's
    """Fewer nodes than asked for answered a broadcast.

    Attributes:
        replies: Node id → result, of the nodes that answered.
        errors: Node id → error, of those that did not.
    """

    def __init__(self, message: str, replies: Mapping[str, Any], errors: Mapping[str, RpcError]) -> None:
        codes = {error.code for error in errors.values()}
        super().__init__(codes.pop() if len(codes) == 1 else Code.UNKNOWN, message)
        self.replies = dict(replies)
        self.errors = dict(errors)


class DeclaredError(RpcError):
    """Base of the errors that a schema declares; raised by a handler, it arrives at the caller as its own class.

    Generated subclasses take the declared fields as keyword arguments and keep them as attributes; two members of one
    oneof are a FieldError, a ValueError.
    """

    __wire__: ClassVar[Any]  # its RecordCodec, set by `bind`

    def __init__(self, message: str = "", /, **fields: object) -> None:
        super().__init__(Code.FAILED_PRECONDITION, message or type(self).__name__, {"type": type(self).__name__})
        self.__dict__.update(fields)
        check_one_ofs(self)


def text_of(error: BaseException) -> str:
    """What an exception says, whatever it does when asked."""
    try:
        return str(error)
    except Exception as unprintable:  # an error that can't be told of must not hide that there was one
        return f"(its text can't be made: {type(unprintable).__name__})"


def type_and_text(error: BaseException) -> str:
    """An exception as Python shows it: `ValueError: no such round`, or its type alone where it says nothing."""
    name, text = type(error).__name__, text_of(error)
    return f"{name}: {text}" if text else name


def as_rpc_error(error: BaseException, node: str, method: str, *, debug: bool = False) -> RpcError:
    """The error that a caller gets for an exception: itself where it is an RpcError, else INTERNAL naming it.

    Args:
        error: What was raised.
        node: The node that it was raised on.
        method: The method that raised it.
        debug: Whether the details tell the traceback.
    """
    if isinstance(error, RpcError):
        return error
    details = {"type": type(error).__name__, "node": node, "method": method}
    if debug:
        details[TRACE] = "".join(traceback.format_exception(error))
    return RpcError(Code.INTERNAL, f"{method} failed on node {node!r}: {type_and_text(error)}", details)
