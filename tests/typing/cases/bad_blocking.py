"""Uses of the blocking facade that are wrong, each on a line marked `# E:`."""

from __future__ import annotations

from federation.v1 import FitConfig, FitResult
from federation.v1 import LearnerCollection as AsyncCollection
from federation.v1 import LearnerProxy as AsyncProxy
from federation.v1.blocking import LearnerCollection, LearnerProxy
from methods.v1.blocking import WorkerProxy
from oiafed_rpc.blocking import Node

Node("a")  # E: missing argument
Node("a", "trainer", timeout=3)  # E: no such parameter


def nodes(node: Node) -> None:
    node.connect(3)  # E: not an address
    node.wait_for_peers(rule="learner")  # E: no such parameter
    node.get_proxy("b", AsyncProxy)  # E: its methods are to be awaited
    node.get_collection(AsyncCollection)  # E: its methods are to be awaited
    node.get_proxy("b", LearnerProxy).with_options(timeot=3)  # E: no such option
    node.get_collection(LearnerCollection).with_options(min_replies="3")  # E: str is not int


def calls(learner: LearnerProxy, learners: LearnerCollection, config: FitConfig, worker: WorkerProxy) -> None:
    learner.fit(weights={})  # E: missing argument
    learner.fit(weights={}, config={"epochs": 1})  # E: a dict for a record
    learner.train(weights={}, config=config)  # E: no such method
    number: int = learner.evaluate(weights={}).loss  # E: float is not int
    result: FitResult = learners.fit(weights={}, config=config)  # E: the results of many
    learners.as_they_come(lambda many: many.watch(every="1"))  # E: str is not float
    worker.sum(start=1, numbers=["a"])  # E: wrong item type
    print(number, result)


async def awaits(learner: LearnerProxy) -> None:
    await learner.describe()  # E: nothing to await
    async for progress in learner.watch(every=1.0):  # E: an ordinary iterator
        pass
