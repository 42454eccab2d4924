"""What the demo's result rests on: a split and a model that give the same bits each time."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from federation.v1 import FitConfig, NotReady, Phase
from oiafed_rpc import Tensors

from examples.fedavg.data import Part, load_digits, split
from examples.fedavg.experiment import Experiment
from examples.fedavg.learner import Learner
from examples.fedavg.model import evaluate, initial_weights, train_epoch
from examples.fedavg.trainer import mean, share
from examples.fedavg.weights import Average, fingerprint, identical, load, save

EXPERIMENT = Experiment()


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return split(load_digits(), EXPERIMENT)


def test_the_parts_are_all_digits_each_once(parts: list[Part]) -> None:
    rows = [row.tobytes() for part in parts for samples in (part.train, part.test) for row in samples.images]
    assert sorted(rows) == sorted(row.tobytes() for row in load_digits().images)


def test_the_learners_have_unequal_classes(parts: list[Part]) -> None:
    shares = np.array([[part.train.count().get(digit, 0) for digit in range(10)] for part in parts])
    assert (shares.max(axis=0) > 2 * shares.min(axis=0)).all()


def test_a_split_depends_on_its_seed_alone(parts: list[Part]) -> None:
    again, other = split(load_digits(), EXPERIMENT), split(load_digits(), Experiment(seed=1))
    assert all(np.array_equal(a.train.images, b.train.images) for a, b in zip(parts, again, strict=True))
    assert not all(np.array_equal(a.train.labels, b.train.labels) for a, b in zip(parts, other, strict=True))


def test_training_learns_repeats_and_leaves_its_input_alone(parts: list[Part]) -> None:
    train = parts[0].train
    start = initial_weights(8, seed=1)
    before = fingerprint(start)
    one, _ = train_epoch(start, train, np.random.default_rng(1), batch_size=16, learning_rate=0.1)
    two, loss = train_epoch(start, train, np.random.default_rng(1), batch_size=16, learning_rate=0.1)
    assert identical(one, two)
    assert fingerprint(start) == before
    assert {tensor.dtype for tensor in one.values()} == {np.dtype(np.float32)}
    assert evaluate(one, train).loss < loss < evaluate(start, train).loss


def test_gradients_point_where_the_loss_falls(parts: list[Part]) -> None:
    batch = parts[0].train.take(np.arange(16))
    start = initial_weights(8, seed=1)
    rate = 1e-2
    moved, loss = train_epoch(start, batch, np.random.default_rng(0), batch_size=16, learning_rate=rate)
    steepness = sum(float(np.sum(((start[name] - moved[name]) / rate) ** 2)) for name in start)
    assert (loss - evaluate(moved, batch).loss) / rate == pytest.approx(steepness, rel=0.05)


def _average(*updates: tuple[Tensors, int]) -> Tensors:
    average = Average()
    for weights, samples in updates:
        average.add(weights, samples)
    return average.mean()


def test_an_average_weighs_by_samples() -> None:
    one = {"w": np.array([0.0, 4.0], np.float32)}
    two = {"w": np.array([4.0, 0.0], np.float32)}
    found = _average((one, 3), (two, 1))
    assert found["w"].dtype == np.float32
    assert found["w"].tolist() == [1.0, 3.0]
    assert identical(_average((one, 5)), one)


def test_an_average_is_the_same_to_the_bit_in_any_order() -> None:
    rng = np.random.default_rng(7)
    updates = [({"w": rng.normal(size=1000).astype(np.float32)}, samples) for samples in (311, 402, 290, 434)]
    expected = np.average([weights["w"] for weights, _ in updates], axis=0, weights=[each for _, each in updates])
    averages = [_average(*order) for order in itertools.permutations(updates)]
    assert len({fingerprint(average) for average in averages}) == 1
    np.testing.assert_allclose(averages[0]["w"], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_an_average_refuses_weights_that_are_none(value: float) -> None:
    with pytest.raises(ValueError, match="'w' are not finite, or too large"):
        _average(({"w": np.array([value])}, 1))


@pytest.mark.parametrize(
    "other",
    [{"w": np.float64([1])}, {"w": np.float32([[1]])}, {"v": np.float32([1])}, {"w": np.float32([1.0000001])}, {}],
)
def test_weights_that_differ_are_told_apart(other: dict[str, np.ndarray]) -> None:
    one = {"w": np.array([1], np.float32)}
    assert not identical(one, other)
    assert fingerprint(one) != fingerprint(other)


def test_weights_survive_a_file(tmp_path: Path) -> None:
    weights = initial_weights(3, seed=0)
    save(tmp_path / "weights.npz", weights)
    assert identical(load(tmp_path / "weights.npz"), weights)


def test_a_learner_says_when_to_ask_again_until_it_has_its_data() -> None:
    learner = Learner(0, EXPERIMENT)
    with pytest.raises(NotReady) as caught:
        learner.describe()
    assert caught.value.retry_after > 0
    learner.load()
    info = learner.describe()
    assert info.samples == sum(info.classes.values()) > 0


async def test_a_learner_reports_what_it_did() -> None:
    learner = Learner(3, EXPERIMENT)
    learner.load()
    result = learner.fit(initial_weights(4, seed=0), FitConfig(epochs=2, learning_rate=0.1, batch_size=16, seed=1))
    progress = await anext(learner.watch(every=1.0))
    assert (progress.phase, progress.epoch, progress.epochs) == (Phase.IDLE, 2, 2)
    assert progress.loss == result.loss > 0


def test_a_learner_has_one_of_the_parts() -> None:
    with pytest.raises(ValueError, match="there are parts 0 to 3"):
        Learner(4, EXPERIMENT)


def test_means_and_shares_of_nothing_are_none() -> None:
    assert mean([]) is None
    assert share(0, 0) is None
    assert mean([(1.0, 1), (4.0, 2)]) == 3.0
    assert share(1, 4) == 0.25
