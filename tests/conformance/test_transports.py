"""The conformance suite on every transport there is. A new one adds a class."""

from __future__ import annotations

import asyncio
import atexit
import functools
import itertools
import shutil
import tempfile

from oiafed_rpc import Address, AutoTransport, GrpcTransport, MemoryNetwork, MemoryTransport, Node, Transport
from oiafed_rpc.testing import Fault, FaultPlan, FaultTransport, TransportConformance

from tests.conformance.socket_transport import SocketTransport


class TestMemory(TransportConformance):
    by_reference = True

    @functools.cached_property
    def network(self) -> MemoryNetwork:
        return MemoryNetwork()

    def make_transport(self) -> Transport:
        return MemoryTransport(self.network)


class TestMemoryWithSerialization(TestMemory):
    by_reference = False

    def make_transport(self) -> Transport:
        return MemoryTransport(self.network, serialize=True)


class TestGrpc(TransportConformance):
    def make_transport(self) -> Transport:
        return GrpcTransport("127.0.0.1", 0)

    def make_transport_at(self, address: str) -> Transport:
        return GrpcTransport("127.0.0.1", Address.parse(address).port)


_NUMBERS = itertools.count()


@functools.cache
def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="oiafed-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class TestGrpcOnUnixSockets(TransportConformance):
    @functools.cached_property
    def places(self) -> dict[Transport, str]:
        return {}

    def make_transport(self) -> Transport:
        return self._at(f"unix:{_folder()}/{next(_NUMBERS)}")

    def make_transport_at(self, address: str) -> Transport:
        return self._at(Address.parse(address).host)

    def _at(self, place: str) -> Transport:
        transport = GrpcTransport(place)
        self.places[transport] = place
        return transport

    def address(self, node: Node) -> str:
        return f"{node.node_id}@{self.places[node.transport]}"


class TestDialOut(TransportConformance):
    """Who is called dials, and the calls go over the streams that it has opened."""

    def make_transport(self) -> Transport:
        return GrpcTransport("127.0.0.1", 0, dial_out=True)

    def make_transport_at(self, address: str) -> Transport:
        return GrpcTransport("127.0.0.1", Address.parse(address).port, dial_out=True)

    async def connect(self, caller: Node, callee: Node) -> None:
        there = asyncio.Event()
        take_back = caller.on("connected", lambda peer: peer.node_id == callee.node_id and there.set())
        await callee.connect(self.address(caller))
        if callee.node_id not in caller.peers:
            await asyncio.wait_for(there.wait(), 5)
        take_back()
        assert caller.peers[callee.node_id].address == "dial-out"


class TestAuto(TestMemory):
    def make_transport(self) -> Transport:
        return AutoTransport(GrpcTransport("127.0.0.1", 0), MemoryTransport(self.network))


class TestFaults(TestMemory):
    """A transport with faults that every caller must bear: what takes longer, and comes in another order."""

    by_reference = False
    plan = FaultPlan(
        seed=6,
        rules=(
            Fault(kind="delay", chance=0.5, seconds=(0, 0.002)),
            Fault(kind="delay", of="reply", chance=0.5, seconds=(0, 0.002)),
            Fault(kind="reorder", chance=0.2, seconds=0.002),
            Fault(kind="throttle", rate=1 << 30),
        ),
    )

    def make_transport(self) -> Transport:
        return FaultTransport(MemoryTransport(self.network, serialize=True), self.plan)


class TestSockets(TransportConformance):
    def make_transport(self) -> Transport:
        return SocketTransport()

    def make_transport_at(self, address: str) -> Transport:
        return SocketTransport(Address.parse(address).port)


TRANSPORTS: dict[str, type[TransportConformance]] = {
    "memory": TestMemory,
    "memory-serialized": TestMemoryWithSerialization,
    "grpc": TestGrpc,
    "grpc-unix": TestGrpcOnUnixSockets,
    "dial-out": TestDialOut,
    "auto": TestAuto,
    "faults": TestFaults,
    "sockets": TestSockets,
}
