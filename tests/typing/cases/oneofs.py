"""Oneofs as generated classes have them: which member is set is a literal that a match must exhaust."""

from __future__ import annotations

import dataclasses as _dataclasses
import typing as _typing

from oiafed_rpc import stub as _rpc


@_dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Event(_rpc.OneOfRecord):
    payload: _typing.ClassVar[_rpc.OneOf[_typing.Literal["text", "nothing"]]] = _rpc.OneOf("text", "nothing")
    at: int
    text: str | None = None
    nothing: _rpc.Empty | None = None


class Rejected(_rpc.DeclaredError):
    reason: _typing.ClassVar[_rpc.OneOf[_typing.Literal["text", "code_"]]] = _rpc.OneOf("text", "code_")
    text: str | None
    code_: int | None

    def __init__(self, message: str = "", /, *, text: str | None = None, code_: int | None = None) -> None:
        super().__init__(message, text=text, code_=code_)


def reads(event: Event, error: Rejected) -> str | None:
    _typing.assert_type(event.payload, _typing.Literal["text", "nothing"] | None)
    _typing.assert_type(error.reason, _typing.Literal["text", "code_"] | None)
    members: tuple[str, ...] = Event.payload.members
    match event.payload:
        case "text":
            return event.text
        case "nothing" | None:
            return members[0]


def forgets(event: Event) -> str:
    match event.payload:
        case "text":
            return "text"
        case None:
            return "none"
        case rest:
            _typing.assert_never(rest)  # E: a member that no case names


def wrong(event: Event, error: Rejected) -> None:
    event.payload = "text"  # E: it can't be assigned
    error.reason = None  # E: it can't be assigned
    Event(at=1, payload="text")  # E: it is no field
    if event.payload == "texts":  # E: no such member
        print(event)
    unset: str = event.payload  # E: none may be set
    print(unset)
