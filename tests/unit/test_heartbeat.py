"""The heartbeat, on a clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import HeartbeatManager, RetriableError
from oiafed_rpc.testing import ManualClock


class Peer:
    """A peer that answers, refuses, or keeps silent, as its test says."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.mood = "answers"
        self.pings: list[float] = []

    async def ping(self) -> None:
        self.pings.append(self.clock.time())
        if self.mood == "hangs":
            await asyncio.Event().wait()
        if self.mood == "refuses":
            raise RetriableError("not now")
        if self.mood == "is broken":
            raise ValueError("a bug")


class Watch:
    """A manager with interval 30 and timeout 90, and what it has told."""

    def __init__(self) -> None:
        self.clock = ManualClock(start=0)
        self.manager = HeartbeatManager(30, 90, clock=self.clock)
        self.told: list[tuple[float, str, str]] = []
        self.manager.tell(self._note("lost"), self._note("recovered"))
        self.peer = Peer(self.clock)

    def _note(self, what: str):
        return lambda peer: self.told.append((self.clock.time(), what, peer))

    async def begin(self, mood: str = "answers") -> Peer:
        self.peer.mood = mood
        self.manager.watch("a", self.peer.ping)
        await self.clock.until_sleeping()
        return self.peer


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    before = asyncio.all_tasks()
    watch = Watch()
    yield watch
    await watch.manager.stop()
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}
    assert watch.clock.sleeping == 0


async def test_a_peer_is_pinged_at_each_interval(watch: Watch) -> None:
    peer = await watch.begin()
    await watch.clock.advance(120)
    assert peer.pings == [30, 60, 90, 120]
    assert watch.told == []
    assert watch.manager.last_seen("a") == 120
    assert not watch.manager.is_lost("a")


@pytest.mark.parametrize("mood", ["refuses", "hangs", "is broken"])
async def test_a_peer_that_does_not_answer_is_lost_at_the_timeout(watch: Watch, mood: str) -> None:
    peer = await watch.begin()
    await watch.clock.advance(45)
    peer.mood = mood
    await watch.clock.advance(74.9)
    assert watch.told == []
    await watch.clock.advance(0.2)
    assert watch.told == [(120, "lost", "a")]
    assert watch.manager.is_lost("a")
    assert watch.manager.last_seen("a") == 30


async def test_a_ping_that_cannot_be_made_is_logged(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    await watch.begin("is broken")
    with caplog.at_level(logging.ERROR):
        await watch.clock.advance(30)
    assert "peer 'a' could not be asked for a heartbeat" in caplog.text


@pytest.mark.parametrize("mood", ["refuses", "hangs"])
async def test_a_lost_peer_is_pinged_all_the_same_and_may_recover(watch: Watch, mood: str) -> None:
    peer = await watch.begin(mood)
    await watch.clock.advance(300)
    assert watch.told == [(90, "lost", "a")]
    peer.mood = "answers"
    await watch.clock.advance(60)
    assert watch.told[1:] == [(pytest.approx(330, abs=30), "recovered", "a")]
    peer.mood = mood
    await watch.clock.advance(200)
    assert [what for _, what, _ in watch.told] == ["lost", "recovered", "lost"]


async def test_a_probe_finds_out_at_once(watch: Watch) -> None:
    peer = await watch.begin("refuses")
    await watch.clock.advance(5)
    watch.manager.probe("a")
    await watch.clock.advance(0)
    assert peer.pings == [5]
    assert watch.told == [(5, "lost", "a")]


async def test_a_probe_of_a_peer_that_answers_changes_nothing(watch: Watch) -> None:
    peer = await watch.begin()
    await watch.clock.advance(5)
    watch.manager.probe("a")
    await watch.clock.advance(0)
    assert peer.pings == [5]
    await watch.clock.advance(30)
    assert peer.pings == [5, 35]
    assert watch.told == []


async def test_what_is_not_watched_is_left_alone(watch: Watch) -> None:
    peer = await watch.begin("hangs")
    await watch.clock.advance(40)
    watch.manager.unwatch("a")
    watch.manager.unwatch("nobody")
    watch.manager.probe("nobody")
    await watch.clock.advance(500)
    assert peer.pings == [30]
    assert watch.told == []
    assert watch.manager.last_seen("a") is None
    assert not watch.manager.is_lost("a")


async def test_stopping_ends_a_ping_that_hangs(watch: Watch) -> None:
    peer = await watch.begin("hangs")
    await watch.clock.advance(31)
    await watch.manager.stop()
    assert peer.pings == [30]
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("oiafed")]


async def test_unwatching_ends_a_ping_that_hangs(watch: Watch) -> None:
    await watch.begin("hangs")
    await watch.clock.advance(31)
    watch.manager.unwatch("a")
    await watch.clock.advance(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("oiafed")]


async def test_who_is_watched_anew_is_there_now(watch: Watch) -> None:
    await watch.begin("refuses")
    await watch.clock.advance(200)
    assert watch.manager.is_lost("a")
    watch.manager.watch("a", watch.peer.ping)
    assert not watch.manager.is_lost("a")
    assert watch.manager.last_seen("a") == 200


@pytest.mark.parametrize("mood", ["refuses", "hangs"])
@pytest.mark.parametrize("when", [10, 45, 65])
async def test_time_in_which_this_process_stood_still_does_not_count(watch: Watch, mood: str, when: float) -> None:
    await watch.begin(mood)
    await watch.clock.advance(when)
    await watch.clock.stand_still(1000)
    await watch.clock.advance(max(0, 89.9 - when))
    assert watch.told == []
    await watch.clock.advance(60)  # a ping that was interrupted is made again
    assert [what for _, what, _ in watch.told] == ["lost"]


async def test_an_answer_that_waited_while_this_process_stood_still_counts(watch: Watch) -> None:
    peer = await watch.begin("hangs")
    await watch.clock.advance(31)
    await watch.clock.stand_still(1000)
    peer.mood = "answers"
    await watch.clock.advance(100)
    assert watch.told == []


@pytest.mark.parametrize(("interval", "timeout"), [(0, 1), (-1, 1), (1, 1), (2, 1), (float("nan"), 1)])
def test_impossible_times_are_refused(interval: float, timeout: float) -> None:
    with pytest.raises(ValueError, match="interval must be above 0 and timeout above it"):
        HeartbeatManager(interval, timeout)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["answers", "refuses", "hangs"]), st.integers(1, 120)), max_size=12))
def test_lost_and_recovered_take_turns_and_tell_the_truth(moods: list[tuple[str, int]]) -> None:
    async def check() -> None:
        watch = Watch()
        peer = await watch.begin()
        seen = 0.0
        for mood, seconds in moods:
            peer.mood = mood
            before = len(peer.pings)
            await watch.clock.advance(seconds)
            if mood == "answers" and len(peer.pings) > before:
                seen = peer.pings[-1]
            silent = watch.clock.time() - seen
            if silent > 90:
                assert watch.manager.is_lost("a")
            if watch.manager.is_lost("a"):
                assert silent >= 90
        expected = ["lost", "recovered"] * len(watch.told)
        assert [what for _, what, _ in watch.told] == expected[: len(watch.told)]
        await watch.manager.stop()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(check())
