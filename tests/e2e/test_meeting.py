"""Nodes with different schemas: two processes that serve and call each other, each with a schema of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_HERE = Path(__file__).parent / "meeting"
_SOON = 15.0
SERIALIZERS = ("proto", "json", "pickle")
OLDER, NEWER = "older", "newer"
BOTH_WAYS = ((OLDER, NEWER), (NEWER, OLDER))


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    assert await process.wait() == 0


class Peer:
    """A node in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> Any:
        assert self._process.stdout is not None
        async with asyncio.timeout(_SOON):
            return json.loads(await self._process.stdout.readline())

    async def do(self, **command: Any) -> Any:
        """Have it carry out a command; gives the outcome."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.line()


@asynccontextmanager
async def _peer(name: str, generated: Path) -> AsyncIterator[Peer]:
    path = os.pathsep.join([str(generated), *filter(None, [os.environ.get("PYTHONPATH")])])
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(_HERE / "node.py"),
        name,
        stdin=pipe,
        stdout=pipe,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield Peer(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_SOON):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()


@asynccontextmanager
async def _both(folder: Path) -> AsyncIterator[dict[str, Peer]]:
    """The two nodes, connected to each other."""
    makes = []
    for name, schema in ((OLDER, "older.yaml"), (NEWER, "newer.yaml")):
        (folder / name).mkdir()
        (folder / name / "meeting.yaml").write_text((_HERE / schema).read_text())
        makes.append(_run("-m", "oiafed_gen", str(folder / name), "-o", str(folder / f"{name}_generated")))
    await asyncio.gather(*makes)
    async with AsyncExitStack() as stack:
        peers = {
            name: await stack.enter_async_context(_peer(name, folder / f"{name}_generated")) for name in (OLDER, NEWER)
        }
        ports = {name: await peer.line() for name, peer in peers.items()}
        for name, other in BOTH_WAYS:
            assert await peers[name].do(connect=f"{other}@127.0.0.1:{ports[other]}") == other
        yield peers


class Case(NamedTuple):
    """A call, and what is to come of it.

    Attributes:
        method: What is called.
        payload: Its parameters.
        source: Who calls the other.
        comes: The result; for a call that fails, the code and words of its message.
        broadcast: Whether it is made through a collection.
    """

    method: str
    payload: dict[str, Any]
    source: str
    comes: Any
    broadcast: bool = False


class Refused(NamedTuple):
    """An error that a call is to end with."""

    code: str
    words: str


def _differs(what: str, path: str, verb: str, here: str, there: str, source: str) -> Refused:
    target = NEWER if source == OLDER else OLDER
    return Refused(
        "FAILED_PRECONDITION",
        f"{what} '{path}' {verb} {here} in the schema of '{source}' and {there} in that of '{target}'",
    )


def _either_way(
    method: str, payload: dict[str, Any], what: str, path: str, verb: str, old: str, new: str
) -> list[Case]:
    """A call that is refused on both sides; where its parameters differ, the newer has those for it in `newer`."""
    newer = payload.get("newer", payload)
    older = {key: value for key, value in payload.items() if key != "newer"}
    return [
        Case(method, older, OLDER, _differs(what, path, verb, old, new, OLDER)),
        Case(method, newer, NEWER, _differs(what, path, verb, new, old, NEWER)),
    ]


_GROWN = {"x": 1, "y": "more", "extra": {"note": "n"}, "more": [{"note": "m"}], "lot": 7}
_SHRUNK = {"x": 1, "y": "", "extra": {"note": ""}, "more": [], "lot": 5}
_SAME = {"x": 1, "name": "n"}
_LARGE = {"n": 1 << 40, "listed": [], "mapped": {}}
_WIDER = {"n": -5, "listed": [1, -2], "mapped": {"a": 3}}
_TREE = {"value": 1, "children": [{"value": 2, "children": []}]}
_LABELLED = {"value": 1, "children": [{"value": 2, "children": [], "label": "b"}], "label": "a"}
_UNLABELLED = {"value": 1, "children": [{"value": 2, "children": [], "label": ""}], "label": ""}

CASES = [
    *(Case("same", {"it": _SAME}, source, _SAME) for source in (OLDER, NEWER)),
    Case("same", {"it": _SAME}, OLDER, {NEWER: _SAME}, broadcast=True),
    Case("grown", {"it": {"x": 1}}, OLDER, {"x": 1}),
    Case("grown", {"it": _GROWN}, NEWER, _SHRUNK),
    Case("grown", {"it": _GROWN}, NEWER, {OLDER: _SHRUNK}, broadcast=True),
    Case("tree", {"it": _TREE}, OLDER, _TREE),
    Case("tree", {"it": _LABELLED}, NEWER, _UNLABELLED),
    Case("phased", {"it": {"phase": 1}}, OLDER, {"phase": 1}),
    Case("phased", {"it": {"phase": 2}}, NEWER, {"phase": 2}),
    Case("wider", {"it": _WIDER}, OLDER, _WIDER),
    Case("wider", {"it": _WIDER}, NEWER, _WIDER),
    Case("wider", {"it": _LARGE}, NEWER, Refused("INVALID_ARGUMENT", str(1 << 40))),
    Case("parameter", {"it": 4}, OLDER, 4),
    Case("parameter", {"it": 4, "more": 5}, NEWER, 4),
    Case("busy", {"it": _SAME}, OLDER, {"wait": 1.5}),
    Case("busy", {"it": _SAME}, NEWER, {"wait": 1.5, "why": ""}),
    Case("watch", {"it": {"x": 1}}, OLDER, [{"x": 1}] * 2),
    Case("watch", {"it": _GROWN}, NEWER, [_SHRUNK] * 2),
    Case("pour", {"items": [{"x": 1}, {"x": 2}]}, OLDER, 2),
    Case("pour", {"items": [_GROWN]}, NEWER, 1),
    Case("chat", {"items": [{"x": 1}, {"x": 2}]}, OLDER, [{"x": 1}, {"x": 2}]),
    Case("chat", {"items": [_GROWN]}, NEWER, [_SHRUNK]),
    Case("fresh", {"it": _SAME}, NEWER, Refused("UNIMPLEMENTED", "has no method 'meeting.v1.Worker/Fresh'")),
    *_either_way(
        "renumbered", {"it": {"a": 1, "b": 2}}, "field", "meeting.v1.Renumbered.b", "is", "number 2", "number 3"
    ),
    *_either_way(
        "retyped",
        {"it": {"epochs": 1}, "newer": {"it": {"epochs": "1"}}},
        *("field", "meeting.v1.Retyped.epochs", "is", "int32", "string"),
    ),
    Case(
        "retyped",
        {"it": {"epochs": 1}},
        OLDER,
        _differs("field", "meeting.v1.Retyped.epochs", "is", "int32", "string", OLDER),
        broadcast=True,
    ),
    *_either_way(
        "watch_retyped",
        {"it": {"epochs": 1}, "newer": {"it": {"epochs": "1"}}},
        *("field", "meeting.v1.Retyped.epochs", "is", "int32", "string"),
    ),
    *_either_way(
        "pour_retyped",
        {"items": [{"epochs": 1}], "newer": {"items": [{"epochs": "1"}]}},
        *("field", "meeting.v1.Retyped.epochs", "is", "int32", "string"),
    ),
    Case(
        "sorted",
        {"it": {"sort": 1}},
        OLDER,
        _differs("value", "meeting.v1.Sort.SORT_FAST", "is", "number 1", "number 2", OLDER),
    ),
    Case(
        "sorted",
        {"it": {"sort": 1}},
        NEWER,
        _differs("value", "meeting.v1.Sort.SORT_SLOW", "is", "number 1", "number 2", NEWER),
    ),
    *_either_way(
        "deep",
        {
            "it": {"mid": {"lows": [{"leaves": {"a": {"v": 1}}}]}},
            "newer": {"it": {"mid": {"lows": [{"leaves": {"a": {"v": "1"}}}]}}},
        },
        *("field", "meeting.v1.Leaf.v", "is", "int32", "string"),
    ),
    *_either_way("vine", {"it": {"value": 1}}, "field", "meeting.v1.Vine.value", "is", "int32", "double"),
    *_either_way("full", {"it": _SAME}, "field", "meeting.v1.Full.size", "is", "int32", "string"),
    *_either_way("kind", {"it": _SAME}, "method", "meeting.v1.Worker/Kind", "gives", "one message", "a stream"),
    *_either_way(
        "beside",
        {"items": [{"x": 1}], "newer": {"items": [{"x": 1}], "start": 1} | {"items": [_GROWN]}},
        *("method", "meeting.v1.Worker/Beside", "takes a stream", "alone", "'items' beside other parameters"),
    ),
]

RENAMED = [
    Case(
        "renamed",
        {"it": {"before": 1}},
        OLDER,
        _differs("field", "meeting.v1.Renamed.after", "is called", "'before'", "'after'", OLDER),
    ),
    Case(
        "renamed",
        {"it": {"after": 1}},
        NEWER,
        _differs("field", "meeting.v1.Renamed.before", "is called", "'after'", "'before'", NEWER),
    ),
]
"""Bodies of protobuf have no names; all others do."""

_EXPECTED = [(case, serializer) for case in CASES for serializer in SERIALIZERS]
_EXPECTED += [(case, serializer) for case in RENAMED for serializer in ("json", "pickle")]
_EXPECTED += [(case._replace(comes=next(iter(case.payload.values()))), "proto") for case in RENAMED]


def _named(index: int) -> str:
    case, serializer = _EXPECTED[index]
    way = "broadcast" if case.broadcast else "call"
    return f"{case.method} {way} from {case.source}, {serializer}, {index}"


async def _outcomes(folder: Path) -> list[Any]:
    async with _both(folder) as peers:
        outcomes: list[Any] = []
        for case, serializer in _EXPECTED:
            target = NEWER if case.source == OLDER else OLDER
            asked = {"target": target, "method": case.method, "payload": case.payload, "broadcast": case.broadcast}
            outcomes.append(await peers[case.source].do(serializer=serializer, **asked))
        return outcomes


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What came of each call: all of them between the same two processes."""
    return asyncio.run(_outcomes(tmp_path_factory.mktemp("meeting")))


@pytest.mark.parametrize("index", range(len(_EXPECTED)), ids=_named)
def test_a_call_between_nodes_of_different_schemas(index: int, outcomes: list[Any]) -> None:
    """Compatible ones work on both sides, and all others name what differs."""
    case, _ = _EXPECTED[index]
    came = outcomes[index]
    if isinstance(case.comes, Refused):
        assert isinstance(came, dict), came
        assert case.comes.words in came["message"]
        assert came["code"] == case.comes.code
        if case.comes.code == "FAILED_PRECONDITION" and not case.broadcast:
            assert came["details"]["differs"] in case.comes.words
    elif case.method == "busy":
        assert {key: came.get(key) for key in case.comes} == case.comes
    else:
        assert came == case.comes
