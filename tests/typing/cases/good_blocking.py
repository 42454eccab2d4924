"""Uses of the blocking facade that are right: of the reference federation and the golden schema `methods`."""

from __future__ import annotations

from typing import assert_type

from federation.v1 import FitConfig, FitResult, LearnerInfo, Progress
from federation.v1.blocking import LearnerCollection, LearnerProxy
from methods.v1 import Mode, Record
from methods.v1.blocking import WorkerCollection, WorkerProxy
from oiafed_rpc import MemoryTransport, Peer, Replies, Reply
from oiafed_rpc.blocking import Node


def nodes() -> None:
    with Node("a", "trainer", MemoryTransport(), connect_to=["b@localhost:1"], request_timeout=3) as node:
        assert_type(node.connect("b@localhost:1"), Peer)
        assert_type(node.wait_for_peers(role="learner", count=2), list[Peer])
        assert_type(node.get_proxy("b", LearnerProxy), LearnerProxy)
        assert_type(node.get_collection(LearnerCollection, targets=["b"]), LearnerCollection)
        call_one(node.get_proxy("b", LearnerProxy).with_options(timeout=3, metadata={"a": "b"}))
        call_many(node.get_collection(LearnerCollection).with_options(min_replies=3))

        @node.register_handler("add")
        def add(a: int) -> int:
            return a

        assert_type(add(1), int)
        assert_type(node.register_handler("also", add)(1), int)
        for reply in node.get_collection().as_they_come(lambda many: many.broadcast("add", a=1)):
            assert_type(reply.node_id, str)
        print(node.get_proxy("b").with_options(timeout=3).call("add", a=1))


def call_one(learner: LearnerProxy) -> None:
    assert_type(learner.describe(), LearnerInfo)
    assert_type(learner.fit(weights={}, config=FitConfig(epochs=1)), FitResult)
    assert_type(next(learner.watch(every=1.0)), Progress)
    for progress in learner.watch(1.0):
        assert_type(progress.epoch, int)


def call_many(learners: LearnerCollection) -> None:
    assert_type(learners.describe(), Replies[LearnerInfo])
    assert_type(next(learners.watch(every=1.0)), Reply[Progress])
    for reply in learners.as_they_come(lambda many: many.fit(weights={}, config=FitConfig(epochs=1))):
        assert_type(reply, Reply[FitResult])


def streams(worker: WorkerProxy, workers: WorkerCollection) -> None:
    assert_type(worker.sum(start=1, numbers=(number for number in range(3))), int)
    assert_type(next(worker.paint(modes=[Mode.FAST], last=Record(name="a"))), Mode)
    assert_type(workers.average(numbers=[1.0])["a"], float)
