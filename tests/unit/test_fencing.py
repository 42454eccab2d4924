"""Which start of a node counts, and who gives way to whom."""

from __future__ import annotations

import asyncio
import logging

import pytest
from oiafed_rpc import Superseded, guests
from oiafed_rpc import fencing as fencing_module
from oiafed_rpc.fencing import Fence
from oiafed_rpc.guests import Guest, Guests


def test_a_former_start_gets_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    fence = Fence("hub")
    fence.admit("a", "1")
    fence.admit("a", "1")
    fence.check_call("a", "1-17")
    fence.admit("a", "2")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(Superseded, match="another start of it has taken its place"):
                fence.check_call("a", "1-18")
    assert len(caplog.records) == 1
    with pytest.raises(Superseded):
        fence.admit("a", "1")
    fence.check_call("a", "2-1")


def test_it_is_the_start_of_one_node_that_counts() -> None:
    """A node that takes the incarnation of another for its own does it no harm."""
    fence = Fence("hub")
    fence.admit("a", "1")
    fence.admit("b", "1")
    fence.admit("b", "2")
    fence.check_call("a", "1-1")
    fence.check_call("", "")
    fence.check_call("b", "no id of ours")
    fence.admit("plain", "")
    fence.admit("plain", "")


def test_it_remembers_no_more_than_it_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fencing_module, "_MOST", 10)
    fence = Fence("hub")
    for node in range(100):
        for start in range(3):
            fence.admit(f"{node}", f"{start}")
    assert len(fence.former) == 10
    fence.admit("99", "2")
    with pytest.raises(Superseded):
        fence.admit("99", "1")


async def _until(guest: Guest, there: Guests, *, answers: bool) -> str:
    """Attend, and answer or not, until it ends."""
    try:
        while await guest.asked():
            if answers:
                there.answer(guest.node_id, guest.incarnation)
    except Superseded:
        return "superseded"
    return "dismissed"


@pytest.mark.parametrize("answers", [True, False])
async def test_one_that_does_not_answer_gives_way(answers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "PATIENCE", 5 if answers else 0.05)
    there = Guests()
    with there.attending("a", "1") as guest, there.attending("b", "1"):
        attending = asyncio.create_task(_until(guest, there, answers=answers))
        assert await there.make_room("a", "1")
        assert await there.make_room("c", "2")
        assert await there.make_room("a", "2") is not answers
        assert await there.make_room("a", "3") is not answers
        there.dismiss()
        assert await attending == ("dismissed" if answers else "superseded")


async def test_one_that_goes_meanwhile_gives_way_at_once() -> None:
    there = Guests()
    with there.attending("a", "1") as guest:
        asking = asyncio.create_task(there.make_room("a", "2"))
        assert await guest.asked()
    async with asyncio.timeout(guests.PATIENCE / 2):
        assert await asking


async def test_all_starts_that_do_not_answer_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guests, "PATIENCE", 0.02)
    there = Guests()
    with there.attending("a", "1"), there.attending("a", "1"), there.attending("a", "2"):
        assert await there.make_room("a", "3")
        with there.attending("a", "3"):
            assert await there.make_room("a", "3")
