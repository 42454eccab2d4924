"""Each rule by which two versions of a schema are compared."""

from __future__ import annotations

import itertools

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc.compatibility import (
    Level,
    Rule,
    call_differences,
    differences,
    enum_differences,
    misread,
    service_differences,
)
from oiafed_rpc.compatibility.reserved import missing

from tests.unit.descriptors import enum, message, service

NUMBERS = ("int32", "int64", "uint32", "uint64", "bool")


def fields(old: str, new: str, extra: str = "") -> list[tuple[str, str]]:
    """The rules, and the last part of the paths, that a message breaks whose body changes."""
    found = differences(message(f"{extra} message M {{ {old} }}"), message(f"{extra} message M {{ {new} }}"))
    return [(each.rule, each.path.removeprefix("p.")) for each in found]


def live(old: str, new: str, level: Level = Level.WIRE) -> list[str]:
    """The rules that matter when one node writes and the other reads."""
    found = misread(message(f"message M {{ {old} }}"), message(f"message M {{ {new} }}"), level)
    return [each.rule for each in found]


class TestTypes:
    @pytest.mark.parametrize(
        ("old", "new", "rules"),
        [
            ("int32", "int32", []),
            ("int32", "uint32", []),
            ("int64", "uint64", []),
            ("fixed32", "sfixed32", []),
            ("fixed64", "sfixed64", []),
            ("int32", "int64", ["field-json-type"]),
            ("int32", "bool", ["field-json-type"]),
            ("sint32", "sint64", ["field-json-type"]),
            ("string", "bytes", ["field-json-type"]),
            ("bytes", "string", ["field-type"]),
            ("int32", "sint32", ["field-type"]),
            ("int32", "fixed32", ["field-type"]),
            ("float", "double", ["field-type"]),
            ("float", "fixed32", ["field-type"]),
            ("string", "int32", ["field-type"]),
            ("E", "int32", ["field-enum"]),
            ("int64", "E", ["field-enum"]),
            ("E", "string", ["field-type"]),
            ("E", "NameUnlikeE.E", ["field-json-type"]),
            ("E", "SameAsE.E", []),
            ("E", "UnlikeE.E", ["field-type"]),
            ("N", "N", []),
            ("N", "string", ["field-type"]),
            ("N", "SameAsN", []),
            ("N", "UnlikeN", ["field-type"]),
            ("N", "NameUnlikeN", ["field-json-type"]),
            ("google.protobuf.Timestamp", "google.protobuf.Duration", ["field-type"]),
            ("google.protobuf.Timestamp", "SameAsTimestamp", ["field-type"]),
        ],
    )
    @pytest.mark.parametrize("form", ["{} x = 1;", "repeated {} x = 1;", "map<string, {}> x = 1;"])
    def test_of_a_field_its_items_or_its_values(self, old: str, new: str, rules: list[str], form: str) -> None:
        extra = (
            "enum E { A = 0; B = 1; } message SameAsE { enum E { A = 0; B = 1; C = 2; } }"
            "message UnlikeE { enum E { B = 0; A = 1; } } message NameUnlikeE { enum E { X = 0; Y = 1; } }"
            "message N { int32 a = 1; } message SameAsN { int32 a = 1; string b = 2; }"
            "message UnlikeN { string a = 1; } message NameUnlikeN { int32 b = 1; }"
            "message SameAsTimestamp { int64 seconds = 1; int32 nanos = 2; }"
        )
        assert fields(form.format(old), form.format(new), extra) == [(rule, "M.x") for rule in rules]

    def test_keys_of_maps(self) -> None:
        assert fields("map<int32, string> x = 1;", "map<string, string> x = 1;") == [("field-type", "M.x")]
        assert fields("map<int32, string> x = 1;", "map<int64, string> x = 1;") == [("field-json-type", "M.x")]

    def test_what_is_read_wrongly_depends_on_who_writes(self) -> None:
        assert live("bytes x = 1;", "string x = 1;") == ["field-type"]
        assert live("string x = 1;", "bytes x = 1;") == []

    def test_enums_and_integers_understand_each_other_while_they_run(self) -> None:
        both = "enum E { A = 0; }"
        assert misread(message(f"{both} message M {{ E x = 1; }}"), message("message M { int32 x = 1; }")) == []


class TestCardinality:
    @pytest.mark.parametrize(
        ("old", "new", "rules"),
        [
            ("int32 x = 1;", "optional int32 x = 1;", []),
            ("int32 x = 1;", "repeated int32 x = 1;", ["field-cardinality"]),
            ("repeated N x = 1;", "N x = 1;", ["field-cardinality"]),
            ("map<string, int32> x = 1;", "N x = 1;", ["field-cardinality"]),
            ("map<string, int32> x = 1;", "repeated Entry x = 1;", ["field-json-cardinality"]),
            ("map<string, int32> x = 1;", "repeated N x = 1;", ["field-json-cardinality", "field-type"]),
            ("map<string, int32> x = 1;", "repeated int32 x = 1;", ["field-json-cardinality", "field-type"]),
        ],
    )
    def test_single_lists_and_maps(self, old: str, new: str, rules: list[str]) -> None:
        extra = "message N { int32 a = 1; } message Entry { string key = 1; int32 value = 2; }"
        assert fields(old, new, extra) == [(rule, "M.x") for rule in rules]


class TestZero:
    @pytest.mark.parametrize(
        ("type_", "default", "rules"),
        [
            ("int32", "32", ["field-zero"]),
            ("int32", "0", []),
            ("double", "0.0", []),
            ("bool", "true", ["field-zero"]),
            ("bool", "false", []),
            ("string", "", []),
            ("string", "x", ["field-zero"]),
        ],
    )
    def test_a_default_where_zero_was_not_sent(self, type_: str, default: str, rules: list[str]) -> None:
        new = f'optional {type_} x = 1 [(oiafed.v1.default) = "{default}"];'
        assert fields(f"{type_} x = 1;", new) == [(rule, "M.x") for rule in rules]
        assert fields(f"optional {type_} x = 1;", new) == []
        assert fields(new, f"{type_} x = 1;") == [(rule, "M.x") for rule in rules]


class TestNamesAndNumbers:
    def test_a_name_that_changes(self) -> None:
        assert fields("int32 x = 1;", "int32 y = 1;") == [("field-name", "M.y")]
        assert live("int32 x = 1;", "int32 y = 1;") == []
        assert live("int32 x = 1;", "int32 y = 1;", Level.JSON) == ["field-name"]

    def test_a_json_name_that_changes(self) -> None:
        assert fields("int32 x = 1;", 'int32 x = 1 [json_name = "y"];') == [("field-json-name", "M.x")]

    def test_a_field_that_is_put_in_between(self) -> None:
        old, new = "int32 a = 1; int32 b = 2;", "int32 a = 1; int32 x = 2; int32 b = 3;"
        assert fields(old, new) == [("field-number", "M.b")]
        assert live(old, new) == ["field-number"]

    def test_fields_that_change_places(self) -> None:
        old, new = "int32 a = 1; string b = 2;", "string b = 1; int32 a = 2;"
        assert fields(old, new) == [("field-number", "M.a"), ("field-number", "M.b")]

    def test_a_field_that_is_added_or_removed_does_no_harm_while_nodes_run(self) -> None:
        one, two = "int32 a = 1;", "int32 a = 1; int32 b = 2;"
        assert live(one, two) == live(two, one) == live(one, two, Level.JSON) == live(two, one, Level.JSON) == []
        assert fields(one, two) == []


class TestRemoval:
    @pytest.mark.parametrize(
        ("reserved", "rules"),
        [
            ("", ["field-removed", "field-name-removed"]),
            ("reserved 2;", ["field-name-removed"]),
            ("reserved 1 to 3;", ["field-name-removed"]),
            ("reserved 3 to max;", ["field-removed", "field-name-removed"]),
            ('reserved "b";', ["field-removed"]),
            ('reserved 2; reserved "b";', []),
        ],
    )
    def test_of_a_field(self, reserved: str, rules: list[str]) -> None:
        assert fields("int32 b = 2;", reserved) == [(rule, "M.b") for rule in rules]

    @pytest.mark.parametrize(
        ("old", "new", "gone"),
        [
            ("reserved 2;", "", "2"),
            ("reserved 2, 3;", "reserved 1 to 4;", ""),
            ("reserved 1 to 4;", "reserved 1, 2, 4;", "3"),
            ("reserved 1 to 9;", "reserved 3 to 5;", "1-2, 6-9"),
            ('reserved "b", "c";', 'reserved "c";', "'b'"),
        ],
    )
    def test_of_what_is_reserved(self, old: str, new: str, gone: str) -> None:
        found = differences(message(f"message M {{ {old} }}"), message(f"message M {{ {new} }}"))
        assert [(each.rule, each.old) for each in found] == ([("reserved-removed", f"reserved {gone}")] if gone else [])


class TestOneofs:
    @pytest.mark.parametrize(
        ("old", "new", "rules"),
        [
            ("oneof o { int32 a = 1; int32 b = 2; }", "oneof other { int32 a = 1; int32 b = 2; }", []),
            ("oneof o { int32 a = 1; }", "oneof o { int32 a = 1; int32 b = 2; }", []),
            ("optional int32 a = 1;", "int32 a = 1;", []),
            ("int32 a = 1;", "oneof o { int32 a = 1; }", [("field-oneof", "M.a")]),
            ("oneof o { int32 a = 1; }", "int32 a = 1;", [("field-oneof", "M.a")]),
            (
                "oneof o { int32 a = 1; } int32 b = 2;",
                "oneof o { int32 a = 1; int32 b = 2; }",
                [("field-joins-oneof", "M.b")],
            ),
            (
                "oneof o { int32 a = 1; } oneof p { int32 b = 2; }",
                "oneof o { int32 a = 1; int32 b = 2; }",
                [("field-joins-oneof", "M.b")],
            ),
            (
                "oneof o { int32 a = 1; int32 b = 2; }",
                "oneof o { int32 a = 1; } oneof p { int32 b = 2; }",
                [("field-oneof", "M.b")],
            ),
        ],
    )
    def test_a_field_that_moves(self, old: str, new: str, rules: list[tuple[str, str]]) -> None:
        assert fields(old, new) == rules

    def test_only_what_gets_lost_matters_while_nodes_run(self) -> None:
        apart, together = "int32 a = 1; int32 b = 2;", "oneof o { int32 a = 1; int32 b = 2; }"
        assert live(apart, together) == ["field-joins-oneof", "field-joins-oneof"]
        assert live(together, apart) == []


class TestEnums:
    @pytest.mark.parametrize(
        ("old", "new", "rules"),
        [
            ("A = 0;", "A = 0; B = 1;", []),
            ("A = 0; B = 1;", "A = 0; C = 1;", [("enum-value-name", "E.C")]),
            ("A = 0; B = 1;", "option allow_alias = true; A = 0; C = 1; B = 1;", []),
            ("A = 0; B = 1;", "A = 0; X = 1; B = 2;", [("enum-value-number", "E.B")]),
            ("A = 0; B = 1;", "A = 0;", [("enum-value-removed", "E.B"), ("enum-value-name-removed", "E.B")]),
            ("A = 0; B = 1;", "A = 0; reserved 1;", [("enum-value-name-removed", "E.B")]),
            ("A = 0; B = 1;", 'A = 0; reserved 1; reserved "B";', []),
            ("A = 0; reserved 1 to max;", "A = 0;", [("reserved-removed", "E")]),
            ("A = 0; B = 1;", "A = 0; B = 2; reserved 1;", [("enum-value-number", "E.B")]),
            ("A = 0; B = 1; C = 2;", 'A = 0; C = 1; reserved "B";', [("enum-value-number", "E.C")]),
        ],
    )
    def test_values(self, old: str, new: str, rules: list[tuple[str, str]]) -> None:
        found = enum_differences(enum(f"enum E {{ {old} }}"), enum(f"enum E {{ {new} }}"))
        assert [(each.rule, each.path.removeprefix("p.")) for each in found] == rules

    @pytest.mark.parametrize(
        ("new", "rules"),
        [
            ("B = 1; B1 = 1; B2 = 1;", []),
            ("B1 = 1; B = 1;", []),
            ('B = 1; X = 1; reserved "B1";', [("enum-value-alias", "E.B")]),
            ('B1 = 1; X = 1; reserved "B";', [("enum-value-name", "E.B1")]),
            ("X = 1; Y = 1;", [("enum-value-name", "E.X"), ("enum-value-alias", "E.X")]),
            ("B = 1; X = 1; B1 = 2;", [("enum-value-number", "E.B1")]),
        ],
    )
    def test_further_names_stay_too(self, new: str, rules: list[tuple[str, str]]) -> None:
        old, now = (enum(f"enum E {{ option allow_alias = true; A = 0; {body} }}") for body in ("B = 1; B1 = 1;", new))
        found = enum_differences(old, now)
        assert [(each.rule, each.path.removeprefix("p.")) for each in found] == rules

    def test_only_the_first_name_is_written(self) -> None:
        one = "message M { E x = 1; } enum E { A = 0; B = 1; }"
        two = "message M { E x = 1; } enum E { option allow_alias = true; A = 0; B = 1; B1 = 1; }"
        assert misread(message(two), message(one), Level.JSON) == []
        two = two.replace("B = 1; B1 = 1;", "B1 = 1; B = 1;")
        assert [each.rule for each in misread(message(two), message(one), Level.JSON)] == ["enum-value-name"]

    def test_another_enum_may_have_other_names_but_not_in_json(self) -> None:
        old = "enum E { A = 0; B = 1; } message M { E x = 1; } message N { enum E { X = 0; } }"
        new = old.replace("{ E x", "{ N.E x")
        assert [each.rule for each in differences(message(old), message(new))] == ["field-enum", "field-json-type"]
        assert misread(message(old), message(new)) == []

    def test_are_compared_with_the_messages_that_hold_them(self) -> None:
        old, new = (f"enum E {{ A = 0; {name} = 1; }} message M {{ map<string, E> x = 1; }}" for name in "BC")
        assert [each.rule for each in differences(message(old), message(new))] == ["enum-value-name"]


class TestServices:
    TYPES = "message In { int32 a = 1; } message Out {} message In2 { int32 a = 1; } message Other { string a = 1; }"

    def rules(self, old: str, new: str) -> list[tuple[str, str]]:
        found = service_differences(*(service(f"{self.TYPES} service S {{ {body} }}") for body in (old, new)))
        return [(each.rule, each.path.removeprefix("p.")) for each in found]

    @pytest.mark.parametrize(
        ("new", "rules"),
        [
            ("rpc R(In) returns (Out); rpc New(In) returns (Out);", []),
            ("", ["method-removed"]),
            ("rpc R(stream In) returns (Out);", ["method-stream"]),
            ("rpc R(In) returns (stream Out);", ["method-stream"]),
            ("rpc R(In2) returns (Out);", []),
            ("rpc R(Other) returns (Out);", ["method-request"]),
            ("rpc R(Out) returns (Out);", ["field-removed", "field-name-removed"]),
            ("rpc R(In) returns (In);", []),
        ],
    )
    def test_methods(self, new: str, rules: list[str]) -> None:
        assert self.rules("rpc R(In) returns (Out);", new) == [(rule, "S.R") for rule in rules]

    def test_responses(self) -> None:
        assert self.rules("rpc R(In) returns (In);", "rpc R(In) returns (Other);") == [("method-response", "S.R")]

    def test_idempotency_may_grow(self) -> None:
        levels = ["", "option idempotency_level = IDEMPOTENT;", "option idempotency_level = NO_SIDE_EFFECTS;"]
        for old, new in itertools.permutations(range(3), 2):
            bodies = (f"rpc R(In) returns (Out) {{ {levels[level]} }}" for level in (old, new))
            assert self.rules(*bodies) == ([("method-idempotency", "S.R")] if new < old else [])


class TestCalls:
    def calls(self, caller: str, callee: str) -> list[tuple[str, str, str, str]]:
        one, other = (service(f"{t} service S {{ rpc R(In) returns (Out); }}").methods[0] for t in (caller, callee))
        return [(each.rule, each.path, each.old, each.new) for each in call_differences(one, other)]

    def test_requests_and_responses_are_named_from_the_caller_to_the_callee(self) -> None:
        caller, callee = (f"message In {{ {a} x = 1; }} message Out {{ {a} y = 1; }}" for a in ("int32", "string"))
        assert self.calls(caller, callee) == [
            ("field-type", "p.In.x", "int32", "string"),
            ("field-type", "p.Out.y", "int32", "string"),
        ]

    def test_only_the_way_that_values_go_matters(self) -> None:
        text = "message In {{ {} x = 1; }} message Out {{ {} y = 1; }}"
        assert self.calls(text.format("string", "bytes"), text.format("bytes", "string")) == []
        assert len(self.calls(text.format("bytes", "string"), text.format("string", "bytes"))) == 2

    def test_deep_inside(self) -> None:
        text = "message In {{ repeated N n = 1; }} message N {{ In up = 1; {} x = 2; }} message Out {{}}"
        assert self.calls(text.format("int32"), text.format("string")) == [("field-type", "p.N.x", "int32", "string")]

    def test_streams(self) -> None:
        types = "message In {} message Out {}"
        one, many = (
            service(f"{types} service S {{ rpc R(In) returns ({stream} Out); }}").methods[0]
            for stream in ("", "stream")
        )
        assert [each.rule for each in call_differences(one, many)] == ["method-stream"]


class TestShapes:
    def test_messages_with_other_names_that_contain_themselves(self) -> None:
        old = "message M { A x = 1; } message A { B b = 1; } message B { A a = 1; }"
        new = "message M { C x = 1; } message C { D b = 1; } message D { C a = 1; %s }"
        assert differences(message(old), message(new % "int32 more = 2;")) == []
        old = old.replace("A a = 1;", "A a = 1; string more = 2;")
        found = differences(message(old), message(new % "int32 more = 2;"))
        assert [(each.rule, each.path, each.old, each.new) for each in found] == [("field-type", "p.M.x", "p.A", "p.C")]

    @pytest.mark.parametrize(
        ("old", "new", "rules"),
        [
            ("Two", "One", ["field-removed", "field-name-removed"]),
            ("Two", "Other", ["field-removed", "field-name-removed", "field-json-type"]),
            ("Two", "Text", ["field-type"]),
            ("Two", "OneOfTwo", []),
            ("map<int32, One>", "repeated Keyed", ["field-json-cardinality", "field-removed", "field-name-removed"]),
        ],
    )
    def test_what_another_message_lacks_is_told_where_it_is_held(self, old: str, new: str, rules: list[str]) -> None:
        extra = (
            "message One { int32 a = 1; } message Two { int32 a = 1; int32 b = 2; } message Other { int64 c = 1; }"
            "message Text { string a = 1; } message Keyed { int32 key = 1; }"
            "message OneOfTwo { int32 a = 1; reserved 2; reserved 'b'; }"
        )
        assert fields(f"{old} x = 1;", f"{new} x = 1;", extra) == [(rule, "M.x") for rule in rules]

    def test_a_message_of_the_same_name_is_told_where_it_is(self) -> None:
        old = "message M { A x = 1; } message A { N n = 1; } message N { string s = 1; }"
        new = "message M { B x = 1; } message B { N n = 1; } message N { int32 s = 1; }"
        found = differences(message(old), message(new))
        assert [(each.rule, each.path) for each in found] == [("field-type", "p.N.s")]


def test_every_rule_says_what_must_hold() -> None:
    assert all(rule.summary and rule == rule.value for rule in Rule)


@st.composite
def _files(draw: st.DrawFn) -> FileDescriptorProto:
    """A file with messages that hold one another and an enum."""
    file = FileDescriptorProto(name="a.proto", package="p", syntax="proto3")
    kinds = file.enum_type.add(name="E")
    for number in draw(st.lists(st.integers(1, 20), unique=True, max_size=4)):
        kinds.value.add(name=f"V{number}", number=number)
    kinds.value.insert(0, type(kinds.value.add())(name="ZERO", number=0))
    del kinds.value[-1]
    for index in range(3):
        message_ = file.message_type.add(name=f"M{index}")
        for number in draw(st.lists(st.integers(1, 30), unique=True, max_size=5)):
            field = message_.field.add(name=f"f{number}", number=number)
            field.type = draw(st.sampled_from([1, 2, 3, 5, 8, 9, 11, 12, 14, 17]))  # type: ignore[assignment]
            field.label = draw(st.sampled_from([1, 3]))  # type: ignore[assignment]
            if field.type in (11, 14):
                field.type_name = ".p.E" if field.type == 14 else f".p.M{draw(st.integers(0, 2))}"
        message_.reserved_range.add(start=40, end=draw(st.integers(41, 50)))
    return file


def _load(file: FileDescriptorProto) -> DescriptorPool:
    pool = DescriptorPool()
    pool.Add(file)
    return pool


@given(_files())
def test_nothing_differs_from_itself(file: FileDescriptorProto) -> None:
    old, new = _load(file), _load(file)
    for each in file.message_type:
        name = f"p.{each.name}"
        assert differences(old.FindMessageTypeByName(name), new.FindMessageTypeByName(name)) == []


@given(_files(), _files())
def test_what_is_misread_is_among_the_differences(one: FileDescriptorProto, other: FileDescriptorProto) -> None:
    old, new = (_load(file).FindMessageTypeByName("p.M0") for file in (one, other))
    assert set(misread(old, new)) <= set(misread(old, new, Level.JSON)) <= set(differences(old, new))


RANGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=4)


@given(RANGES, RANGES)
def test_missing_ranges_are_the_numbers_that_are_missing(
    old: list[tuple[int, int]], new: list[tuple[int, int]]
) -> None:
    def numbers(ranges: list[tuple[int, int]]) -> set[int]:
        return {number for first, last in ranges for number in range(first, last + 1)}

    def joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
        taken = sorted(numbers([(first, first + more) for first, more in ranges]))
        starts = [number for number in taken if number - 1 not in taken]
        ends = [number for number in taken if number + 1 not in taken]
        return list(zip(starts, ends, strict=True))

    before, now = joined(old), joined(new)
    assert numbers(list(missing(tuple(before), tuple(now)))) == numbers(before) - numbers(now)
