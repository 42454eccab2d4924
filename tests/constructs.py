"""Oneofs and well-known messages as generated code has them, written by hand over constructs.proto."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, field_mask_pb2, struct_pb2, type_pb2, wrappers_pb2
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc
from oiafed_rpc import stub

_HERE = Path(__file__).parent


def _compiled() -> bytes:
    """constructs.proto and what it imports, as a FileDescriptorSet."""
    well_known = Path(protoc.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "set")
        arguments = [f"-I{_HERE}", f"-I{well_known}", f"--descriptor_set_out={out}", "constructs.proto"]
        assert protoc.main(["protoc", *arguments]) == 0
        return out.read_bytes()


def _messages() -> dict[str, Any]:
    (file,) = descriptor_pb2.FileDescriptorSet.FromString(_compiled()).file
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        each.name: GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{each.name}"))
        for each in file.message_type
    }


WIRE = _messages()


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Image(stub.Record):
    url: str


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Event(stub.OneOfRecord):
    payload: ClassVar[stub.OneOf[Literal["text", "image", "count", "facts", "nothing", "raw", "null", "value"]]] = (
        stub.OneOf("text", "image", "count", "facts", "nothing", "raw", "null", "value")
    )
    at: int
    text: str | None = None
    image: Image | None = None
    count: int | None = None
    facts: dict[str, Any] | None = None
    nothing: stub.Empty | None = None
    raw: any_pb2.Any | None = None
    null: int | None = None
    value: Any = None
    seed: int | None = None


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Wrapped(stub.Record):
    flag: bool | None = None
    i32: int | None = None
    i64: int | None = None
    u32: int | None = None
    u64: int | None = None
    f32: float | None = None
    f64: float | None = None
    text: str | None = None
    data: bytes | None = None
    maybe: int | None = None
    counts: list[int] = dataclasses.field(default_factory=list)
    names: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Json(stub.Record):
    struct: dict[str, Any]
    value: Any
    list_: list[Any]
    null: None = None
    maybe_struct: dict[str, Any] | None = None
    maybe_value: Any = None
    maybe_null: int | None = None
    structs: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    nulls: list[None] = dataclasses.field(default_factory=list)
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    nothings: dict[int, None] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(kw_only=True, slots=True, eq=False)
class Odd(stub.Record):
    mask: list[str]
    empty: stub.Empty
    any: any_pb2.Any
    type: type_pb2.Type
    syntax: int
    maybe_mask: list[str] | None = None
    maybe_any: any_pb2.Any | None = None
    masks: list[list[str]] = dataclasses.field(default_factory=list)
    empties: list[stub.Empty] = dataclasses.field(default_factory=list)
    anys: list[any_pb2.Any] = dataclasses.field(default_factory=list)
    syntaxes: list[int] = dataclasses.field(default_factory=list)
    empties_by_name: dict[str, stub.Empty] = dataclasses.field(default_factory=dict)
    anys_by_name: dict[str, any_pb2.Any] = dataclasses.field(default_factory=dict)


class Rejected(stub.DeclaredError):
    reason: ClassVar[stub.OneOf[Literal["text", "facts"]]] = stub.OneOf("text", "facts")
    text: str | None
    facts: dict[str, Any] | None

    def __init__(self, message: str = "", /, *, text: str | None = None, facts: dict[str, Any] | None = None) -> None:
        super().__init__(message, text=text, facts=facts)


stub.bind(Image, WIRE["Image"])
stub.bind(Event, WIRE["Event"], image=Image)
stub.bind(Wrapped, WIRE["Wrapped"])
stub.bind(Json, WIRE["Json"])
stub.bind(Odd, WIRE["Odd"])
stub.bind(Rejected, WIRE["Rejected"])

FILE_REQUEST = stub.Params(WIRE["FileRequest"], ("at", "text", "image", "note", "extra"), types={"image": Image})


def _method(name: str, kind: stub.Kind, request: Any, response: Any) -> stub.Method[Any]:
    errors = (Rejected,)
    path = f"/constructs.v1.Echo/{name}"
    return stub.Method(
        role="learner",
        name=name,
        path=path,
        attribute=name,
        kind=kind,
        request=request,
        response=response,
        errors=errors,
    )


def _echoes(name: str, shape: Any) -> tuple[stub.Method[Any], stub.Method[Any]]:
    """A method that gives back what it takes, and one that does so with streams."""
    return _method(name, stub.Kind.UNARY, shape, shape), _method(f"{name}s", stub.Kind.BIDI_STREAM, shape, shape)


ECHOES: dict[str, tuple[stub.Method[Any], stub.Method[Any]]] = {
    name: _echoes(name, shape)
    for name, shape in {
        "event": Event,
        "wrapped": Wrapped,
        "json": Json,
        "odd": Odd,
        "number": stub.Value(wrappers_pb2.Int64Value),
        "struct": stub.Value(struct_pb2.Struct),
        "value": stub.Value(struct_pb2.Value),
        "list": stub.Value(struct_pb2.ListValue),
        "mask": stub.Value(field_mask_pb2.FieldMask),
        "any": stub.Value(any_pb2.Any),
    }.items()
}
FILE = _method("file", stub.Kind.UNARY, FILE_REQUEST, stub.Value(WIRE["OneJson"]))


class EchoHandler(stub.Handler):
    """Gives back what it takes; a text `reject` is refused."""

    __role__ = "learner"
    __methods__ = (FILE, *(method for pair in ECHOES.values() for method in pair))

    async def file(
        self, at: int, extra: Any, text: str | None = None, image: Image | None = None, note: str | None = None
    ) -> list[Any]:
        if text == "reject":
            raise Rejected("no", facts={"at": at})
        return [at, extra, text, image and image.url, note]


async def _one(_self: EchoHandler, request: Any) -> Any:
    return request


async def _many(_self: EchoHandler, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield request


for _unary, _stream in ECHOES.values():
    setattr(EchoHandler, _unary.attribute, _one)
    setattr(EchoHandler, _stream.attribute, _many)


class EchoProxy(stub.Proxy):
    """Calls any of the methods by its description."""

    __role__ = "learner"

    async def unary(self, method: stub.Method[Any], payload: Any) -> Any:
        return await self._rpc_call(method, payload)

    def stream(self, method: stub.Method[Any], payloads: list[Any]) -> AsyncIterator[Any]:
        return self._rpc_stream(method, payloads)
