"""Names that mean something to Python, protobuf or the runtime, and schemas that use each of them everywhere."""

from __future__ import annotations

import builtins
import dataclasses
import enum
import itertools
import json
import keyword
import operator
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import oiafed_rpc
from google.protobuf import descriptor_pb2, empty_pb2
from oiafed_gen.python import names
from oiafed_gen.reading.type_syntax import RESERVED
from oiafed_gen.sources import SchemaFile
from oiafed_gen.spelling import json_name, pascal, snake
from oiafed_rpc import blocking, stub, testing
from oiafed_rpc.requests import RequestStream

_PROTO_WORDS = (
    "syntax import weak public package option message enum service rpc returns stream oneof map repeated optional "
    "required reserved extensions extend group to max inf nan true false edition export local double float int32 bool"
)
_ENUM_WORDS = "_missing_ _ignore_ _order_ _generate_next_value_ _value_ _name_ _rpc_call _rpc_x _rpc_ name value"
_PLACES = (
    "annotations types wire blocking testing self cls args kwargs request requests response item items main init module"
)


class _Enum(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass(slots=True)
class _Record:
    one: int


_OBJECTS: tuple[object, ...] = (
    *(_Enum, _Enum.ONE, _Record, _Record(1), type, ModuleType("m"), lambda: None),
    *(empty_pb2.Empty, empty_pb2.Empty(), empty_pb2, descriptor_pb2.FieldDescriptorProto, RequestStream),
    *(stub.Record, stub.OpenEnum, stub.DeclaredError("x"), stub.Handler, stub.Proxy, stub.ProxyCollection, stub.Method),
    *(stub.Broadcast, stub.Replies, stub.Params, stub.Value, blocking.Proxy, blocking.ProxyCollection, oiafed_rpc.Node),
    *(builtins, stub, blocking, testing, oiafed_rpc, dataclasses, enum),
)


def all_names() -> list[str]:
    """Return every name that a schema may use and something else has a use for, sorted."""
    found = {*keyword.kwlist, *keyword.softkwlist, *typing.__all__, *sys.stdlib_module_names, *names.ALIASES}
    found.update(_PROTO_WORDS.split(), _PLACES.split(), _ENUM_WORDS.split())
    for item in _OBJECTS:
        found.update(dir(item))
    return sorted(name for name in found if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name))


def is_type_name(name: str) -> bool:
    """Whether a type may have the name; the others are refused."""
    return not (name in RESERVED or name.startswith("_") or name == "DESCRIPTOR")


@dataclasses.dataclass(frozen=True, slots=True)
class Corpus:
    """Schemas, and what they have to be on the wire: by full name, the names in a message, enumeration or service."""

    files: tuple[SchemaFile, ...]
    wire: dict[str, list[str]]


def batches(found: Iterable[str], *keys: Callable[[str], str]) -> list[list[str]]:
    """Return names in batches without clashes: in none have two the same key, and all are different in Python."""
    made: list[tuple[list[str], list[set[str]]]] = []
    for name in found:
        spelled = [key(name) for key in (lambda name: name.rstrip("_"), *keys)]
        for batch, taken in made:
            if len(batch) < _BATCH and not any(map(operator.contains, taken, spelled)):
                break
        else:
            batch, taken = [], [set() for _ in spelled]
            made.append((batch, taken))
        batch.append(name)
        for texts, text in zip(taken, spelled, strict=True):
            texts.add(text)
    return [batch for batch, _ in made]


def _folded(name: str) -> str:
    """Return a name as protobuf compares the values of an enum."""
    return name.replace("_", "").casefold()


_BATCH = 150
_TYPES = (
    "string",
    "optional int32",
    "list<string>",
    "map<string, int32>",
    "tensor",
    "bytes",
    "double",
    "any",
    "timestamp",
)


def yaml_corpus(found: list[str]) -> Corpus:
    """Return YAML schemas that use each name in every role that a name can play inside a module."""
    return _yaml(_yaml_packages(found))


def yaml_modules(found: list[str]) -> Corpus:
    """Return YAML schemas that use each name for what becomes a module or a package."""
    return _yaml(_yaml_modules(found))


def _yaml(packages: Iterable[tuple[str, dict[str, Any], dict[str, list[str]]]]) -> Corpus:
    files: list[SchemaFile] = []
    wire: dict[str, list[str]] = {}
    for package, body, expected in packages:
        files.append(SchemaFile(f"{package}.yaml", json.dumps({"package": package, **body})))
        wire |= {f"{package}.{name}": listed for name, listed in expected.items()}
    return Corpus(tuple(files), wire)


def _yaml_packages(found: list[str]) -> Iterator[tuple[str, dict[str, Any], dict[str, list[str]]]]:
    """Yield packages with what they declare and what they must be on the wire."""
    for number, batch in enumerate(batches(found, json_name, pascal, snake)):
        fields = {name: _TYPES[place % len(_TYPES)] for place, name in enumerate(batch)}
        parts = {f"Error{start}": batch[start : start + 100] for start in range(0, len(batch), 100)}
        echo = {"params": {"x": "Fields9"}, "returns": "Fields9", "errors": list(parts)}
        body = {
            "types": {"Fields9": {"fields": fields}},
            "errors": {name: {"fields": dict.fromkeys(part, "optional int32")} for name, part in parts.items()},
            "roles": {"r9": {"methods": {"echo9": echo}}},
        }
        yield f"yaml_fields{number}", body, {"Fields9": batch, **parts}
    for number, batch in enumerate(batches(filter(is_type_name, found), json_name, pascal, snake)):
        yield f"yaml_types{number}", _yaml_types(batch), {name: ["n9"] for name in batch}
    for number, batch in enumerate(batches(filter(is_type_name, found), _folded)):
        values = {name: ["ZERO", "ONE"] for name in batch}
        fields = {name: {"type": name, "default": "ONE"} for name in batch}
        yield f"yaml_enums{number}", {"enums": values, "types": {"Fields9": {"fields": fields}}}, {"Fields9": batch}
    for number, batch in enumerate(batches(found, _folded)):
        body = {"enums": {"Enum9": batch}, "types": {"T": {"fields": {"x": {"type": "Enum9", "default": batch[-1]}}}}}
        yield f"yaml_values{number}", body, {}
    for number, batch in enumerate(batches(found, pascal, json_name)):
        methods: dict[str, Any] = {name: {"params": {name: _TYPES[0]}, "returns": "string"} for name in batch}
        methods |= {"echo9": {"params": dict.fromkeys(batch, "optional string")}}
        yield f"yaml_methods{number}", {"roles": {"r9": {"methods": methods}}}, {"R9Echo9Request": batch}
    for number, batch in enumerate(batches(found, json_name)):
        fields = {name: {"one_of": {f"a{place}": "string", f"b{place}": "int32"}} for place, name in enumerate(batch)}
        yield f"yaml_one_ofs{number}", {"types": {"T": {"fields": fields}}}, {}


def _yaml_modules(found: list[str]) -> Iterator[tuple[str, dict[str, Any], dict[str, list[str]]]]:
    for number, batch in enumerate(batches((name for name in found if name.strip("_")), pascal)):
        roles = {name: {"methods": {"m9": {"params": {"x": "int32"}, "returns": "int32"}}} for name in batch}
        yield f"yaml_roles{number}", {"roles": roles}, {}
    for start in range(0, len(found), 8):
        package = ".".join(("yaml_packages", *found[start : start + 8]))
        yield (
            package,
            {
                "types": {"T": {"fields": {"x": "timestamp"}}},
                "roles": {"r9": {"methods": {"m9": {"params": {"t": "T"}}}}},
            },
            {"T": ["x"]},
        )


def _yaml_types(batch: list[str]) -> dict[str, Any]:
    """Return types, each with a field and a method of its name that has it, and errors."""
    types: dict[str, Any] = {name: {"fields": {"n9": "int32"}} for name in batch[::2]}
    errors: dict[str, Any] = {name: {"fields": {"n9": "int32"}} for name in batch[1::2]}
    methods = {
        name: {
            "params": {name: name},
            "returns": ("", "list<", "optional ")[place % 3] + name + ("", ">", "")[place % 3],
        }
        for place, name in enumerate(types)
    }
    types["Fields9"] = {"fields": {name: f"map<string, {name}>" for name in types}}
    methods["echo9"] = {"params": {"x": "Fields9"}, "errors": list(errors)}
    return {"types": types, "errors": errors, "roles": {"r9": {"methods": methods}}}


_PROTO_TYPES = (
    "string",
    "optional int32",
    "repeated string",
    "oiafed.v1.Tensor",
    "bytes",
    "double",
    "oiafed.v1.PyObject",
)
_PROTO_HEAD = """syntax = "proto3";
package {package};
import "google/protobuf/empty.proto";
import "oiafed/v1/options.proto";
import "oiafed/v1/tensor.proto";
"""


def proto_corpus(found: list[str]) -> Corpus:
    """Return .proto schemas that use each name wherever protoc lets it."""
    files: list[SchemaFile] = []
    wire: dict[str, list[str]] = {}
    for package, lines, expected in _proto_packages(found):
        text = "\n".join((_PROTO_HEAD.format(package=package), *lines, ""))
        files.append(SchemaFile(f"{package}.proto", text))
        wire |= {f"{package}.{name}": listed for name, listed in expected.items()}
    return Corpus(tuple(files), wire)


def _proto_packages(found: list[str]) -> Iterator[tuple[str, list[str], dict[str, list[str]]]]:
    """Yield packages with the statements in them and what they must be on the wire."""
    for number, batch in enumerate(batches(found, json_name)):
        types = itertools.cycle(_PROTO_TYPES)
        fields = [f"{next(types)} {name} = {place};" for place, name in enumerate(batch, 1)]
        method = "rpc Echo9(Fields9) returns (Fields9) { option (oiafed.v1.method) = { unpack: true }; }"
        yield (
            f"proto_fields{number}",
            [_block("message Fields9", fields), _block("service R9", [method])],
            {"Fields9": batch},
        )
    for number, batch in enumerate(batches(name for name in found if _is_proto_type_name(name))):
        yield f"proto_types{number}", _proto_types(f"proto_types{number}", batch), {name: ["n9"] for name in batch}
    for number, batch in enumerate(batches((name for name in found if name not in ("option", "reserved")), _folded)):
        values = [f"{name} = {place};" for place, name in enumerate(batch)]
        field = f'optional Enum9 x = 1 [(oiafed.v1.default) = "{batch[-1]}"];'
        yield f"proto_values{number}", [_block("message T", [_block("enum Enum9", values), field])], {"T.Enum9": batch}
    for number, batch in enumerate(batches(found)):
        one_ofs = [_block(f"oneof {name}", [f"int32 f{place} = {place};"]) for place, name in enumerate(batch, 1)]
        yield f"proto_one_ofs{number}", [_block("message T", one_ofs)], {}
    for number, batch in enumerate(batches((name for name in found if name.strip("_")), snake)):
        empty = "google.protobuf.Empty"
        methods = [f"rpc {name}(.{empty}) returns (.{empty});" for name in batch]
        services = [_block(f"service {name}", []) for name in batch if _is_proto_type_name(name)]
        yield f"proto_services{number}", [_block("service R9", methods), *services], {"R9": batch}


def _proto_types(package: str, batch: list[str]) -> list[str]:
    """Return messages, and ones and enums inside a message, with fields and a method that have them."""
    top = [_block(f"message {name}", ["int32 n9 = 1;"]) for name in batch]
    messages = [_block(f"message {name}", [f"map<string, .{package}.{name}> of9 = 1;"]) for name in batch[::2]]
    enums = [_block(f"enum {name}", [f"ZERO_{place} = 0;"]) for place, name in enumerate(batch[1::2])]
    fields = [f".{package}.Outer9.{name} f{place} = {place};" for place, name in enumerate(batch, 1)]
    method = f"rpc Echo9(.{package}.Outer9) returns (.{package}.Outer9);"
    return [*top, _block("message Outer9", [*messages, *enums, *fields]), _block("service R9", [method])]


def _is_proto_type_name(name: str) -> bool:
    return not (name.startswith("_") or name == "DESCRIPTOR")


def _block(head: str, body: list[str]) -> str:
    return "\n".join((f"{head} {{", *body, "}"))
