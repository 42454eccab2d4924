"""How a stream begins that a node opens to be called over, at the node that was dialed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grpc import aio

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.system.wire import node_pb2
from oiafed_rpc.system.wire.dial_out_pb2 import CallPart, ReplyPart
from oiafed_rpc.transport.grpc.dial_out.arrivals import Arrivals
from oiafed_rpc.transport.grpc.dial_out.lines import Line
from oiafed_rpc.transport.grpc.dial_out.parts import read_part
from oiafed_rpc.transport.grpc.server import Call, Route, failure_of


class Serving(Call):
    """A call of `SERVE`: an introduction, which is answered as any call is. What follows are the calls of this node.

    Args:
        arrivals: Where the stream goes.
        route: The path.
        metadata: The headers.
    """

    request_streaming = True
    response_streaming = True

    def __init__(self, arrivals: Arrivals, route: Route, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        super().__init__(route, metadata)
        self._arrivals = arrivals

    async def _serve(self, _: object, context: Any) -> None:
        try:
            first = await self._first(context)
        except RpcError as error:
            await self._abort(self._failure(error), context)
        answer = await self._answer(first.hello.SerializeToString(), context)
        if answer.code is not None:
            await self._abort(failure_of(answer), context)
        await context.write(CallPart(hello=node_pb2.HelloReply.FromString(answer.data)).SerializeToString())
        await self._arrivals.last(first.hello.node_id, first.hello.incarnation, Line(context, first.number))

    stream_stream = _serve

    @staticmethod
    async def _first(context: Any) -> ReplyPart:
        data = await context.read()
        part, _ = read_part(ReplyPart, b"" if data is aio.EOF else data)
        if not part.HasField("hello"):
            raise RpcError(Code.INVALID_ARGUMENT, "the stream is to begin with a hello")
        return part
