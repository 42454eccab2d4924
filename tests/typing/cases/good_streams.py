"""Uses of streamed requests that are right: of the golden schemas `methods` and `services`."""

from __future__ import annotations

from abc import ABC
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from methods.v1 import Mode, Record, WorkerCollection, WorkerHandler, WorkerProxy
from oiafed_rpc.stub import RequestStream, Tensors
from services.v1 import HttpKeeperHandler, HttpKeeperProxy, Reply, Request


class AsyncWorker(WorkerHandler, ABC):
    async def sum(self, start: int, numbers: AsyncIterator[int]) -> int:
        async for number in numbers:
            assert_type(number, int)
        return start

    async def gather(self, arrays: RequestStream[Tensors]) -> Tensors:
        async for each in arrays:
            assert_type(each, Tensors)
        return {}

    async def paint(
        self, modes: AsyncIterator[Mode], *, first: Mode = Mode.SLOW, last: Record
    ) -> AsyncIterator[Mode]:
        async for mode in modes:
            yield mode


class SyncWorker(WorkerHandler, ABC):
    def sum(self, start: int, numbers: Iterator[int]) -> int:
        return start + sum(numbers)

    def average(self, numbers: RequestStream[float]) -> float:
        return sum(numbers)

    def paint(self, modes: Iterator[Mode], *, first: Mode = Mode.SLOW, last: Record) -> Iterator[Mode]:
        for mode in modes:
            assert_type(mode, Mode)
            yield mode


class Keeper(HttpKeeperHandler, ABC):
    async def upload(self, requests: AsyncIterator[Request]) -> Reply:
        return Reply(names=[request.name async for request in requests])

    def chat(self, requests: Iterator[Request]) -> Iterator[Reply]:
        for request in requests:
            yield Reply(names=[request.name])


async def numbers() -> AsyncIterator[int]:
    yield 1


async def call_one(worker: WorkerProxy, keeper: HttpKeeperProxy) -> None:
    assert_type(await worker.sum(start=1, numbers=[1, 2]), int)
    assert_type(await worker.sum(1, numbers=range(3)), int)
    await worker.sum(start=1, numbers=(number for number in (1, 2)))
    await worker.sum(start=1, numbers=numbers())
    await worker.batches(batches=[[Record(name="a")]], by={})
    async for mode in worker.paint(modes=iter([Mode.FAST]), last=Record(name="a")):
        assert_type(mode, Mode)
    assert_type(await keeper.upload([Request(name="a")]), Reply)
    async for reply in keeper.chat(requests=[Request(name="a")]):
        assert_type(reply, Reply)


async def call_many(workers: WorkerCollection) -> None:
    assert_type((await workers.sum(start=1, numbers=[1]))["a"], int)
    async for reply in workers.paint(modes=[Mode.FAST], last=Record(name="a")):
        assert_type(reply.value, Mode)
