"""What a node remembers of its calls, and for how long."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import Code, ConfigError, Message, RetriableError, RpcError
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.config import DeliveryConfig
from oiafed_rpc.delivery.answer import Answer
from oiafed_rpc.delivery.journal import Journal
from oiafed_rpc.delivery.marks import Marks, number_of
from oiafed_rpc.delivery.memory import FORGOTTEN, LEDGER, Attempt, Memory
from oiafed_rpc.delivery.tasks import begin
from oiafed_rpc.serializer import Serializers

SOON = 5.0


async def memory(**config: Any) -> Memory:
    made = Memory("learner_0", DeliveryConfig(**config), Serializers())
    await made.begin("l1")
    return made


def request(call_id: str, source: str = "trainer", ledger: str = "l1") -> Message:
    message = Message("fit", source, "learner_0", None, call_id=call_id)
    message.ledger = ledger
    return message


class Handler:
    """Answers once it is let."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.runs = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def run(self, attempt: Attempt, message: Message) -> Answer:
        """What a transport and a node do with a request."""
        attempt.check(message)
        former = attempt.former(message)
        if former is not None:
            await former.until_ended()
            return attempt.answer(message)
        noting = attempt.enter(message)
        if noting is not None:
            await noting
        self.runs += 1
        self.begun.set()
        try:
            if not self.go_on.is_set():
                await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return self.answer


def arrive(at: Memory, handler: Handler, message: Message) -> asyncio.Task[Answer]:
    attempt = Attempt(at, None)
    return asyncio.ensure_future(at.attend(attempt, handler.run(attempt, message)))


def answering(data: bytes = b"yes", outgoing: Outgoing | None = None, **fields: Any) -> Handler:
    handler = Handler(Answer(data, outgoing=outgoing, **fields))
    handler.go_on.set()
    return handler


async def test_repeats_join_or_get_the_same_answer() -> None:
    handler, at = Handler(Answer(b"yes")), await memory()
    first = arrive(at, handler, request("t-1"))
    await handler.begun.wait()
    others = [arrive(at, handler, request("t-1")) for _ in range(3)]
    await asyncio.sleep(0)
    others[0].cancel()
    await asyncio.sleep(0)
    handler.go_on.set()
    assert [each.data for each in await asyncio.gather(first, *others[1:])] == [b"yes"] * 3
    assert (await arrive(at, handler, request("t-1"))).data == b"yes"
    assert handler.runs == 1
    assert (await arrive(at, answering(b"no"), request("t-1", source="other"))).data == b"no"


async def test_a_handler_runs_on_without_its_caller_and_not_for_ever() -> None:
    handler, at = Handler(Answer(b"yes")), await memory(patience=0.05)
    first = arrive(at, handler, request("t-1"))
    await handler.begun.wait()
    first.cancel()
    async with asyncio.timeout(SOON):
        await handler.cancelled.wait()
    answer = await arrive(at, handler, request("t-1"))
    assert (answer.code, handler.runs) == (Code.CANCELLED, 1)
    assert "did not come back for 0.05 s" in answer.message


async def test_a_caller_that_comes_back_keeps_its_handler() -> None:
    handler, at = Handler(Answer(b"yes")), await memory(patience=0.05)
    first = arrive(at, handler, request("t-1"))
    await handler.begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    again = arrive(at, handler, request("t-1"))
    await asyncio.sleep(0.15)
    handler.go_on.set()
    assert (await again).data == b"yes"


async def test_a_caller_gives_up() -> None:
    handler, at = Handler(Answer(b"yes")), await memory()
    first = arrive(at, handler, request("t-1"))
    await handler.begun.wait()
    at.cancel("trainer", "t-2")
    at.cancel("other", "t-1")
    at.cancel("trainer", "t-1")
    assert "has given up" in (await first).message
    assert handler.cancelled.is_set()


async def test_a_caller_that_is_started_anew_gives_up_what_it_was() -> None:
    handler, at = Handler(Answer(b"yes")), await memory()
    at.meet("trainer", "t")
    first = arrive(at, handler, request("t-1"))
    other = arrive(at, handler, request("t-1", source="other"))
    await handler.begun.wait()
    at.meet("trainer", "t")
    at.meet("trainer", "u")
    assert "started anew" in (await first).message
    handler.go_on.set()
    assert (await other).data == b"yes"


async def test_another_ledger_is_refused_before_anything_runs() -> None:
    handler, at = answering(), await memory()
    with pytest.raises(RetriableError) as failure:
        await arrive(at, handler, request("t-1", ledger="l0"))
    assert (failure.value.ran, failure.value.details[LEDGER], handler.runs) == (False, "l1", 0)
    forgetful = await memory(calls=0)
    assert forgetful.ledger == ""


@pytest.mark.parametrize("call_id", ["", "7", "-7", "t-", "t-x", "t-" + 19 * "9", "t-٣"])
async def test_a_call_id_without_a_number_is_refused(call_id: str) -> None:
    with pytest.raises(RpcError) as failure:
        await arrive(await memory(), answering(), request(call_id))
    assert failure.value.code is Code.INVALID_ARGUMENT


async def test_what_did_not_run_is_not_remembered() -> None:
    at = await memory()
    assert not (await arrive(at, answering(ran=False), request("t-1"))).ran
    assert (await arrive(at, answering(b"ran"), request("t-1"))).data == b"ran"


async def test_a_large_answer_is_held_until_it_is_fetched() -> None:
    outgoing = Outgoing([run_of(bytes(1 << 20))])
    at, handler = await memory(memory=1), answering(outgoing=outgoing)
    await arrive(at, handler, request("t-1"))
    assert (await arrive(at, handler, request("t-1"))).outgoing is outgoing
    assert outgoing.delivered is not None
    outgoing.delivered()
    with pytest.raises(RetriableError) as failure:
        await arrive(at, handler, request("t-1"))
    assert FORGOTTEN in failure.value.details
    assert handler.runs == 1


async def test_answers_age() -> None:
    at = await memory(patience=0.01)
    await arrive(at, answering(), request("t-1"))
    await arrive(at, answering(outgoing=Outgoing([run_of(bytes(1 << 20))])), request("t-2"))
    async with asyncio.timeout(SOON):
        while len(at):
            await asyncio.sleep(0.01)
    assert at.size == 0
    with pytest.raises(RetriableError):
        await arrive(at, answering(), request("t-1"))


async def test_stopping_cancels_what_runs() -> None:
    handler, at = Handler(Answer(b"yes")), await memory()
    first = arrive(at, handler, request("t-1"))
    await handler.begun.wait()
    first.cancel()
    await asyncio.sleep(0)
    await at.stop()
    assert handler.cancelled.is_set()
    assert len(at) == at.size == 0


CALLS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 30), st.integers(0, 3000)), max_size=60)


@given(CALLS, st.integers(1, 8), st.integers(1, 8000))
async def test_it_is_bounded_and_no_call_runs_twice(calls: list[tuple[str, int, int]], most: int, limit: int) -> None:
    at = await memory(calls=most, memory=limit)
    ran: dict[tuple[str, int], bytes] = {}
    highest: dict[str, int] = {}
    for source, number, size in calls:
        handler = answering(bytes(size))
        came = arrive(at, handler, request(f"t-{number}", source=source))
        await asyncio.wait([came])
        refusal = came.exception()
        if refusal is not None:
            assert isinstance(refusal, RetriableError)
            assert (FORGOTTEN in refusal.details, refusal.ran) == (True, False)
            assert number <= highest[source]
            continue
        answer = came.result()
        if handler.runs:
            assert (source, number) not in ran
            ran[source, number] = answer.data
            highest[source] = max(number, highest.get(source, 0))
        assert answer.data == ran[source, number]
        assert len(at) <= most
        assert at.size <= max(limit, len(answer.data) + 512) or len(at) == 1
    await at.stop()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 50))))
def test_marks_cover_what_was_forgotten(forgotten: list[tuple[str, str, int]]) -> None:
    marks = Marks()
    for source, incarnation, number in forgotten:
        marks.raise_to(source, number_of(f"{incarnation}-{number}"))
    for source, incarnation, number in forgotten:
        assert marks.cover(source, number_of(f"{incarnation}-{number}"))
    for source in "ab":
        for incarnation in "xy":
            most = max((each[2] for each in forgotten if each[:2] == (source, incarnation)), default=-1)
            assert not marks.cover(source, number_of(f"{incarnation}-{most + 1}"))


def test_marks_are_bounded() -> None:
    marks = Marks()
    for number in range(20_000):
        marks.raise_to(str(number), number_of("t-1"))
    assert len(marks) == 10_000


async def test_a_task_that_begins_at_once() -> None:
    seen: list[Any] = []

    async def at_once() -> str:
        seen.append(asyncio.current_task())
        return "now"

    async def later(pause: asyncio.Event) -> str:
        seen.append(asyncio.current_task())
        async with asyncio.timeout(SOON):  # which cancels the task that it has begun in
            await pause.wait()
        seen.append(asyncio.current_task())
        return "later"

    async def raising() -> None:
        raise ValueError("at once")

    assert begin(at_once(), "x") == ("now", None)
    assert seen.pop() is not asyncio.current_task()
    pause = asyncio.Event()
    value, task = begin(later(pause), "a name")
    assert (value, seen) == (None, [task])
    assert task is not None
    assert task.get_name() == "a name"
    asyncio.get_running_loop().call_soon(pause.set)
    assert await task == "later"
    assert seen == [task, task]
    with pytest.raises(ValueError, match="at once"):
        begin(raising(), "x")
    pause = asyncio.Event()
    _, task = begin(later(pause), "x")
    assert task is not None
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_that_is_cancelled_before_its_turn_was_begun_all_the_same() -> None:
    cleaned_up = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            cleaned_up.set()
            raise

    _, task = begin(work(), "x")
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned_up.is_set()


async def test_a_journal_keeps_answers_over_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "calls.db")
    at = await memory(journal=path)
    ledger = at.ledger
    handler, large = answering(b"yes"), Outgoing([run_of(b"abc"), run_of(bytes(3 << 20))])
    await arrive(at, handler, request("t-1", ledger=ledger))
    refusal = Answer(b"status", code=Code.NOT_FOUND, message="no such round")
    handler.answer = refusal
    await arrive(at, handler, request("t-2", ledger=ledger))
    await arrive(at, answering(b"body", outgoing=large), request("t-3", ledger=ledger))
    await arrive(at, answering(ran=False), request("t-4", ledger=ledger))
    running = Handler(Answer(b"never"))
    call = arrive(at, running, request("t-5", ledger=ledger))
    await running.begun.wait()
    await at.stop()
    assert (await call).code is Code.CANCELLED

    again, other = await memory(journal=path), answering(b"new")
    assert again.ledger == ledger
    assert (await arrive(again, other, request("t-1", ledger=ledger))).data == b"yes"
    assert await arrive(again, other, request("t-2", ledger=ledger)) == refusal
    came = await arrive(again, other, request("t-3", ledger=ledger))
    assert came.outgoing is not None
    assert came.outgoing.sizes == (3, 3 << 20)
    assert came.outgoing.chunk(0).views[0][:3] == b"abc"
    assert other.runs == 0
    assert (await arrive(again, other, request("t-4", ledger=ledger))).data == b"new"
    again.meet("trainer", "u")
    await again.stop()
    last = await memory(journal=path)
    with pytest.raises(RetriableError, match="no longer knows"):
        await arrive(last, other, request("t-2", ledger=ledger))
    await last.stop()


async def test_what_ran_when_a_node_ended_is_not_run_again(tmp_path: Path) -> None:
    path = str(tmp_path / "calls.db")
    journal = Journal(path, "learner_0")
    ledger = (await journal.open()).ledger
    await journal.start(("trainer", "t-1"))
    await journal.close()
    at = await memory(journal=path)
    with pytest.raises(RetriableError) as failure:
        await arrive(at, answering(), request("t-1", ledger=ledger))
    assert FORGOTTEN in failure.value.details
    await at.stop()


async def test_a_journal_has_one_node(tmp_path: Path) -> None:
    path = str(tmp_path / "calls.db")
    at = await memory(journal=path)
    with pytest.raises(ConfigError, match="another node that runs has it open"):
        await memory(journal=path)
    await at.stop()
    with pytest.raises(ConfigError, match="is that of node 'learner_0': give 'b' its own"):
        await Journal(path, "b").open()
    (tmp_path / "text").write_text("no database, but a file that is long enough to be taken for one" * 20)
    with pytest.raises(ConfigError, match="can't be used: file is not a database"):
        await Journal(str(tmp_path / "text"), "b").open()
