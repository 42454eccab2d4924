"""Uses of streamed requests that are wrong, each on a line marked `# E:`."""

from __future__ import annotations

from abc import ABC
from collections.abc import AsyncIterator, Iterator

from methods.v1 import Mode, Record, WorkerCollection, WorkerHandler, WorkerProxy
from services.v1 import HttpKeeperProxy, Reply, Request


async def words() -> AsyncIterator[str]:
    yield "a"


async def calls(worker: WorkerProxy, keeper: HttpKeeperProxy, record: Record) -> None:
    await worker.sum(start=1, numbers=3)  # E: an item is not a stream
    await worker.sum(start=1, numbers=["a"])  # E: wrong item type
    await worker.sum(start=1, numbers=words())  # E: wrong item type
    await worker.sum(numbers=[1])  # E: missing argument
    await worker.batches(batches=[record], by={})  # E: an item is a list
    await worker.paint(modes=[Mode.FAST], last=record)  # E: a stream is not awaited
    for mode in worker.paint(modes=[Mode.FAST], last=record):  # E: a stream is asynchronous
        pass
    async for number in worker.sum(start=1, numbers=[1]):  # E: not a stream
        pass
    await worker.paint([Mode.FAST], Mode.SLOW, record)  # E: by keyword from where a default comes
    worker.sum(start=1, numbers=[1])  # E: forgotten await
    await worker.average(words())  # E: items are numbers, not text
    async for value in worker.echo(values=[1]):  # E: deprecated
        pass
    await worker.everything()  # E: deprecated
    await keeper.upload(Request(name="a"))  # E: an item is not a stream
    await keeper.upload([Reply()])  # E: wrong item type
    await keeper.upload(request=[Request(name="a")])  # E: no such parameter


async def many(workers: WorkerCollection) -> None:
    await workers.sum(start=1, numbers=["a"])  # E: wrong item type
    await workers.paint(modes=[Mode.FAST], last=Record(name="a"))  # E: no replies to await
    await workers.everything()  # E: deprecated


class WrongItem(WorkerHandler, ABC):
    async def sum(self, start: int, numbers: AsyncIterator[str]) -> int:  # E: wrong item type
        return start

    def average(self, numbers: Iterator[int]) -> float:  # E: wrong item type
        return sum(numbers)


class WrongKind(WorkerHandler, ABC):
    async def sum(self, start: int, numbers: int) -> int:  # E: a stream is not one item
        return start

    async def average(self, numbers: list[float]) -> float:  # E: a stream is not a list
        return sum(numbers)

    def scalar(self) -> Iterator[int]:  # E: the result is no stream
        yield 1

    async def echo(self, values: AsyncIterator[int | None]) -> int | None:  # E: the result is a stream
        return None
