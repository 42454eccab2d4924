"""Connections of lanes: blocking, in threads."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from oiafed_rpc.bulk.lanes.socket.line import Line

IDLE = 5.0
Pair = tuple[Line, Line]


@pytest.fixture(params=[socket.AF_UNIX, socket.AF_INET], ids=["unix", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two ends of a connection."""
    if request.param == socket.AF_UNIX:
        ends = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            ends = socket.create_connection(server.getsockname()), server.accept()[0]
    lines = Line(ends[0], IDLE), Line(ends[1], IDLE)
    yield lines
    for line in lines:
        line.close()


async def test_buffers_of_any_number_and_size_arrive(pair: Pair) -> None:
    here, there = pair
    parts = [os.urandom(size) for size in (1, 0, 70_000, 3, 2_000_000)] + [b"x"] * 3000
    room = [bytearray(len(part)) for part in reversed(parts)]
    await asyncio.gather(here.run(lambda: here.send(parts)), there.run(lambda: there.receive(room)))
    assert b"".join(room) == b"".join(parts)


async def test_a_link_that_stands_still_times_out(pair: Pair) -> None:
    here, there = pair
    here.idle = there.idle = 0.05
    with pytest.raises(TimeoutError, match=r"stood still for 0\.05 s"):
        await here.run(lambda: here.receive_exactly(1))
    with pytest.raises(TimeoutError):
        await here.run(lambda: here.send([bytes(64 << 20)]))


async def test_a_link_that_only_drips_times_out(pair: Pair) -> None:
    here, there = pair
    here.idle = 0.2
    received = asyncio.ensure_future(here.run(lambda: here.receive_exactly(1 << 20)))
    while not received.done():
        there.send([b"."])
        await asyncio.sleep(0.01)
    assert isinstance(received.exception(), TimeoutError)


async def test_the_end_of_the_other_side_is_told_at_once(pair: Pair) -> None:
    here, there = pair
    assert not here.readable()
    waiting = asyncio.ensure_future(here.run(lambda: here.receive_exactly(10)))
    there.send([b"half"])
    there.close()
    with pytest.raises(ConnectionError):
        await waiting
    assert here.readable()
    with pytest.raises(ConnectionError):
        await here.run(lambda: here.send([bytes(64 << 20)]))


@pytest.mark.parametrize("sends", [True, False])
async def test_a_cancelled_operation_leaves_no_thread(pair: Pair, sends: bool) -> None:
    here, there = pair
    ended: list[str] = []

    def operation() -> None:
        try:
            if sends:
                here.send([bytes(64 << 20)])
            else:
                here.receive_exactly(10)
        finally:
            ended.append(threading.current_thread().name)

    task = asyncio.ensure_future(here.run(operation))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
    there.idle = 1.0
    with pytest.raises(ConnectionError):
        await there.run(lambda: there.receive_exactly(65 << 20))


async def test_an_operation_that_is_cancelled_again_and_again_is_waited_for(pair: Pair) -> None:
    here, _ = pair
    go_on, ended = threading.Event(), threading.Event()

    def operation() -> None:
        go_on.wait()
        ended.set()

    task = asyncio.ensure_future(here.run(operation))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_what_an_operation_gives_and_raises_is_the_callers(pair: Pair) -> None:
    here, _ = pair
    assert await here.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await here.run(lambda: 1 // 0)


async def test_an_aborted_line_stays_broken(pair: Pair) -> None:
    here, there = pair
    here.abort()
    here.abort()
    for operation in (lambda: here.send([b"x"]), lambda: here.receive_exactly(1)):
        with pytest.raises(ConnectionError):
            await here.run(operation)
    here.close()
    here.idle = 3.0
    assert here.readable()
    with pytest.raises(ConnectionError):
        here.send([b"x"])
    assert there.readable()


def test_who_waits_goes_on_while_what_was_sent_gets_through() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        here = Line(socket.create_connection(server.getsockname()), 0.5)
        there = Line(server.accept()[0], 30.0)
    moved: list[int] = []

    def slow_reader() -> None:
        for _ in range(15):
            time.sleep(0.1)  # a slow link: 1.5 s in all, three times `idle`
            there.receive_exactly(20_000)
        there.send([b"k"])

    reader = threading.Thread(target=slow_reader)
    reader.start()
    here.send([bytes(300_000)])
    here.settle(lambda: moved.append(1))
    reader.join()
    assert moved
    assert here.receive_exactly(1) == b"k"
    with pytest.raises(TimeoutError):
        here.settle(lambda: None)
    here.close()
    there.close()


def test_a_forked_child_lets_go_without_a_word() -> None:
    ends = socket.socketpair()
    here, there = Line(ends[0], IDLE), Line(ends[1], IDLE)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)
        os._exit(here.fileno() != -1)
    os.close(reading)
    here.send([b"x"])
    assert there.receive_exactly(1) == b"x"
    ends[0].close()  # as the kernel does when the parent is killed: the child must not keep the connection open
    with pytest.raises(ConnectionError):
        there.receive_exactly(1)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    there.close()
