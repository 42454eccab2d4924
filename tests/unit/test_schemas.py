"""Nodes of different schemas: what a node makes of what another describes, and calls between them over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from federation.v1 import LearnerHandler
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Code, Node, RetriableError, RpcError
from oiafed_rpc.codec.messages import Raw
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.message import Message
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.schemas import agreement
from oiafed_rpc.schemas.acquaintances import Acquaintances
from oiafed_rpc.schemas.admission import Admission
from oiafed_rpc.schemas.agreement import agree
from oiafed_rpc.schemas.described import MAX_PARTS, MAX_SIZE, NotDescribedError, describe, described
from oiafed_rpc.schemas.offers import STALE, Offer, Offers
from oiafed_rpc.schemas.ranges import Ranges
from oiafed_rpc.schemas.shape import fingerprint, fingerprint_of, shape_of
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.system.types import DescribeReply, HelloReply, MethodShape
from oiafed_rpc.transport.grpc import GrpcTransport

from tests.unit.descriptors import compiled, message
from tests.unit.schema_pairs import PATH, address, call, caller, handler, made, method, worker

_OLD = "message M { int32 n = 1; }"
_NEW = "message M { int32 n = 1; string more = 2; }"
_WIDE = "message M { int64 n = 1; }"
_OTHER = "message M { string n = 1; }"

# What is described


def test_what_is_described_has_the_same_shapes() -> None:
    methods = LearnerHandler.__methods__
    shapes = described(describe(methods))
    assert {path: fingerprint(shape) for path, shape in shapes.items()} == {
        spec.path: fingerprint_of(spec) for spec in methods
    }


def _files(*files: FileDescriptorProto) -> DescribeReply:
    shape = MethodShape(path=PATH, request="p.M", response="p.M", takes_stream=False, gives_stream=False, item=0)
    return DescribeReply(methods=[shape], files=FileDescriptorSet(file=files).SerializeToString())


def _file(**fields: Any) -> FileDescriptorProto:
    return FileDescriptorProto(**{"name": "a.proto", "package": "p", "syntax": "proto3"} | fields)


def _many_fields() -> FileDescriptorProto:
    file = _file()
    for index in range(MAX_PARTS // 50):
        message = file.message_type.add(name=f"M{index}")
        for number in range(1, 51):
            message.field.add(name=f"f{number}", number=number, type=5, label=1)
    return file


def _reserved() -> FileDescriptorProto:
    file = _file()
    message = file.message_type.add(name="M")
    for index in range(MAX_PARTS):
        message.reserved_range.add(start=10 * index + 1, end=10 * index + 2)
    return file


def _hostile() -> Iterator[tuple[str, DescribeReply, str]]:
    yield "nothing", _files(), "no descriptor for 'p.M'"
    yield "no message", _files(_file()), "no descriptor for 'p.M'"
    yield "garbage", replace(_files(), files=b"\xff" * 100), "none"
    yield "too large", replace(_files(), files=bytes(MAX_SIZE + 1)), "more than 4,194,304"
    yield "too many", _files(_many_fields()), "50,000 parts"
    yield "too many reserved", _files(_reserved()), "50,000 parts"
    yield "too many files", _files(*[_file(name=f"{index}") for index in range(MAX_PARTS + 1)]), "50,000 parts"
    yield "imports what is not there", _files(_file(dependency=["b.proto"])), "protobuf refuses"
    yield "imports itself", _files(_file(dependency=["a.proto"])), "protobuf refuses"
    twice = _file()
    twice.message_type.add(name="M")
    twice.message_type.add(name="M")
    yield "a message twice", _files(twice), "protobuf refuses"
    unknown = _file()
    unknown.message_type.add(name="M").field.add(name="a", number=1, type=11, type_name=".p.N", label=1)
    yield "a field of no type", _files(unknown), "protobuf refuses"
    yield "nested deeply", replace(_files(), files=_nested(5000)), "none"


def _nested(levels: int) -> bytes:
    """A set of one file with a message in a message and so on, which protobuf itself does not write."""
    data = b"\x0a\x01M"
    for _ in range(levels):
        data = b"\x0a\x01M" + _part(3, data)
    return _part(1, b"\x0a\x01a" + _part(4, data))


def _part(number: int, data: bytes) -> bytes:
    size, length = len(data), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + data


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("reply", "problem"), [each[1:] for each in _hostile()], ids=[each[0] for each in _hostile()])
def test_hostile_descriptors_are_refused(reply: DescribeReply, problem: str) -> None:
    with pytest.raises(NotDescribedError, match=problem):
        described(reply)


_REAL = describe(LearnerHandler.__methods__)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_changed_bytes_are_read_or_refused(data: st.DataObject) -> None:
    files = bytearray(_REAL.files)
    for _ in range(data.draw(st.integers(1, 8))):
        files[data.draw(st.integers(0, len(files) - 1))] = data.draw(st.integers(0, 255))
    try:
        shapes = described(replace(_REAL, files=bytes(files)))
    except NotDescribedError:
        return
    for spec in LearnerHandler.__methods__:
        agree(spec, shapes[spec.path])


# What is agreed


def test_numbers_that_the_reader_has_no_room_for_are_told_by_their_place() -> None:
    inner = "message N { {} v = 1; map<{}, {}> m = 2; repeated {} r = 3; optional {} o = 4; }"
    outer = "message M { N n = 1; map<string, N> by_name = 2; repeated M below = 3; }"
    wide, narrow = (message(outer + inner.replace("{}", kind)) for kind in ("int64", "int32"))
    ranges = Ranges(wide, narrow)
    assert {each.path for each in ranges.narrow} == {"p.N.v", "p.N.m", "p.N.r", "p.N.o"}
    assert not Ranges(narrow, wide).narrow
    assert not Ranges(wide, wide).narrow
    codec = Raw(type(_message(wide)))
    large, small = 1 << 31, -(1 << 31)
    for place, content in (
        ("n.v", {"n": {"v": large}}),
        ("n.m", {"n": {"m": {large: 1}}}),
        ("n.m", {"n": {"m": {1: large}}}),
        (r"n.r\[1\]", {"n": {"r": [1, large]}}),
        ("n.o", {"n": {"o": small - 1}}),
        (r"by_name\['a'\].v", {"by_name": {"a": {"v": large}}}),
        (r"below\[0\].below\[0\].n.v", {"below": [{"below": [{"n": {"v": large}}]}]}),
    ):
        with pytest.raises(FieldError, match=f"{place}.*does not fit int32"):
            ranges.check(codec.encode(_message(wide, **content), Serializers()))
    fits = _message(wide, n={"v": small, "m": {small: large - 1}, "r": [0], "o": 0}, by_name={"a": {}}, below=[{}])
    ranges.check(codec.encode(fits, Serializers()))


def _message(descriptor: Any, **fields: Any) -> Any:
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(descriptor)(**fields)


@pytest.mark.parametrize(
    ("ours", "theirs", "conflict"),
    [
        (_OLD, _NEW, ""),
        (_OLD, _WIDE, ""),
        (_OLD, "message M { bool n = 1; }", ""),
        (_OLD, "message M { }", ""),
        (_OLD, _OTHER, "field 'p.M.n' is int32 in the schema of 'a' and string in that of 'b'"),
        (_OLD, "message M { int32 n = 2; }", "field 'p.M.n' is number 1 in the schema of 'a' and number 2 in that"),
        (_OLD, "message M { repeated int32 n = 1; }", "field 'p.M.n' is int32 in the schema of 'a' and list<int32>"),
        (_OLD, "message M { sint32 n = 1; }", "field 'p.M.n' is int32 in the schema of 'a' and sint32"),
        (_OLD, "message M { fixed32 n = 1; }", "field 'p.M.n' is int32 in the schema of 'a' and fixed32"),
        (
            "message M { M next = 1; int32 n = 2; }",
            "message M { M next = 1; string n = 2; }",
            "field 'p.M.n' is int32 in the schema of 'a' and string",
        ),
        (
            "enum E { NO = 0; A = 1; B = 2; } message M { E e = 1; }",
            "enum E { NO = 0; B = 1; A = 2; } message M { E e = 1; }",
            "value 'p.E.A' is number 1 in the schema of 'a' and number 2 in that of 'b'",
        ),
    ],
)
def test_what_two_schemas_agree_on(ours: str, theirs: str, conflict: str) -> None:
    conflicts = agree(method(ours), shape_of(method(theirs))).conflicts
    told = "; ".join(each.told("a", "b") for each in conflicts)
    assert conflict in told
    assert bool(told) is bool(conflict)


def test_names_from_a_peer_are_told_in_part() -> None:
    renamed = "message M { int32 " + 5000 * "n" + " = 1; }"
    conflicts = agree(method(_OLD), shape_of(method(renamed))).by_name
    assert conflicts
    assert all(len(each.told("a", "b")) < 1000 for each in conflicts)


def test_one_process_has_one_version_of_a_message() -> None:
    """So nodes of one process that pass objects by reference need not look."""
    pool = DescriptorPool()
    first, second = FileDescriptorProto(), FileDescriptorProto()
    for file, name, text in ((first, "a.proto", _OLD), (second, "b.proto", _NEW)):
        compiled(text).CopyToProto(file)
        file.name = name
        file.ClearField("dependency")
    pool.AddSerializedFile(first.SerializeToString())
    with pytest.raises(TypeError, match="duplicate"):
        pool.AddSerializedFile(second.SerializeToString())


# What is asked


class Peer:
    """Answers what a node asks about its schema, and counts."""

    def __init__(self, *methods: Method[Any]) -> None:
        self.methods = list(methods)
        self.asked: list[str] = []
        self.failure: RpcError | None = None
        self.describes: list[Method[Any]] | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def hello(self, target: str) -> HelloReply:
        self.asked.append("hello")
        offer = Offers(target).tell(self.methods)
        return HelloReply(
            node_id=target, role="", incarnation="x", schema=offer.schema, methods=offer.methods, ledger=""
        )

    async def describe(self, target: str, path: str) -> DescribeReply:
        self.asked.append("describe")
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        methods = self.methods if self.describes is None else self.describes
        return describe(spec for spec in methods if spec.path == path)


async def _met(peer: Peer, *targets: str) -> tuple[Admission, Acquaintances]:
    acquaintances = Acquaintances()
    for target in targets or ("peer",):
        reply = await peer.hello(target)
        acquaintances.meet(target, reply.schema, reply.methods)
    peer.asked.clear()
    return Admission("caller", acquaintances, peer), acquaintances


def _request(spec: Method[Any], target: str = "peer", serializer: str = "") -> Message:
    return Message(spec.title, "caller", target, None, spec=spec, serializer=serializer)


async def test_a_method_of_the_same_shape_costs_no_question() -> None:
    ours, peer = method(_OLD), Peer(method(_OLD))
    admission, acquaintances = await _met(peer)
    request = await admission.admitted(_request(ours))
    assert request.schema == acquaintances.of["peer"].schema
    assert ours in acquaintances.of["peer"].alike
    assert not peer.asked


async def test_nodes_that_tell_the_same_share_what_is_known_of_them() -> None:
    ours, peer = method(_OLD), Peer(method(_NEW))
    admission, acquaintances = await _met(peer, "a", "b")
    assert acquaintances.of["a"] is acquaintances.of["b"]
    for target in ("a", "b", "a"):
        assert (await admission.admitted(_request(ours, target))).spec is ours
    assert peer.asked == ["describe"]


async def test_many_calls_at_once_ask_once() -> None:
    ours, peer = method(_OLD), Peer(method(_OTHER))
    admission, _ = await _met(peer)
    peer.may_answer.clear()
    calls = [asyncio.create_task(admission.admitted(_request(ours))) for _ in range(5)]
    await asyncio.sleep(0)
    calls[0].cancel()
    peer.may_answer.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert all(isinstance(each, RpcError) and each.code is Code.FAILED_PRECONDITION for each in outcomes[1:])
    assert len(peer.asked) <= 2, "the one that was cancelled, and one more"


async def test_a_method_that_came_later_is_asked_for() -> None:
    ours, peer = method(_OLD), Peer()
    admission, acquaintances = await _met(peer)
    former = acquaintances.of["peer"].schema
    peer.methods.append(method(_OLD))
    assert (await admission.admitted(_request(ours))).schema != former
    assert peer.asked == ["hello"]
    peer.methods.append(method(_OTHER, path="/p.Worker/More"))
    with pytest.raises(RpcError, match=r"p\.M\.n"):
        await admission.admitted(_request(method(_OLD, path="/p.Worker/More")))
    assert peer.asked == ["hello", "hello", "describe"]


async def test_a_method_that_the_other_does_not_have_is_called_for_the_other_to_say_so() -> None:
    admission, _ = await _met(peer := Peer(method(_OLD)))
    spec = method(_OLD, path="/p.Worker/None")
    assert (await admission.admitted(_request(spec))).spec is spec
    assert peer.asked == ["hello"]


async def test_a_renamed_field_matters_to_bodies_that_have_names() -> None:
    ours, peer = method(_OLD), Peer(method("message M { int32 other = 1; }"))
    admission, _ = await _met(peer)
    assert (await admission.admitted(_request(ours))).spec is ours
    for serializer in ("json", "pickle"):
        with pytest.raises(RpcError, match=r"field 'p\.M\.other' is called 'n' in the schema of 'caller' and 'other'"):
            await admission.admitted(_request(ours, serializer=serializer))


async def test_a_default_matters_to_bodies_that_leave_zeros_out() -> None:
    default = 'message M { optional int32 n = 1 [(oiafed.v1.default) = "5"]; }'
    for ours, theirs, here in ((_OLD, default, "no default"), (default, _OLD, "default 5")):
        admission, _ = await _met(Peer(method(theirs)))
        spec = method(ours)
        assert (await admission.admitted(_request(spec, serializer="json"))).spec is spec
        with pytest.raises(RpcError, match=rf"field 'p\.M\.n' has {here} in the schema of 'caller' and "):
            await admission.admitted(_request(spec))


async def test_a_call_that_would_be_read_wrongly_is_refused_with_what_differs() -> None:
    admission, _ = await _met(Peer(method(_OTHER)))
    with pytest.raises(RpcError) as refusal:
        await admission.admitted(_request(method(_OLD)))
    assert refusal.value.code is Code.FAILED_PRECONDITION
    assert not isinstance(refusal.value, RetriableError)
    assert refusal.value.message == (
        "p.Worker/Work can't be called on node 'peer', whose schema differs: field 'p.M.n' is int32 in the schema of "
        "'caller' and string in that of 'peer'. Generate the code of both from one schema; `oiafed-gen --against` "
        "tells what keeps old and new nodes apart"
    )
    expected = {"node": "peer", "method": "p.Worker/Work", "differs": "p.M.n", "here": "int32", "there": "string"}
    assert refusal.value.details == expected


@pytest.mark.parametrize(
    ("describes", "failure", "problem"),
    [
        ([], None, "it does not tell how"),
        ([_OLD], None, "what it describes is not what it has introduced itself with"),
        (None, RpcError(Code.UNIMPLEMENTED, "no such method"), "it does not tell how"),
    ],
)
async def test_a_node_that_does_not_say_how_it_differs_is_not_called(
    describes: list[str] | None, failure: RpcError | None, problem: str
) -> None:
    admission, _ = await _met(peer := Peer(method(_NEW)))
    peer.describes, peer.failure = None if describes is None else [method(each) for each in describes], failure
    with pytest.raises(RpcError, match=problem) as refusal:
        await admission.admitted(_request(method(_OLD)))
    assert refusal.value.code is Code.FAILED_PRECONDITION


async def test_a_call_whose_question_gets_no_answer_has_not_run() -> None:
    admission, _ = await _met(peer := Peer(method(_NEW)))
    peer.failure = RetriableError("busy")
    with pytest.raises(RetriableError) as failure:
        await admission.admitted(_request(method(_OLD)))
    assert failure.value.ran is False
    peer.failure = None
    assert (await admission.admitted(_request(method(_OLD)))).spec is not None


async def test_a_node_that_tells_nothing_is_called_as_it_is() -> None:
    admission, acquaintances = await _met(peer := Peer(method(_OTHER)))
    acquaintances.meet("peer", "", {})
    request = await admission.admitted(_request(spec := method(_OLD)))
    assert (request.spec, request.schema, peer.asked) == (spec, "", [])


def test_what_was_told_holds_on_when_there_are_more_methods() -> None:
    offers, first, second = Offers("a"), method(_OLD), method(_OLD, path="/p.Worker/More")
    before = offers.tell([first])
    offers.grow()
    after = offers.tell([first, second])
    for told, spec in ((before, first), (after, first), (after, second)):
        offers.check(told.schema, spec.path)
    for schema, path in ((before.schema, second.path), ("never told", first.path)):
        with pytest.raises(RetriableError) as stale:
            offers.check(schema, path)
        assert (stale.value.code, stale.value.ran) == (Code.FAILED_PRECONDITION, False)
        assert stale.value.details[STALE] == schema


# Over gRPC


async def test_compatible_calls_work_and_others_are_refused_before_they_run() -> None:
    ran: list[Any] = []
    for text, refused in ((_NEW, False), (_WIDE, False), (_OTHER, True)):
        async with worker(handler(method(text), lambda it: ran.append(it) or it)) as node, caller() as other:
            await other.connect(address(node))
            if not refused:
                assert (await call(other, method(_OLD), n=5)).n == 5
                continue
            ran.clear()
            with pytest.raises(RpcError, match="string in that of 'worker'"):
                await call(other, method(_OLD), n=5)
            assert not ran


async def test_a_number_in_a_reply_that_does_not_fit_is_an_error_and_no_other_number() -> None:
    wide = method(_WIDE)
    async with worker(handler(wide, lambda it: made(wide, n=it.n << 32))) as node, caller() as other:
        await other.connect(address(node))
        assert (await call(other, method(_OLD), n=0)).n == 0
        with pytest.raises(RpcError, match=r"4294967296 does not fit int32, which 'p\.M\.n' is where it is read"):
            await call(other, method(_OLD), n=1)


@pytest.mark.parametrize("kind", [Kind.UNARY, Kind.SERVER_STREAM])
async def test_a_number_in_a_request_that_does_not_fit_is_not_sent(kind: Kind) -> None:
    spec = method(_WIDE, kind)
    async with worker(handler(method(_OLD, kind))) as node, caller() as other:
        await other.connect(address(node))
        assert [it.n for it in await _items(other, spec, 5)] == [5]
        with pytest.raises(RpcError, match="4294967296 does not fit int32") as refusal:
            await _items(other, spec, 1 << 32)
        assert refusal.value.code is Code.INVALID_ARGUMENT


async def test_a_number_in_an_item_that_does_not_fit_is_an_error() -> None:
    wide, narrow = method(_WIDE, Kind.SERVER_STREAM), method(_OLD, Kind.SERVER_STREAM)
    async with worker(handler(wide, lambda it: made(wide, n=it.n << 32))) as node, caller() as other:
        await other.connect(address(node))
        with pytest.raises(RpcError, match="4294967296 does not fit int32"):
            await _items(other, narrow, 1)


async def _items(node: Node, spec: Method[Any], n: int) -> list[Any]:
    if not spec.gives_stream:
        return [await call(node, spec, n=n)]
    proxy = node.get_proxy("worker").with_options(timeout=10)
    return [item async for item in proxy._rpc_stream(spec, made(spec, n=n))]


async def test_a_node_that_tells_of_too_many_methods_is_not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "offer_told", lambda _: Offer("x", {f"/p.S/M{index}": 0 for index in range(10_001)}))
    async with worker() as node, caller() as other:
        with pytest.raises(RpcError, match="10,001 methods") as refusal:
            await other.connect(address(node))
        assert refusal.value.code is Code.RESOURCE_EXHAUSTED
        assert not other.peers


async def test_a_handler_that_came_after_the_introduction() -> None:
    async with worker() as node, caller() as other:
        await other.connect(address(node))
        node.register(handler(method(_OTHER)))
        with pytest.raises(RpcError, match="string in that of 'worker'"):
            await call(other, method(_OLD), n=5)
        node.register(handler(method(_OLD, path="/p.Worker/More")))
        assert (await call(other, method(_OLD, path="/p.Worker/More"), n=5)).n == 5


@pytest.mark.parametrize("text", [_OLD, _NEW, _OTHER])
async def test_a_node_that_is_started_anew_with_another_schema_is_never_read_wrongly(text: str) -> None:
    ours = method(_OLD)
    async with caller() as other:
        async with worker(handler(method(_OLD))) as node:
            await other.connect(address(node))
            assert isinstance(node.transport, GrpcTransport)
            port = node.transport.port
            assert (await call(other, ours, n=5)).n == 5
            stale = other._caller.schemas.of["worker"]
        async with worker(handler(method(text)), handler(method(_OLD, path="/p.Worker/More")), port=port) as node:
            await other.connect(address(node))
            other._caller.schemas.of["worker"] = stale  # as though the call came before anyone had noticed
            if text is not _OTHER:
                assert (await call(other, ours, n=5)).n == 5
                return
            with pytest.raises(RpcError, match="string in that of 'worker'"):
                await call(other, ours, n=5)


async def test_a_node_of_a_version_that_tells_nothing_is_called_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Endpoint, "offer_told", lambda _: Offer("", {}))
    async with worker(handler(method(_NEW))) as node, caller() as other:
        await other.connect(address(node))
        assert (await call(other, method(_OLD), n=5)).n == 5
        assert not other._caller.schemas.of


async def test_errors_are_read_by_both_or_not_at_all() -> None:
    """A number that has no room in an error can't be looked at: it comes apart from the body."""
    for old, new, compatible in (
        ("int32 size = 1;", "int32 size = 1; string why = 2;", True),
        ("int64 size = 1;", "int32 size = 1;", True),
        ("int32 size = 1;", "int64 size = 1;", False),
        ("int32 size = 1;", "string size = 1;", False),
    ):
        ours, theirs = (
            shape_of(method(_OLD))._replace(errors=(message(f"message Full {{ {fields} }}", "Full"),))
            for fields in (old, new)
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(agreement, "shape_of", lambda _, ours=ours: ours)
            assert bool(agree(method(_OLD), theirs).conflicts) is not compatible
