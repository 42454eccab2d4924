"""Random valid schemas in both languages, for hypothesis: several files that import one another, of all constructs."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import strategies as st
from oiafed_gen.sources import SchemaFile
from oiafed_gen.spelling import pascal, snake

INTEGERS = ("int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64")
SCALARS = (*INTEGERS, "double", "float", "bool", "string", "bytes")
KEYS = (*INTEGERS, "bool", "string")
NATIVE = {"tensor": "oiafed.v1.Tensor", "tensors": "oiafed.v1.Tensors", "any": "oiafed.v1.PyObject"}
TIMES = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}
WELL_KNOWN = tuple(
    f"google.protobuf.{name}"
    for name in (
        *("BoolValue", "Int32Value", "UInt64Value", "DoubleValue", "StringValue", "BytesValue"),
        *("Struct", "Value", "ListValue", "FieldMask", "Empty", "Any"),
    )
)
OTHERS = (*NATIVE, *TIMES, *WELL_KNOWN)
_IMPORTS = ("any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")
_DEFAULTS = {"bool": "true", "string": 'a "quoted" one', "bytes": "raw", "double": "-0.5", "float": "0.25"}
_WORDS = (
    *("class", "list", "self", "value", "str", "match", "import", "name", "data", "type", "field", "message"),
    *("request", "epochs", "weights", "learning_rate", "node_id", "x", "_hidden", "Fields", "int", "dict", "call"),
    *("stream", "None", "HasField", "DESCRIPTOR", "fit_round", "HTTPServer", "timeout", "metadata", "super", "cls"),
    *("wire", "_rpc", "T", "on", "testing"),
)
_TYPES = ("Config", "Result", "Any", "dict", "object", "Record", "Type", "Method", "str", "ClearField", "async")
_DOCS = ("", "", "What it is.", 'Ends with a "quote"', 'Several\nlines, with a \\ and three quotes: """')


@dataclasses.dataclass(frozen=True)
class Field:
    """A field or parameter: of one type, a list of it or a map to it, maybe with a default, or a oneof of fields."""

    name: str
    type: str = ""
    form: str = ""
    """One of "", "optional", "list", "stream", "one_of", or the type of a map's keys."""
    default: str = ""
    members: tuple[Field, ...] = ()
    doc: str = ""


@dataclasses.dataclass(frozen=True)
class Message:
    """A type or an error, with a type inside it or none."""

    name: str
    fields: tuple[Field, ...]
    inner: tuple[Message, ...] = ()
    reserved: bool = False
    doc: str = ""


@dataclasses.dataclass(frozen=True)
class Method:
    """A method: of parameters or, only in .proto, of a request."""

    name: str
    params: tuple[Field, ...]
    request: str
    returns: Field | None
    streams: tuple[bool, bool]
    errors: tuple[str, ...]
    idempotent: bool


@dataclasses.dataclass(frozen=True)
class File:
    """One file of a schema."""

    package: str
    language: str
    imports: tuple[File, ...]
    enums: dict[str, tuple[str, ...]]
    types: tuple[Message, ...]
    errors: tuple[Message, ...]
    methods: tuple[Method, ...]
    known: _Known

    @property
    def path(self) -> str:
        """Where it is in the schema folder."""
        return f"{self.package.replace('.', '/')}/file.{self.language}"

    @property
    def proto(self) -> str:
        """How .proto files import it."""
        return self.path if self.language == "proto" else f"{self.package.replace('.', '/')}/wire/file.proto"

    def source(self) -> SchemaFile:
        """The file as the generator reads it."""
        return SchemaFile(self.path, _yaml(self) if self.language == "yaml" else _proto(self))


def _apart(name: str) -> str:
    return name.replace("_", "").casefold()


@dataclasses.dataclass(frozen=True)
class _Enum:
    """An enum by its full name, with one of its values."""

    full_name: str
    member: str
    language: str

    def default(self, language: str) -> str:
        """The value as a default in a file is spelled."""
        if self.language == language == "yaml":
            return self.member
        return _value(self.full_name.rpartition(".")[2], self.member)


@dataclasses.dataclass(frozen=True)
class _Known:
    """The types that a file in a language can name."""

    language: str
    records: tuple[str, ...] = ()
    enums: tuple[_Enum, ...] = ()

    def types(self) -> st.SearchStrategy[str]:
        """Any type."""
        own = (*self.records, *(enum.full_name for enum in self.enums))
        return st.one_of(*map(st.sampled_from, filter(None, (SCALARS, OTHERS, own))))

    def defaults(self) -> st.SearchStrategy[tuple[str, str]]:
        """Any type of which a field can have a default, with one."""
        enums = ((enum.full_name, enum.default(self.language)) for enum in self.enums)
        return st.sampled_from([*((each, "1") for each in INTEGERS), *_DEFAULTS.items(), *enums])


def _value(enum: str, member: str) -> str:
    """Return the name of an enum's value on the wire, in both languages."""
    return f"{snake(enum).upper()}_{member}"


_FORMS = ("", "", "optional", "list", "map", "default", "one_of")


@st.composite
def _field(draw: st.DrawFn, name: str, known: _Known, forms: tuple[str, ...] = _FORMS) -> Field:
    form, doc = draw(st.sampled_from(forms)), draw(st.sampled_from(_DOCS))
    if form == "one_of":
        types = draw(st.lists(known.types(), min_size=1, max_size=3))
        members = tuple(Field(f"{name}_m{number}", type_) for number, type_ in enumerate(types))
        return Field(name, form=form, members=members, doc=doc)
    if form == "default":
        type_, default = draw(known.defaults())
        return Field(name, type_, default=default, doc=doc)
    return Field(name, draw(known.types()), draw(st.sampled_from(KEYS)) if form == "map" else form, doc=doc)


@st.composite
def _fields(draw: st.DrawFn, known: _Known, forms: tuple[str, ...] = _FORMS) -> tuple[Field, ...]:
    names = draw(st.lists(st.sampled_from(_WORDS), max_size=5, unique_by=_apart))
    return tuple(draw(_field(name, known, forms)) for name in names)


@st.composite
def _message(draw: st.DrawFn, name: str, known: _Known, inner: bool) -> Message:
    types = (Message("Part", draw(_fields(known))),) if inner else ()
    return Message(name, draw(_fields(known)), types, draw(st.booleans()), draw(st.sampled_from(_DOCS)))


@st.composite
def _method(draw: st.DrawFn, name: str, known: _Known, errors: tuple[str, ...]) -> Method:
    yaml = known.language == "yaml"
    streams = draw(st.tuples(st.booleans(), st.booleans()))
    forms = tuple(form for form in _FORMS if form != "one_of")
    params = draw(_fields(known, forms))
    request, returns = "", None
    if yaml:
        params = tuple(Field(**{**vars(param), "form": "", "default": ""}) for param in params[:1]) + params[1:]
        returns = draw(st.none() | _field("value", known, ("", "optional", "list", "map")))
    else:
        messages = st.sampled_from((*known.records, *(NATIVE | TIMES).values(), *WELL_KNOWN))
        request = draw(messages) if streams[0] or draw(st.booleans()) else ""
        returns = Field("value", draw(messages))
    raised = tuple(error for error in errors if draw(st.booleans()))
    return Method(name, params, request, returns, streams, raised, draw(st.booleans()))


@st.composite
def _file(draw: st.DrawFn, package: str, former: tuple[File, ...]) -> File:
    language = draw(st.sampled_from(("yaml", "proto")))
    imports = tuple(file for file in former if draw(st.booleans()))
    names = draw(st.lists(st.sampled_from(_TYPES), min_size=1, max_size=5, unique_by=_apart))
    cut = draw(st.integers(0, len(names) - 1))
    enums = {name: tuple(f"V{number}" for number in range(draw(st.integers(1, 3)))) for name in names[:cut]}
    has_inner = {name: draw(st.booleans()) for name in names[cut:]}
    records = (f"{package}.{name}{part}" for name, inner in has_inner.items() for part in ("", ".Part")[: 1 + inner])
    own = _Known(
        language,
        tuple(records),
        tuple(_Enum(f"{package}.{name}", values[-1], language) for name, values in enums.items()),
    )
    known = _Known(
        language,
        (*own.records, *(name for file in imports for name in file.known.records)),
        (*own.enums, *(enum for file in imports for enum in file.known.enums)),
    )
    types = tuple(draw(_message(name, known, inner)) for name, inner in has_inner.items())
    simple = dataclasses.replace(known, records=())  # what an error carries must not be large
    errors = tuple(draw(_message(f"Failed{number}", simple, False)) for number in range(draw(st.integers(0, 2))))
    called = draw(st.lists(st.sampled_from(_WORDS), max_size=4, unique_by=_apart))
    methods = tuple(draw(_method(name, known, tuple(error.name for error in errors))) for name in called)
    return File(package, language, imports, enums, types, errors, methods, own)


@st.composite
def schemas(draw: st.DrawFn, top: str = "some") -> tuple[File, ...]:
    """Return the files of a schema, each in a package of its own below `top`; later ones may import those before."""
    files: tuple[File, ...] = ()
    for number in range(draw(st.integers(1, 3))):
        files = (*files, draw(_file(f"{top}.p{number}", files)))
    return files


def _yaml(file: File) -> str:
    roles = {"worker": {"methods": {method.name: _yaml_method(file.package, method) for method in file.methods}}}
    depth = file.path.count("/")
    return json.dumps(
        {
            "package": file.package,
            "imports": ["../" * depth + other.path for other in file.imports],
            "enums": {name: list(values) for name, values in file.enums.items()},
            "types": {message.name: _yaml_message(message) for message in file.types},
            "errors": {message.name: _yaml_message(message) for message in file.errors},
            "roles": roles if file.methods else {},
        },
        indent=1,
    )


def _yaml_message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"fields": {field.name: _yaml_field(field) for field in message.fields}, "doc": message.doc}
    if message.inner:
        body["types"] = {inner.name: _yaml_message(inner) for inner in message.inner}
    return {**body, "reserved": [1000, 1010, "gone_9"]} if message.reserved else body


def _yaml_field(field: Field) -> dict[str, Any]:
    if field.form == "one_of":
        return {"one_of": {member.name: _yaml_field(member) for member in field.members}, "doc": field.doc}
    body = {"type": _yaml_type(field), "doc": field.doc}
    return {**body, "default": field.default} if field.default else body


def _yaml_type(field: Field) -> str:
    match field.form:
        case "":
            return field.type
        case "optional":
            return f"optional {field.type}"
        case "list":
            return f"list<{field.type}>"
        case key:
            return f"map<{key}, {field.type}>"


def _yaml_method(package: str, method: Method) -> dict[str, Any]:
    params = {param.name: _yaml_field(param) for param in method.params}
    if method.streams[0] and method.params:
        first = method.params[0]
        params[first.name] = {"type": f"stream {first.type}", "doc": first.doc}
    body: dict[str, Any] = {
        "params": params,
        "errors": [f"{package}.{error}" for error in method.errors],
        "idempotent": method.idempotent,
    }
    if method.returns is not None:
        body["returns"] = ("stream " if method.streams[1] else "") + _yaml_type(method.returns)
    return body


def _proto(file: File) -> str:
    known = (f"google/protobuf/{name}.proto" for name in _IMPORTS)
    imports = (*known, "oiafed/v1/options.proto", "oiafed/v1/tensor.proto", *(other.proto for other in file.imports))
    requests = (Message(f"{_request(method)}", method.params) for method in file.methods if not method.request)
    return "\n".join(
        (
            'syntax = "proto3";',
            f"package {file.package};",
            *(f'import "{name}";' for name in imports),
            *(_proto_enum(name, values) for name, values in file.enums.items()),
            *(_proto_message(message) for message in (*file.types, *requests)),
            *(_proto_message(message, "option (oiafed.v1.error) = true;") for message in file.errors),
            *(
                [_block("service Worker", (_proto_method(file.package, m) for m in file.methods))]
                if file.methods
                else ()
            ),
            "",
        )
    )


def _block(head: str, lines: Iterable[str]) -> str:
    return "\n".join((f"{head} {{", *lines, "}"))


def _comment(doc: str) -> list[str]:
    return [f"// {line}" for line in doc.splitlines()]


def _proto_enum(name: str, values: tuple[str, ...]) -> str:
    return _block(f"enum {name}", (f"{_value(name, member)} = {number};" for number, member in enumerate(values)))


def _proto_message(message: Message, option: str = "") -> str:
    numbers = itertools.count(1)
    reserved = ("reserved 1000 to 1010, 1020;", 'reserved "gone_9";') if message.reserved else ()
    inner = map(_proto_message, message.inner)
    fields = (line for field in message.fields for line in _proto_field(field, numbers))
    return "\n".join((*_comment(message.doc), _block(f"message {message.name}", (option, *reserved, *inner, *fields))))


def _proto_field(field: Field, numbers: Iterator[int]) -> Iterator[str]:
    yield from _comment(field.doc)
    if field.form == "one_of":
        members = (line for member in field.members for line in _proto_field(member, numbers))
        yield _block(f"oneof {field.name}", members)
        return
    type_ = _proto_type(field.type)
    if field.default:
        spelled = field.default.replace('"', '\\"')
        yield f'optional {type_} {field.name} = {next(numbers)} [(oiafed.v1.default) = "{spelled}"];'
        return
    kinds = {"": type_, "optional": f"optional {type_}", "list": f"repeated {type_}"}
    yield f"{kinds.get(field.form) or f'map<{field.form}, {type_}>'} {field.name} = {next(numbers)};"


def _proto_type(name: str) -> str:
    return name if name in SCALARS else f".{(NATIVE | TIMES).get(name, name)}"


def _request(method: Method) -> str:
    return f"{pascal(method.name)}Asked"


def _proto_method(package: str, method: Method) -> str:
    assert method.returns is not None
    taken, given = ("stream " if stream else "" for stream in method.streams)
    request = _proto_type(method.request or f"{package}.{_request(method)}")
    unpack = "" if method.request else "unpack: true "
    errors = " ".join(f'errors: "{error}"' for error in method.errors)
    options = (f"option (oiafed.v1.method) = {{ {unpack}{errors} }};", "option idempotency_level = IDEMPOTENT;")
    head = f"rpc {pascal(method.name)}({taken}{request}) returns ({given}{_proto_type(method.returns.type)})"
    return _block(head, options[: 1 + method.idempotent])
