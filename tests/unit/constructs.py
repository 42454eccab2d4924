"""Oneofs and well-known messages as generated code has them, written by hand over constructs.proto."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Literal

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, type_pb2
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
    payload: ClassVar[stub.OneOf[Literal["text", "image", "count", "facts", "nothing", "raw"]]] = stub.OneOf(
        "text", "image", "count", "facts", "nothing", "raw"
    )
    at: int
    text: str | None = None
    image: Image | None = None
    count: int | None = None
    facts: dict[str, Any] | None = None
    nothing: stub.Empty | None = None
    raw: any_pb2.Any | None = None
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
    null: None
    maybe_struct: dict[str, Any] | None = None
    maybe_value: Any = None
    maybe_null: None = None
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
