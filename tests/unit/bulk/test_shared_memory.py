"""Transfers through the memory of the host: they arrive whole, nobody else gets at them, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import LaneUnfit, TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.shared_memory import admission, channel, listening, mapping, segments
from oiafed_rpc.bulk.lanes.shared_memory.admission import connect
from oiafed_rpc.bulk.lanes.shared_memory.channel import Packet, connected_socket, listening_socket
from oiafed_rpc.bulk.lanes.shared_memory.lane import SharedMemoryLane
from oiafed_rpc.bulk.lanes.shared_memory.listening import SharedMemoryListener
from oiafed_rpc.bulk.lanes.shared_memory.segments import Segments
from oiafed_rpc.bulk.lanes.shared_memory.sharing import Kind
from oiafed_rpc.bulk.lanes.tickets import Tickets
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.records import Tensor
from oiafed_rpc.system import types

pytestmark = pytest.mark.skipif(
    not (mapping.SUPPORTED and channel.SUPPORTED), reason="shared memory of this kind is Linux's"
)

_LIMIT = 1 << 26


class _Host:
    """A node that offers its memory, and another that has opened a connection to it, in one process."""

    def __init__(self, depot: Depot | None = None) -> None:
        self.depot = depot or Depot(_LIMIT, 30.0)
        self.here, self.there = Segments(), Segments()
        self.listener = SharedMemoryListener(self.depot, Tickets(), self.there)
        self.lane = SharedMemoryLane(self.dial, self.here)
        self.dialled = 0

    async def dial(self) -> socket.socket:
        self.dialled += 1
        offer = await self.listener.offer()
        assert offer is not None
        return await connect(offer)

    async def push(self, outgoing: Outgoing) -> list[memoryview]:
        meter = Meter("fit", "b", outgoing.size, sending=True, idle=5.0)
        await self.lane.push(outgoing, meter, resume=False)
        assert meter.done == outgoing.size
        return self.depot.take(outgoing.id)

    async def pull(self, outgoing: Outgoing) -> list[memoryview]:
        self.depot.depart(outgoing)
        incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
        meter = Meter("fit", "b", outgoing.size, sending=False, idle=5.0)
        await self.lane.pull(incoming, meter)
        assert (meter.done, incoming.complete) == (outgoing.size, True)
        return incoming.buffers

    async def close(self) -> None:
        await self.lane.close()
        await self.listener.stop()
        self.depot.clear()
        await self.here.close()
        await self.there.close()


@pytest.fixture
async def host() -> AsyncIterator[_Host]:
    made = _Host()
    yield made
    await made.close()


def _values() -> list[Tensor]:
    return [np.arange(300_000, dtype=np.float64), np.zeros(0), np.arange(77, dtype=np.int8)]


def _outgoing(values: list[Tensor], *, shared: bool = False) -> Outgoing:
    return Outgoing([run_of(value) for value in values], shared=shared)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


def _is_free(pool: Segments) -> Callable[[], bool]:
    return lambda: bool(pool._free)


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_a_transfer_arrives_writable_and_what_is_written_stays_here(host: _Host, way: str) -> None:
    values = _values()
    outgoing = _outgoing(values)
    buffers = await getattr(host, way)(outgoing)
    assert [bytes(each) for each in buffers] == [value.tobytes() for value in values]
    array = np.frombuffer(buffers[0], np.float64)
    array += 1
    outgoing = _outgoing(values)
    again = await getattr(host, way)(outgoing)
    assert [bytes(each) for each in again] == [value.tobytes() for value in values]
    assert np.array_equal(array, values[0] + 1)


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_a_segment_is_used_again_once_what_was_received_has_died(host: _Host, way: str) -> None:
    pool = host.here if way == "push" else host.there
    for _ in range(5):
        outgoing = _outgoing(_values())
        buffers = await getattr(host, way)(outgoing)
        outgoing.close()
        assert [bytes(each) for each in buffers] == [value.tobytes() for value in _values()]
        view = buffers[2][5:6]
        del buffers
        await asyncio.sleep(0)
        assert not pool._free or pool._free[0].capacity == 4096  # what was probed
        del view
        await _until(lambda: any(each.capacity > 4096 for each in pool._free))
    assert [each.generation for each in pool._free if each.capacity > 4096] == [5]
    assert host.dialled == 1


async def test_a_broadcast_is_written_once_and_each_receiver_has_his_own() -> None:
    hosts = [_Host() for _ in range(4)]
    outgoing, pool = _outgoing(_values(), shared=True), hosts[0].here
    for each in hosts:
        each.lane = SharedMemoryLane(each.dial, pool)
    received = await asyncio.gather(*(each.push(outgoing) for each in hosts))
    assert pool._free == []
    received[0][0][0:8] = b"changed!"
    assert all(bytes(each[0]) == _values()[0].tobytes() for each in received[1:])
    outgoing.close()
    del received
    await _until(_is_free(pool))
    assert [each.generation for each in pool._free] == [1]
    for each in hosts:
        await each.close()


async def test_the_same_transfer_may_be_pushed_twice(host: _Host) -> None:
    outgoing = _outgoing(_values())
    meter = Meter("fit", "b", outgoing.size, sending=True, idle=5.0)
    for _ in range(2):
        await host.lane.push(outgoing, meter, resume=True)
    assert meter.done == outgoing.size
    assert len(host.depot.take(outgoing.id)) == 3


async def test_a_transfer_to_one_receiver_holds_no_segment_once_he_has_let_go(host: _Host) -> None:
    outgoing = _outgoing(_values())
    buffers = await host.push(outgoing)
    assert host.here._free == []
    del buffers
    await _until(_is_free(host.here))
    assert not outgoing.shared


async def test_a_connection_that_ends_spoils_what_was_lent_and_the_next_is_opened(host: _Host) -> None:
    outgoing = _outgoing(_values(), shared=True)
    buffers = await host.push(outgoing)
    segment = getattr(outgoing.segment, "segment", None)
    await host.lane.close()
    outgoing.close()
    assert bytes(buffers[0]) == _values()[0].tobytes()
    await host.push(_outgoing(_values()))
    assert bytes(buffers[0]) == _values()[0].tobytes()
    assert host.dialled == 2
    del buffers
    await _until(_is_free(host.here))
    assert segment is not None
    assert (segment.fd, segment in host.here._free) == (-1, False)


async def test_a_segment_that_is_dropped_is_forgotten_by_receivers(
    host: _Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_IDLE_SECONDS", 0.01)
    outgoing = _outgoing(_values())
    await host.push(outgoing)
    (answering,) = host.listener._answering
    assert answering._sharing._foreign
    outgoing.close()
    await _until(lambda: not answering._sharing._foreign)


async def test_a_refusal_arrives_as_it_was_meant(host: _Host) -> None:
    meter = Meter("fit", "b", 8, sending=False, idle=5.0)
    with pytest.raises(RpcError, match="there is no transfer") as caught:
        await host.lane.pull(Incoming(bytes(16), [8], _LIMIT), meter)
    assert caught.value.code is Code.NOT_FOUND
    large = Outgoing([run_of(np.zeros(_LIMIT + 1, np.uint8))])
    with pytest.raises(RpcError, match="max_message_size") as caught:
        await host.push(large)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    await host.push(_outgoing(_values()))
    assert host.dialled == 1


async def test_other_sizes_than_were_told_are_refused(host: _Host) -> None:
    outgoing = _outgoing(_values())
    host.depot.depart(outgoing)
    with pytest.raises(TransferError, match="not 16 in 1"):
        await host.lane.pull(Incoming(outgoing.id, [16], _LIMIT), Meter("fit", "b", 16, sending=False, idle=5.0))


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_what_a_side_has_no_room_for_takes_the_next_lane(
    host: _Host, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await host.push(_outgoing([np.zeros(8)]))  # listens
    monkeypatch.setattr(segments, "memory_available", lambda: 0)
    with pytest.raises(LaneUnfit, match="a quarter of the memory"):
        await getattr(host, way)(_outgoing(_values()))


@pytest.mark.parametrize("way", ["push", "pull"])
async def test_what_a_receiver_cannot_map_takes_the_next_lane_and_spoils_the_segment(
    host: _Host, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mapping.ForeignSegment, "borrow", refuse)
    outgoing = _outgoing(_values())
    with pytest.raises(LaneUnfit, match="Cannot allocate memory"):
        await getattr(host, way)(outgoing)
    host.depot.clear()
    outgoing.close()
    await asyncio.sleep(0.01)
    assert all(each.capacity == 4096 for each in [*host.here._free, *host.there._free])


async def test_a_cancelled_pull_returns_what_comes_too_late(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    outgoing = _outgoing(_values())
    host.depot.depart(outgoing)
    go_on, place = asyncio.Event(), host.there.place

    async def slow(outgoing: Outgoing, moved: Callable[[], object]) -> segments.Placement:
        moved()
        await go_on.wait()
        placement: segments.Placement = await place(outgoing, moved)
        return placement

    monkeypatch.setattr(host.there, "place", slow)
    meter = Meter("fit", "b", outgoing.size, sending=False, idle=0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await host.lane.pull(Incoming(outgoing.id, outgoing.sizes, _LIMIT), meter)
    go_on.set()
    await _until(lambda: bool(outgoing.segment))
    host.depot.clear()
    await _until(lambda: any(each.capacity > 4096 for each in host.there._free))


async def test_a_listener_that_stops_ends_what_waits(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def never(*_: object) -> segments.Placement:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(host.there, "place", never)
    pulling = asyncio.create_task(host.pull(_outgoing(_values())))
    await asked.wait()
    await host.listener.stop()
    with pytest.raises(ConnectionError):
        await pulling
    assert await host.listener.offer() is None


# --- who may connect


async def _offered(host: _Host) -> types.Lane:
    offer = await host.listener.offer()
    assert offer is not None
    return offer


async def test_a_ticket_is_good_once(host: _Host) -> None:
    offer = await _offered(host)
    (await connect(offer)).close()
    with pytest.raises(OSError, match="somebody else"):
        await connect(offer)


async def test_somebody_who_does_not_know_the_proof_is_not_talked_to(host: _Host) -> None:
    offer = await _offered(host)
    offer.proof = bytes(32)
    with pytest.raises(ConnectionError, match="somebody else"):
        await connect(offer)


async def test_addresses_of_others_are_not_connected_to() -> None:
    for address in ("/tmp/.X11-unix/X0", "oiafed-nobody", "50051"):
        with pytest.raises(OSError, match=r"no address|refused"):
            await connect(types.Lane(name="shared_memory", address=address, ticket=bytes(32), proof=bytes(32)))


async def test_a_listener_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_ANSWERING", 0.05)
    listening, name = listening_socket()
    with listening, pytest.raises(TimeoutError):
        await connect(types.Lane(name="shared_memory", address=name, ticket=bytes(32), proof=bytes(32)))


async def test_one_who_shows_no_ticket_is_sent_away(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_SHOWING", 0.05)
    with connected_socket((await _offered(host)).address) as silent:
        await _until(lambda: _ended(silent))


async def test_only_so_many_strangers_wait_at_the_door(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_MOST_STRANGERS", 2)
    address = (await _offered(host)).address
    with contextlib.ExitStack() as stack:
        strangers = [stack.enter_context(connected_socket(address)) for _ in range(5)]
        await _until(lambda: sum(map(_ended, strangers)) == 3)


def _ended(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def test_another_user_is_refused_by_both_sides(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    offer = await _offered(host)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(PermissionError, match="belongs to user"):
        await connect(offer)
    monkeypatch.undo()
    monkeypatch.setattr(channel, "check_user", lambda sock: None)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(OSError, match=r"reset|pipe|somebody else"):
        await connect(offer)


_AS_ANOTHER = """
import os, socket, sys
os.setuid(65534)
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
sock.connect("\\0" + sys.argv[1])
try:
    sock.send(bytes.fromhex(sys.argv[2]))
    answer = sock.recv(32)
except OSError:
    answer = b""
print(len(answer))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_process_of_another_user_gets_nothing_even_with_a_ticket(host: _Host) -> None:
    offer = await _offered(host)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _AS_ANOTHER, offer.address, offer.ticket.hex(), stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"0\n")


async def test_nothing_is_offered_where_there_is_no_such_memory(host: _Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SUPPORTED", False)
    assert await host.listener.offer() is None


async def test_packets_that_make_no_sense_end_the_connection(host: _Host) -> None:
    nonsense = [
        b"x",
        Packet(99).to_bytes(),
        Packet(Kind.RETURNED, segment=5).to_bytes(),
        bytes(4096),
    ]
    for packet in nonsense:
        with await host.dial() as sock:
            sock.send(packet)
            await _until(lambda: _ended(sock))
    await host.push(_outgoing(_values()))


async def test_memory_that_could_shrink_is_not_mapped(host: _Host) -> None:
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 1 << 20)
    with await host.dial() as sock:
        socket.send_fds(sock, [Packet(Kind.PUSH, request=1, segment=1, id=bytes(16)).to_bytes()], [fd])
        os.close(fd)
        await _until(lambda: _readable(sock))
        assert Packet.from_bytes(sock.recv(4096)).kind == Kind.SPOILT
        await _until(lambda: _readable(sock))
        answer = Packet.from_bytes(sock.recv(4096))
    assert (answer.kind, answer.request) == (Kind.UNFIT, 1)
    assert b"seals" in answer.text


def _readable(sock: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        return bool(sock.recv(1, socket.MSG_PEEK))
    return False


# --- processes that end


_NODE = """
import asyncio, sys
import numpy as np
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.lanes.shared_memory.listening import SharedMemoryListener
from oiafed_rpc.bulk.lanes.shared_memory.segments import Segments
from oiafed_rpc.bulk.lanes.tickets import Tickets
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of

async def main():
    depot = Depot(1 << 30, 30.0)
    listener = SharedMemoryListener(depot, Tickets(), Segments())
    offer = await listener.offer()
    outgoing = Outgoing([run_of(np.arange(1 << 20, dtype=np.uint8))], id=bytes(16))
    depot.depart(outgoing)
    print(offer.address, offer.ticket.hex(), offer.proof.hex(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


class _Process:
    """A node in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", _NODE], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        address, ticket, proof = self.process.stdout.readline().split()
        self.offer = types.Lane(
            name="shared_memory", address=address, ticket=bytes.fromhex(ticket), proof=bytes.fromhex(proof)
        )

    async def dial(self) -> socket.socket:
        return await connect(self.offer)

    def end(self) -> None:
        with self.process as process:
            process.kill()


@pytest.fixture
async def process() -> AsyncIterator[_Process]:
    made = await asyncio.to_thread(_Process)
    yield made
    made.end()


async def test_a_killed_receiver_costs_the_segment_and_leaves_nothing(process: _Process) -> None:
    before = len(_memory_files())
    pool, outgoing = Segments(), _outgoing(_values())
    lane = SharedMemoryLane(process.dial, pool)
    await lane.push(outgoing, Meter("fit", "b", outgoing.size, sending=True, idle=5.0), resume=False)
    outgoing.close()
    process.end()
    with pytest.raises(OSError, match=r"refused|ended|pipe|reset"):
        await lane.push(_outgoing(_values()), Meter("fit", "b", 1, sending=True, idle=5.0), resume=False)
    await lane.close()
    await pool.close()
    await _until(lambda: len(_memory_files()) <= before)
    assert process.offer.address not in Path("/proc/net/unix").read_text()


async def test_what_a_killed_sender_has_lent_can_be_read_until_it_dies(process: _Process) -> None:
    before = _mapped()
    pool = Segments()
    lane = SharedMemoryLane(process.dial, pool)
    incoming = Incoming(bytes(16), [1 << 20], _LIMIT)
    await lane.pull(incoming, Meter("fit", "b", incoming.size, sending=False, idle=5.0))
    process.end()
    (buffer,) = incoming.buffers
    assert bytes(buffer) == np.arange(1 << 20, dtype=np.uint8).tobytes()
    buffer[:] = bytes(1 << 20)
    await lane.close()
    del buffer, incoming
    await _until(lambda: _mapped() <= before)
    await pool.close()


async def test_a_stopped_receiver_does_not_hold_who_gives_up(process: _Process) -> None:
    pool, outgoing = Segments(), _outgoing(_values())
    lane = SharedMemoryLane(process.dial, pool)
    await lane.push(outgoing, Meter("fit", "b", outgoing.size, sending=True, idle=5.0), resume=False)
    process.process.send_signal(signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await lane.push(outgoing, Meter("fit", "b", outgoing.size, sending=True, idle=5.0), resume=False)
    await lane.close()
    await pool.close()


def _memory_files() -> list[str]:
    found = list[str]()
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            path = os.readlink(f"/proc/self/fd/{fd}")
            found += [path] if "memfd:oiafed" in path else []
    return found


def _mapped() -> int:
    return Path("/proc/self/maps").read_text().count("memfd:oiafed")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
async def test_a_forked_child_lets_go_without_a_word(host: _Host) -> None:
    outgoing = _outgoing(_values())
    buffers = await host.push(outgoing)
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            right = bytes(buffers[0]) == _values()[0].tobytes()
            del buffers
            free = not any(pool._free for pool in (host.here, host.there))
            os._exit(0 if right and free and host.lane._asking is not None and host.lane._asking.channel.closed else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    outgoing.close()
    del buffers
    again = _outgoing(_values())
    received = await host.push(again)
    assert bytes(received[0]) == _values()[0].tobytes()
    assert host.dialled == 1
