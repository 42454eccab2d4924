"""A node of one of the two schemas: it answers with what it is given, and makes the calls that it is asked for.

Run as `python node.py ID`, with the generated package on the path. Each line that it reads is a command in JSON, each
that it writes the outcome of one.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

from oiafed_rpc import Code, GrpcTransport, Node, RpcError
from oiafed_rpc.codec.messages import Params

stubs: Any = importlib.import_module("meeting.v1")
METHODS = {spec.name: spec for spec in stubs.WorkerHandler.__methods__}


def _handler() -> Any:
    """A worker whose methods give back what they get."""

    async def unary(self: Any, it: Any, **_: Any) -> Any:
        return it

    async def refusing(self: Any, it: Any) -> Any:
        raise stubs.Busy("too busy", **{"wait": 1.5} | ({"why": "training"} if hasattr(stubs, "Extra") else {}))

    async def server(self: Any, it: Any) -> Any:
        yield it
        yield it

    async def client(self: Any, items: Any, **beside: Any) -> Any:
        return sum([1 async for _ in items])

    async def two_way(self: Any, items: Any) -> Any:
        async for item in items:
            yield item

    ways = {(False, False): unary, (False, True): server, (True, False): client, (True, True): two_way}
    functions = {spec.attribute: ways[spec.takes_stream, spec.gives_stream] for spec in METHODS.values()}
    functions["busy"] = refusing
    for spec in METHODS.values():
        functions[spec.attribute] = _named(functions[spec.attribute], spec)
    return type("Worker", (stubs.WorkerHandler,), functions)()


def _named(function: Any, spec: Any) -> Any:
    """A function of its own for a method whose parameters have other names."""
    names = [name for name in spec.request.names if name not in ("it", "items")]
    if not names:
        return function
    source = f"async def f(self, {', '.join(spec.request.names)}): return await g(self, {spec.request.names[0]})"
    made: dict[str, Any] = {"g": function}
    exec(source, made)  # the names are of this very schema
    return made["f"]


def _plain(value: Any) -> Any:
    codec = getattr(type(value), "__wire__", None)
    if codec is not None:
        return {name: _plain(each) for name, each in codec.to_plain(value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return int(value) if isinstance(value, int) else value


def _payload(spec: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Typed parameters, streams among them, of plain ones."""
    assert isinstance(spec.request, Params)
    stream = spec.request.stream
    typed = spec.request.from_plain({name: value for name, value in given.items() if name != stream})
    if stream:
        typed[stream] = [spec.item_codec.adopt(item) for item in given[stream]]
    return typed


async def _call(node: Node, command: dict[str, Any]) -> Any:
    """The outcome of a call."""
    target, spec, serializer = command["target"], METHODS[command["method"]], command["serializer"]
    try:
        payload = _payload(spec, command["payload"])
        if command.get("broadcast"):
            many = node.get_collection(stubs.WorkerCollection, targets=[target]).with_options(serializer=serializer)
            replies = await getattr(many, spec.attribute)(**payload)
            return _plain(dict(replies))
        proxy = node.get_proxy(target, stubs.WorkerProxy).with_options(serializer=serializer, timeout=5)
        answer = getattr(proxy, spec.attribute)(**payload)
        return [_plain(item) async for item in answer] if spec.gives_stream else _plain(await answer)
    except RpcError as error:
        fields = {name: value for name, value in vars(error).items() if name in ("wait", "why")}
        return {"code": Code(error.code).name, "message": error.message, "details": dict(error.details)} | fields


async def main() -> None:
    """Serve until the input ends."""
    node = Node(sys.argv[1], "worker", GrpcTransport("127.0.0.1", 0))
    node.register(_handler())
    async with node:
        print(json.dumps(node.transport.port), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = json.loads(line)
            if "connect" in command:
                outcome: Any = (await node.connect(command["connect"])).node_id
            else:
                outcome = await _call(node, command)
            print(json.dumps(outcome), flush=True)


asyncio.run(main())
