"""How a node that others can't reach is called: it opens streams to the nodes that it connects to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from oiafed_rpc.handlers import Handler
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.system.dial_out import DialOutHandler
from oiafed_rpc.system.node import NodeProxy
from oiafed_rpc.system.types import HelloReply, HelloRequest

DIALED = "dial-out"
"""The address of a node that is called over streams that it has opened."""

SERVE: Method[HelloReply] = Method(
    role="dial_out",
    name="serve",
    path=DialOutHandler.__methods__[0].path,
    attribute="serve",
    kind=Kind.UNARY,
    request=HelloRequest,
    response=HelloReply,
    idempotent=True,
)
"""How such a stream begins, and all that interceptors see of it: an introduction. The transport has the rest."""


class ServeProxy(NodeProxy):
    """Calls a node that may be one that dials out, or that this one dials out to."""

    async def serve(self, request: HelloRequest) -> HelloReply:
        """Open a stream to be called over; it stays open, in the hands of the transport."""
        return await self._rpc_call(SERVE, request)


class ServeHandler(Handler):
    """Answers who opens streams to be called over.

    Args:
        hello: Answers an introduction.
    """

    __role__ = SERVE.role
    __methods__ = (SERVE,)

    def __init__(self, hello: Callable[[HelloRequest], Awaitable[HelloReply]]) -> None:
        self._hello = hello

    async def serve(self, request: HelloRequest) -> HelloReply:
        """Say who answers here."""
        return await self._hello(request)
