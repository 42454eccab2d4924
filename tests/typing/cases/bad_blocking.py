"""Uses of the blocking facade that are wrong, each on a line marked `# E:`."""

from __future__ import annotations

from federation.v1 import FitConfig, FitResult, NotReady, Phase
from federation.v1 import LearnerCollection as AsyncCollection
from federation.v1 import LearnerProxy as AsyncProxy
from federation.v1.blocking import LearnerCollection, LearnerProxy
from methods.v1 import Mode, Record
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
    learner.fit(weights=[], config=config)  # E: a list for tensors
    learner.fit(weights={}, config=config, timeout=3)  # E: no such parameter
    learner.fit(config, {})  # E: the wrong order
    learner.fit({}, config, 3)  # E: one argument too many
    learner.describe(1)  # E: no parameters
    learner.train(weights={}, config=config)  # E: no such method
    for sample in learner.describe():  # E: not a stream
        pass
    for progress in learner.watch(every="1"):  # E: str is not float
        print(progress.nothing)  # E: no such field
    learner.watch(every=1.0).epoch  # E: an iterator is not its item
    learner.describe().samples = "1"  # E: str is not int
    same: bool = next(learner.watch(every=1.0)).phase is Phase.RUNNING  # E: no such member
    number: int = learner.evaluate(weights={}).loss  # E: float is not int
    result: FitResult = learners.fit(weights={}, config=config)  # E: the results of many
    learners.as_they_come(lambda many: many.watch(every="1"))  # E: str is not float
    learners.describe()["a"].loss  # E: no such field
    learners.train()  # E: no such method
    learners.watch(every=1.0)["a"]  # E: a stream of replies
    worker.sum(start=1, numbers=["a"])  # E: wrong item type
    worker.sum(start=1, numbers=3)  # E: an item is not a stream
    worker.sum(numbers=[1])  # E: missing argument
    worker.paint([Mode.FAST], Mode.SLOW, Record(name="a"))  # E: by keyword from where a default comes
    for item in worker.sum(start=1, numbers=[1]):  # E: not a stream
        pass
    worker.echo(values=[1])  # E: deprecated
    worker.everything()  # E: deprecated
    try:
        learner.describe()
    except NotReady as error:
        print(error.until)  # E: no such field
    print(number, result, same)


async def awaits(learner: LearnerProxy) -> None:
    await learner.describe()  # E: nothing to await
    async for progress in learner.watch(every=1.0):  # E: an ordinary iterator
        pass
