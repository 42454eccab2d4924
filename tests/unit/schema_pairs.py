"""Methods of small schemas, each with its messages in a pool of its own, and nodes that serve and call them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message_factory import GetMessageClass
from oiafed_rpc import GrpcTransport, HeartbeatManager, Node
from oiafed_rpc.codec.messages import Raw
from oiafed_rpc.handlers import Handler
from oiafed_rpc.method import Kind, Method

from tests.unit.descriptors import compiled

PATH = "/p.Worker/Work"


def method(text: str, kind: Kind = Kind.UNARY, path: str = PATH) -> Method[Any]:
    """A method that takes and gives the message `M` of a schema."""
    return method_of(compiled(text), kind, path)


def method_of(file: FileDescriptor, kind: Kind = Kind.UNARY, path: str = PATH) -> Method[Any]:
    """A method that takes and gives the message `M` of a file."""
    codec = Raw(GetMessageClass(file.message_types_by_name["M"]))
    name = path.rpartition("/")[2].lower()
    return Method(role="worker", name=name, path=path, attribute=name, kind=kind, request=codec, response=codec)


def made(spec: Method[Any], **fields: Any) -> Any:
    """A message of a method."""
    return GetMessageClass(spec.request_codec.descriptor)(**fields)


def handler(spec: Method[Any], answer: Callable[[Any], Any] | None = None) -> Handler:
    """What answers a method: with what it gets, or what a function makes of it."""

    async def work(self: Any, request: Any) -> Any:
        return answer(request) if answer is not None else request

    async def stream(self: Any, request: Any) -> AsyncIterator[Any]:
        yield answer(request) if answer is not None else request

    functions = {spec.attribute: stream if spec.gives_stream else work}
    made: Handler = type("Worker", (Handler,), {"__role__": "worker", "__methods__": (spec,), **functions})()
    return made


async def call(node: Node, spec: Method[Any], **fields: Any) -> Any:
    """The reply of a call to `worker`."""
    proxy = node.get_proxy("worker").with_options(timeout=10)
    return await proxy._rpc_call(spec, made(spec, **fields))


def caller() -> Node:
    """A node that only calls."""
    return Node("caller", "trainer", GrpcTransport(), heartbeat=HeartbeatManager(0.1, 5))


@asynccontextmanager
async def worker(*handlers: Handler, port: int = 0) -> AsyncIterator[Node]:
    """A node that serves, at `node.transport.port`."""
    node = Node("worker", "worker", GrpcTransport("127.0.0.1", port))
    for each in handlers:
        node.register(each)
    async with node:
        yield node


def address(node: Node) -> str:
    """Where a worker is."""
    assert isinstance(node.transport, GrpcTransport)
    return f"worker@127.0.0.1:{node.transport.port}"
