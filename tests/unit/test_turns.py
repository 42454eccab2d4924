"""Turns: how many large replies of a broadcast are here at one time."""

from __future__ import annotations

import asyncio

from oiafed_rpc.turns import Room


async def _steps() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_there_is_room_for_so_many_and_the_others_wait_in_order() -> None:
    room, order = Room(2), list[int]()
    turns = [room.turn() for _ in range(4)]

    async def enter(number: int) -> None:
        await turns[number].enter()
        order.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(enter(number))
        await _steps()
        assert order == [0, 1]
        turns[1].leave()
        await _steps()
        assert order == [0, 1, 2]
        turns[0].leave()
    assert order == [0, 1, 2, 3]


async def test_a_turn_is_entered_and_left_once() -> None:
    turn = Room(1).turn()
    turn.leave()
    await turn.enter()
    await turn.enter()
    turn.leave()
    turn.leave()
    await turn.enter()
    assert turn.held


async def test_who_is_cancelled_in_the_queue_takes_no_place() -> None:
    room = Room(1)
    first, second, third = room.turn(), room.turn(), room.turn()
    await first.enter()
    waiting = [asyncio.create_task(turn.enter()) for turn in (second, third)]
    await _steps()
    waiting[0].cancel()
    first.leave()
    await waiting[1]
    assert (second.held, third.held) == (False, True)


async def test_left_waits_until_the_reply_is_done_with() -> None:
    turn = Room(1).turn()
    await turn.left()
    await turn.enter()
    waiting = asyncio.create_task(turn.left())
    await _steps()
    assert not waiting.done()
    turn.leave()
    await waiting


async def test_who_is_cancelled_while_it_waits_does_no_harm() -> None:
    turn = Room(1).turn()
    await turn.enter()
    waiting = asyncio.create_task(turn.left())
    await _steps()
    waiting.cancel()
    await asyncio.wait([waiting])
    turn.leave()
    assert not turn.held
