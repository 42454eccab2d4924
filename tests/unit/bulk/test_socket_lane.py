"""Transfers over connections of their own, and what strangers may do to those who listen."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oiafed_rpc import RpcError, TlsConfig
from oiafed_rpc.bulk.chunk import CHUNK, Head
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.socket import dialing, listening, places
from oiafed_rpc.bulk.lanes.socket.dialing import connect
from oiafed_rpc.bulk.lanes.socket.exchange import Request, hear
from oiafed_rpc.bulk.lanes.socket.lane import SocketLane
from oiafed_rpc.bulk.lanes.socket.line import Line
from oiafed_rpc.bulk.lanes.socket.listening import SocketListener
from oiafed_rpc.bulk.lanes.socket.operations import PULL, PUSH, operations
from oiafed_rpc.bulk.lanes.tickets import Tickets
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.errors import Code
from oiafed_rpc.system.types import Lane
from oiafed_rpc.wire.compression import Zstd

from tests.certificates import Authority

LIMIT = 64 << 20
IDLE = 5.0


class Side:
    """A node that listens, and a lane to it."""

    def __init__(self, host: str = "127.0.0.1", tls: TlsConfig | None = None, *, idle: float = IDLE) -> None:
        self.depot = Depot(LIMIT, 30.0)
        self.tickets = Tickets()
        self.listener = SocketListener("socket", host, 0, self.tickets, operations(self.depot), tls=tls, idle=idle)
        self.host, self.tls, self.expected = host, tls, "node"
        self.dialed: list[Line] = []
        self.lane = SocketLane(self.dial)

    async def offer(self) -> Lane:
        offer = await self.listener.offer()
        assert offer is not None
        return offer

    async def dial(self) -> Line:
        line = await connect(await self.offer(), self.host, tls=self.tls, expected=self.expected, idle=IDLE)
        self.dialed.append(line)
        return line

    async def stranger(self) -> socket.socket:
        """A connection of something else."""
        return await places.reach((await self.offer()).address, self.host)

    async def stop(self) -> None:
        await self.lane.close()
        await self.listener.stop()
        self.depot.clear()


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    made = Side()
    yield made
    await made.stop()


def payload(size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)


def meter(size: int, *, idle: float = IDLE) -> Meter:
    return Meter("m", "node", size, sending=True, idle=idle)


async def pushed(side: Side, *arrays: np.ndarray[Any, Any], **options: Any) -> list[memoryview]:
    outgoing = Outgoing([run_of(array) for array in arrays], **options)
    measured = meter(outgoing.size)
    await side.lane.push(outgoing, measured, resume=False)
    assert measured.done == outgoing.size
    return side.depot.take(outgoing.id)


SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 12345]


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_pushed_arrives(side: Side, size: int) -> None:
    sent = payload(size)
    (received,) = await pushed(side, sent)
    assert bytes(received) == sent.tobytes()


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_pulled_arrives(side: Side, size: int) -> None:
    sent = payload(size)
    outgoing = Outgoing([run_of(sent)])
    side.depot.depart(outgoing)
    incoming = Incoming(outgoing.id, outgoing.sizes, LIMIT)
    await side.lane.pull(incoming, meter(size))
    assert bytes(incoming.buffers[0]) == sent.tobytes()
    await side.depot.gone(outgoing.id)


async def test_many_buffers_of_any_layout(side: Side) -> None:
    arrays = [payload(3_000_000).reshape(1000, 3000).T[::2], payload(7), payload(0), *[payload(4096)] * 1500]
    received = await pushed(side, *arrays)
    assert [bytes(each) for each in received] == [array.tobytes() for array in arrays]


async def test_packed_chunks(side: Side) -> None:
    packing = Packing.of(Zstd(3, shuffle=True))
    sent = np.arange(1 << 20, dtype=np.float32)
    outgoing = Outgoing([run_of(sent)], packing=packing)
    await side.lane.push(outgoing, meter(outgoing.size), resume=False)
    assert bytes(side.depot.take(outgoing.id)[0]) == sent.tobytes()
    side.depot.depart(outgoing)
    incoming = Incoming(outgoing.id, outgoing.sizes, LIMIT)
    await side.lane.pull(incoming, meter(outgoing.size))
    assert bytes(incoming.buffers[0]) == sent.tobytes()


async def test_a_connection_is_used_again(side: Side) -> None:
    for _ in range(3):
        await pushed(side, payload(CHUNK))
    assert len(side.dialed) == 1
    await asyncio.gather(*(pushed(side, payload(CHUNK + each)) for each in range(12)))
    assert len(side.dialed) > 1
    assert sum(line.fileno() != -1 for line in side.dialed) <= 8


async def test_a_connection_that_has_ended_is_not_used_again(side: Side) -> None:
    await pushed(side, payload(1))
    side.dialed[0].abort()
    await pushed(side, payload(2))
    assert len(side.dialed) == 2


async def test_unix_sockets(tmp_path: Path) -> None:
    path = tmp_path / "node.sock"
    leftover = socket.socket(socket.AF_UNIX)
    leftover.bind(f"{path}.bulk")
    leftover.close()  # as by a node that was killed
    side = Side(f"unix:{path}")
    assert len((await pushed(side, payload(CHUNK * 3)))[0]) == CHUNK * 3
    assert (await side.offer()).address == f"unix:{path}.bulk"
    await side.stop()
    assert not list(tmp_path.iterdir())


async def test_ipv6() -> None:
    side = Side("::1")
    assert len((await pushed(side, payload(CHUNK)))[0]) == CHUNK
    await side.stop()


# --- resuming


async def test_a_push_goes_on_where_another_stopped(side: Side) -> None:
    sent = payload(5 * CHUNK + 7)
    outgoing = Outgoing([run_of(sent)])
    incoming = side.depot.arrive(outgoing.id, outgoing.sizes)
    session = incoming.begin()
    for offset in (0, CHUNK):
        head, views = outgoing.chunk(offset)
        session.accept(head, b"".join(views))
    measured = meter(outgoing.size)
    await side.lane.push(outgoing, measured, resume=True)
    assert measured.done == outgoing.size
    assert bytes(side.depot.take(outgoing.id)[0]) == sent.tobytes()


async def test_a_push_of_what_is_there_already_sends_nothing(side: Side) -> None:
    outgoing = Outgoing([run_of(payload(3 * CHUNK))])
    await side.lane.push(outgoing, meter(outgoing.size), resume=False)
    await side.lane.push(outgoing, meter(outgoing.size), resume=True)
    side.depot.take(outgoing.id)
    await pushed(side, payload(5))  # taking it has not hurt its connection
    assert len(side.dialed) == 1


async def test_a_pull_goes_on_where_another_stopped(side: Side) -> None:
    sent = payload(4 * CHUNK)
    outgoing = Outgoing([run_of(sent)])
    side.depot.depart(outgoing)
    incoming = Incoming(outgoing.id, outgoing.sizes, LIMIT)
    head, views = outgoing.chunk(0)
    incoming.begin().accept(head, b"".join(views))
    await side.lane.pull(incoming, meter(outgoing.size))
    assert bytes(incoming.buffers[0]) == sent.tobytes()


async def test_an_attempt_that_is_taken_over_ends(side: Side) -> None:
    outgoing = Outgoing([run_of(payload(2 * CHUNK))])
    line = await side.dial()
    await line.run(lambda: begin_push(line, outgoing))
    incoming = side.depot.arrive(outgoing.id, outgoing.sizes)
    while not incoming.received:
        await asyncio.sleep(0.001)
    await side.lane.push(outgoing, meter(outgoing.size), resume=True)
    with pytest.raises(ConnectionError):
        await line.run(lambda: line.receive_exactly(1))
    line.close()


def begin_push(line: Line, outgoing: Outgoing) -> None:
    head, views = outgoing.chunk(0)
    sizes = struct.pack(f"!{len(outgoing.sizes)}Q", *outgoing.sizes)
    following = outgoing.chunk(CHUNK).head
    line.send([Request(PUSH, outgoing.id + b"\0" + sizes).to_bytes(), head.to_bytes(), *views, following.to_bytes()])


# --- refusals


async def test_too_large_a_transfer_is_refused_while_it_is_sent(side: Side) -> None:
    outgoing = Outgoing([run_of(np.zeros(LIMIT + 1, np.uint8))])
    with pytest.raises(RpcError, match="max_message_size") as refused:
        await side.lane.push(outgoing, meter(outgoing.size), resume=False)
    assert refused.value.code is Code.RESOURCE_EXHAUSTED
    assert len(side.depot) == 0
    await pushed(side, payload(CHUNK))


async def test_a_resumed_push_is_refused_too(side: Side) -> None:
    outgoing = Outgoing([run_of(np.zeros(LIMIT + 1, np.uint8))])
    with pytest.raises(RpcError, match="max_message_size"):
        await side.lane.push(outgoing, meter(outgoing.size), resume=True)


async def test_what_is_not_there_can_not_be_pulled(side: Side) -> None:
    with pytest.raises(RpcError) as refused:
        await side.lane.pull(Incoming(os.urandom(16), [5], LIMIT), meter(5))
    assert refused.value.code is Code.NOT_FOUND
    await pushed(side, payload(CHUNK))


async def test_a_changed_chunk_ends_the_attempt_and_another_goes_on(side: Side) -> None:
    sent = payload(4 * CHUNK)
    outgoing = Outgoing([run_of(sent)])
    honest, lies = outgoing.chunk, [2 * CHUNK]

    def lying(offset: int, *, packed: bool = True) -> Any:
        chunk = honest(offset, packed=packed)
        if offset in lies:
            lies.remove(offset)
            return chunk._replace(head=chunk.head._replace(checksum=chunk.head.checksum ^ 1))
        return chunk

    outgoing.chunk = lying  # type: ignore[method-assign]
    with pytest.raises(TransferError, match="arrived changed"):
        await side.lane.push(outgoing, meter(outgoing.size), resume=False)
    assert side.depot.received(outgoing.id) == 2 * CHUNK
    await side.lane.push(outgoing, meter(outgoing.size), resume=True)
    assert bytes(side.depot.take(outgoing.id)[0]) == sent.tobytes()


# --- cancelling, and links that break


class Stuck:
    """A peer that has let in a connection and neither reads nor says anything more."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.accepted: list[socket.socket] = []

    async def dial(self) -> Line:
        connection = socket.create_connection(self.server.getsockname())
        self.accepted.append(self.server.accept()[0])
        return Line(connection, IDLE)

    def close(self) -> None:
        for each in (self.server, *self.accepted):
            each.close()


@pytest.fixture
def stuck() -> Any:
    made = Stuck()
    yield made
    made.close()


def moving(lane: SocketLane, way: str, idle: float) -> Any:
    array = np.zeros(LIMIT, np.uint8)
    if way == "push":
        return lane.push(Outgoing([run_of(array)]), meter(LIMIT, idle=idle), resume=False)
    return lane.pull(Incoming(os.urandom(16), [LIMIT], LIMIT), meter(LIMIT, idle=idle))


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_a_peer_that_stands_still(stuck: Stuck, way: str) -> None:
    lane = SocketLane(stuck.dial)
    with pytest.raises(TimeoutError):
        await moving(lane, way, 0.1)
    await lane.close()


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_a_cancelled_transfer_ends_its_connection(stuck: Stuck, way: str) -> None:
    lane = SocketLane(stuck.dial)
    task = asyncio.ensure_future(moving(lane, way, IDLE))
    while not stuck.accepted:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stuck.accepted[0].settimeout(IDLE)
    while stuck.accepted[0].recv(1 << 20):
        pass
    await lane.close()


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_a_peer_that_goes_away(stuck: Stuck, way: str) -> None:
    lane = SocketLane(stuck.dial)
    task = asyncio.ensure_future(moving(lane, way, 30.0))
    while not stuck.accepted:
        await asyncio.sleep(0)
    stuck.accepted[0].close()
    with pytest.raises(ConnectionError):
        await task
    await lane.close()


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_closing_the_lane_ends_what_runs_over_it(stuck: Stuck, way: str) -> None:
    lane = SocketLane(stuck.dial)
    task = asyncio.ensure_future(moving(lane, way, 30.0))
    while not stuck.accepted:
        await asyncio.sleep(0)
    await lane.close()
    with pytest.raises(ConnectionError):
        await task
    with pytest.raises(ConnectionError):
        await moving(lane, way, 30.0)


async def test_stopping_the_listener_ends_what_runs(side: Side) -> None:
    outgoing = Outgoing([run_of(payload(2 * CHUNK))])
    line, resting = await side.dial(), await side.dial()
    await line.run(lambda: begin_push(line, outgoing))
    await side.listener.stop()
    for each in (line, resting):
        with pytest.raises(ConnectionError):
            await each.run(lambda each=each: each.receive_exactly(1))  # type: ignore[misc]
        each.close()
    assert await side.listener.offer() is None
    with pytest.raises(OSError):
        await places.reach(side.listener.address, side.host)


def test_the_end_of_the_event_loop_closes_everything() -> None:
    kept: list[Line] = []

    async def main() -> None:
        side = Side()
        kept.extend([await side.dial(), await side.dial()])
        await kept[0].run(lambda: begin_push(kept[0], Outgoing([run_of(payload(2 * CHUNK))])))

    asyncio.run(main())
    for line in kept:
        with pytest.raises(ConnectionError):
            line.receive_exactly(1)
        line.close()


KILLED = """
import asyncio, os, sys
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.lanes.socket.listening import SocketListener
from oiafed_rpc.bulk.lanes.socket.operations import operations
from oiafed_rpc.bulk.lanes.tickets import Tickets

async def main():
    depot = Depot(1 << 40, 30.0)
    offer = await SocketListener("socket", "127.0.0.1", 0, Tickets(), operations(depot)).offer()
    print(offer.address, offer.ticket.hex(), offer.proof.hex(), flush=True)
    while not len(depot):
        await asyncio.sleep(0.001)
    transfer = next(iter(depot._held.values())).transfer
    while not transfer.received:
        await asyncio.sleep(0)
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_a_peer_that_is_killed_in_the_middle() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, stdout=subprocess.PIPE)
    assert process.stdout is not None
    port, ticket, proof = (await process.stdout.readline()).decode().split()
    offer = Lane(name="socket", address=port, ticket=bytes.fromhex(ticket), proof=bytes.fromhex(proof))
    lane = SocketLane(lambda: connect(offer, "127.0.0.1", idle=30.0))
    sent = np.zeros(256 << 20, np.uint8)
    with pytest.raises(ConnectionError):
        await lane.push(Outgoing([run_of(sent)]), meter(sent.nbytes, idle=30.0), resume=False)
    await process.wait()
    await lane.close()


# --- strangers


async def ended(connection: socket.socket) -> None:
    """Wait until the other side has closed a connection."""
    try:
        while await asyncio.get_running_loop().sock_recv(connection, 1 << 16):
            pass
    except ConnectionError:
        pass
    connection.close()


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_says_nothing_is_closed(
    side: Side, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening, "_GREETING", 0.1)
    silent = [await side.stranger() for _ in range(5)]
    silent[1].send(b"half a ticket")
    await asyncio.gather(*map(ended, silent))
    assert all("shows no ticket" in warning for warning in warnings(caplog))
    assert 1 <= len(warnings(caplog)) <= 2
    await pushed(side, payload(CHUNK))


async def test_strangers_are_few(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    strangers = [await side.stranger() for _ in range(70)]
    await asyncio.gather(*map(ended, strangers[:6]))
    await pushed(side, payload(CHUNK))  # takes the place of the seventh
    assert len(warnings(caplog)) == 1
    assert "64 connections that have shown no ticket" in warnings(caplog)[0]
    for stranger in strangers[6:]:
        stranger.close()


async def test_wrong_and_used_tickets(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    offer = await side.offer()
    line = await connect(offer, side.host, idle=IDLE)
    for ticket in (offer.ticket, os.urandom(32), bytes(32)):
        with pytest.raises(ConnectionError):
            await connect(
                Lane(name="socket", address=offer.address, ticket=ticket, proof=offer.proof), side.host, idle=IDLE
            )
    line.close()
    assert len(warnings(caplog)) == 1
    await pushed(side, payload(CHUNK))


async def test_a_listener_that_can_not_prove_itself_is_none(side: Side) -> None:
    offer = await side.offer()
    with pytest.raises(ConnectionError, match="not the node that was called"):
        await connect(
            Lane(name="socket", address=offer.address, ticket=offer.ticket, proof=bytes(32)), side.host, idle=IDLE
        )


@pytest.mark.parametrize(
    "address", ["", "http", "70000", "-1", "unix:/run/docker.sock", "unix-abstract:other", "unix:", "٣"]
)
async def test_an_offer_leads_to_lanes_only(address: str) -> None:
    offer = Lane(name="socket", address=address, ticket=bytes(32), proof=bytes(32))
    with pytest.raises(ConnectionError, match="no address of a lane"):
        await connect(offer, "127.0.0.1", idle=IDLE)


GARBAGE = {
    "operation": Request(99, b"").to_bytes(),
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "short push": Request(PUSH, b"short").to_bytes(),
    "odd push": Request(PUSH, bytes(20)).to_bytes(),
    "short pull": Request(PULL, b"short").to_bytes(),
    "huge": struct.pack("!BI", PUSH, 0xFFFFFFFF),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_ends_the_connection(side: Side, caplog: pytest.LogCaptureFixture, garbage: bytes) -> None:
    for _ in range(3):
        line = await side.dial()
        line.send([garbage])
        with pytest.raises(ConnectionError):
            await line.run(lambda line=line: line.receive_exactly(1))  # type: ignore[misc]
        line.close()
    assert 1 <= len(warnings(caplog)) <= 1
    assert "nonsense" in warnings(caplog)[0]
    await pushed(side, payload(CHUNK))


def head(offset: int = 0, size: int = CHUNK, packed: int | None = None, packing: int = 0) -> bytes:
    return Head(offset, size, 0, size if packed is None else packed, packing).to_bytes()


LIES = {
    "larger than a chunk": head(size=CHUNK + 1),
    "nothing": head(size=0),
    "packed into more": head(size=10, packed=1 << 30),
    "unknown packing": head(packing=7),
    "elsewhere": head(offset=CHUNK),
    "past the end": head(size=CHUNK) * 2,
    "not zstd": head(size=100, packed=32, packing=1) + bytes(64),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
async def test_lying_heads_are_answered(side: Side, lie: bytes) -> None:
    line = await side.dial()
    request = Request(
        PUSH, os.urandom(16) + b"\0" + struct.pack("!Q", 1000 + (CHUNK if lie == LIES["elsewhere"] else 0))
    )
    line.send([request.to_bytes(), lie, bytes(64)])
    with pytest.raises(TransferError):
        await line.run(lambda: hear(line))
    line.close()
    await pushed(side, payload(CHUNK))


async def test_who_stops_reading_or_sending_is_given_up() -> None:
    side = Side(idle=0.2)
    outgoing = Outgoing([run_of(payload(LIMIT // 2))])
    side.depot.depart(outgoing)
    reader, sender = await side.dial(), await side.dial()
    reader.send([Request(PULL, outgoing.id + bytes(8)).to_bytes()])
    await sender.run(lambda: begin_push(sender, Outgoing([run_of(payload(2 * CHUNK))])))
    with pytest.raises(ConnectionError):
        await sender.run(lambda: sender.receive_exactly(1))
    assert len(side.depot) == 2  # another attempt may come
    while side.listener._connections:
        await asyncio.sleep(0.01)
    for line in (reader, sender):
        line.close()
    await side.stop()


async def test_nothing_is_left(side: Side) -> None:
    await side.offer()
    before = len(os.listdir("/proc/self/fd"))
    await pushed(side, payload(CHUNK))
    for _ in range(3):
        (await side.stranger()).close()
        with pytest.raises(RpcError):
            await side.lane.pull(Incoming(os.urandom(16), [5], LIMIT), meter(5))
        line = await side.dial()
        line.send([GARBAGE["http"]])
        line.close()
    await side.lane.close()
    while side.listener._connections:
        await asyncio.sleep(0.001)
    assert len(os.listdir("/proc/self/fd")) == before


async def test_who_rests_for_long_is_closed(monkeypatch: pytest.MonkeyPatch, side: Side) -> None:
    monkeypatch.setattr(listening, "_RESTING", 0.05)
    line = await side.dial()
    with pytest.raises(ConnectionError):
        await line.run(lambda: line.receive_exactly(1))
    line.close()


async def test_where_it_can_not_listen_it_offers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = SocketListener("socket", "127.0.0.1", port, Tickets(), {})
        assert await listener.offer() is None
        assert await listener.offer() is None
    assert len(warnings(caplog)) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in warnings(caplog)[0]
    await listener.stop()


async def test_a_system_without_such_connections(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = await side.offer()
    monkeypatch.setattr(listening, "SUPPORTED", False)
    monkeypatch.setattr(dialing, "SUPPORTED", False)
    assert await side.listener.offer() is None
    with pytest.raises(ConnectionError):
        await connect(offer, side.host, idle=IDLE)


async def test_nothing_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ConnectionError):
        await connect(Lane(name="socket", address=str(port), ticket=bytes(32), proof=bytes(32)), "127.0.0.1", idle=1)


# --- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("size", SIZES)
async def test_tls(authority: Authority, size: int) -> None:
    side = Side(tls=authority.mutual("node"))
    sent = payload(size)
    assert bytes((await pushed(side, sent))[0]) == sent.tobytes()
    assert bytes((await pushed(side, sent))[0]) == sent.tobytes()
    outgoing = Outgoing([run_of(sent)])
    side.depot.depart(outgoing)
    incoming = Incoming(outgoing.id, outgoing.sizes, LIMIT)
    await side.lane.pull(incoming, meter(size))
    assert bytes(incoming.buffers[0]) == sent.tobytes()
    assert len(side.dialed) == 1
    await side.stop()


async def test_tls_refusals_are_heard(authority: Authority) -> None:
    side = Side(tls=authority.mutual("node"))
    outgoing = Outgoing([run_of(np.zeros(LIMIT + 1, np.uint8))])
    with pytest.raises(RpcError, match="max_message_size"):
        await side.lane.push(outgoing, meter(outgoing.size), resume=False)
    await side.stop()


async def test_tls_links_that_stand_still_or_end(authority: Authority) -> None:
    side = Side(tls=authority.mutual("node"), idle=0.2)
    sender = await side.dial()
    await sender.run(lambda: begin_push(sender, Outgoing([run_of(payload(2 * CHUNK))])))
    with pytest.raises(ConnectionError):
        await sender.run(lambda: sender.receive_exactly(1))
    sender.close()
    waiting = await side.dial()
    task = asyncio.ensure_future(waiting.run(lambda: waiting.receive_exactly(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    waiting.close()
    silent = await side.dial()
    silent.idle = 0.05
    with pytest.raises(TimeoutError):
        await silent.run(lambda: silent.receive_exactly(1))
    silent.close()
    await side.stop()


Changed = Callable[[Authority, Authority, Side], None]


def no_certificate(authority: Authority, _: Authority, side: Side) -> None:
    side.tls = TlsConfig(ca=authority.path)


def other_authority(_: Authority, other: Authority, side: Side) -> None:
    side.tls = other.mutual("node")


def other_name(_: Authority, __: Authority, side: Side) -> None:
    side.expected = "another"


def plain_text(_: Authority, __: Authority, side: Side) -> None:
    side.tls = None


def impossible_name(_: Authority, __: Authority, side: Side) -> None:
    side.expected = "n" * 300


@pytest.mark.parametrize("changed", [no_certificate, other_authority, other_name, plain_text, impossible_name])
async def test_tls_mismatches(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: Changed
) -> None:
    side = Side(tls=authority.mutual("node"))
    good = side.tls, side.expected
    changed(authority, Authority(tmp_path, "other"), side)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await side.dial()
    assert len(warnings(caplog)) <= 1
    side.tls, side.expected = good
    await pushed(side, payload(CHUNK))
    await side.stop()


async def test_tls_of_one_side(authority: Authority) -> None:
    listener = TlsConfig(**authority.issue("host", dns=(), ips=("127.0.0.1",)))
    side = Side(tls=listener)
    side.tls, side.expected = TlsConfig(ca=authority.path), ""
    await pushed(side, payload(CHUNK))
    await side.stop()


async def test_a_node_with_tls_does_not_talk_to_one_without(authority: Authority) -> None:
    side = Side()
    side.tls = authority.mutual("node")
    with pytest.raises(ConnectionError):
        await side.dial()
    await side.stop()
