"""What a transport is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.peers import Peer, Peers
from oiafed_rpc.transport.host import Host


class Transport(ABC):
    """Carries requests to other nodes and brings back their replies. `send`, `start` and `stop` must be written.

    A transport knows nothing of the node above it but its `endpoint`, to which it hands the requests that arrive.

    Attributes:
        peers: The nodes that this one is connected to.
    """

    def __init__(self) -> None:
        self.peers = Peers()
        self._endpoint: Endpoint | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Where requests that arrive are answered; set by the node before `start`."""
        if self._endpoint is None:
            raise RpcError(Code.FAILED_PRECONDITION, "this transport belongs to no node: pass it to Node(...)")
        return self._endpoint

    def attach(self, endpoint: Endpoint) -> None:
        """Become the transport of a node.

        Raises:
            RpcError: FAILED_PRECONDITION where it is another node's already.
        """
        if self._endpoint is not None:
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"this transport is node {self._endpoint.node_id!r}'s: one node, one transport",
            )
        self._endpoint = endpoint

    def hosted_by(self, host: Host | None) -> None:
        """Learn of the node above, where nodes open streams to be called over; None once it stops. By default, nothing.

        A transport that has no such streams need not know it.
        """
        del host

    @abstractmethod
    def send(self, target: str, message: Message) -> Coroutine[Any, Any, Message]:
        """Carry a request to a node and return its reply: an `async def`, most often.

        Where the request is a stream, `message.items` gives what follows the payload.

        Raises:
            RpcError: where that fails; RetriableError where another attempt may succeed, with `ran=False` where the
                request provably was not handled.
        """

    def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Carry a request to a node and return the items of its reply as they come; errors as for `send`."""
        raise RpcError(Code.UNIMPLEMENTED, f"{type(self).__name__} carries no streams")

    @abstractmethod
    async def start(self) -> None:
        """Begin to accept requests."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop accepting requests and give back all resources; harmless when not started."""

    async def reach(self, node_id: str, host: str, port: int) -> None:
        """Learn where a node is, so that it can be sent to; by default, nothing. Its caller bounds the wait."""
        del node_id, host, port

    def beside(self, target: str) -> Endpoint | None:
        """Where a node of this very event loop answers, that takes objects as they are; by default, nowhere."""
        del target
        return None

    def doubt(self, node_id: str) -> None:
        """Have the next `reach` make what leads to a node anew, as that seems to be dead; by default, nothing."""
        del node_id

    def absence(self, node_id: str) -> str:
        """What to say of a node that does not answer."""
        return f"nothing answers there for {node_id!r}"

    async def welcome(self, peer: Peer) -> None:
        """Note a node that was reached and has introduced itself."""
        self.peers.add(peer)

    async def forget(self, node_id: str) -> None:
        """Give back what `reach` made for a node that did not answer; by default, nothing."""
        del node_id

    @property
    def exposed(self) -> bool:
        """Whether other machines can reach this node in plain text; by default not."""
        return False
