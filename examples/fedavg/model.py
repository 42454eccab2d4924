"""A classifier with one hidden layer in plain numpy. Weights go in and come out; nothing is changed in place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from oiafed_rpc import Tensors

from examples.fedavg.data import CLASSES, PIXELS, Images, Labels, Samples

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """How well weights classify samples.

    Attributes:
        correct: Samples classified rightly.
        loss: Mean cross entropy; 0 where there are no samples.
    """

    correct: int
    loss: float


def initial_weights(hidden: int, seed: int) -> Tensors:
    """Random weights for a model with `hidden` units."""
    rng = np.random.default_rng(seed)
    return {
        "hidden.weight": _uniform(rng, PIXELS, hidden),
        "hidden.bias": np.zeros(hidden, np.float32),
        "output.weight": _uniform(rng, hidden, CLASSES),
        "output.bias": np.zeros(CLASSES, np.float32),
    }


def evaluate(weights: Tensors, samples: Samples) -> Score:
    """Classify samples."""
    if not len(samples):
        return Score(correct=0, loss=0.0)
    _, probabilities = _forward(weights, samples.images)
    correct = np.count_nonzero(probabilities.argmax(axis=1) == samples.labels)
    return Score(correct=int(correct), loss=_cross_entropy(probabilities, samples.labels))


def train_epoch(
    weights: Tensors, samples: Samples, rng: np.random.Generator, *, batch_size: int, learning_rate: float
) -> tuple[Tensors, float]:
    """One pass of SGD over the samples, in an order that `rng` draws.

    Returns:
        New weights, and the mean loss on the way.
    """
    order = rng.permutation(len(samples))
    loss = 0.0
    for start in range(0, len(order), batch_size):
        batch = samples.take(order[start : start + batch_size])
        gradients, batch_loss = _gradients(weights, batch)
        weights = {name: weights[name] - np.float32(learning_rate) * gradients[name] for name in weights}
        loss += batch_loss * len(batch)
    return weights, loss / max(len(order), 1)


def _gradients(weights: Tensors, batch: Samples) -> tuple[Tensors, float]:
    hidden, probabilities = _forward(weights, batch.images)
    error = probabilities.copy()
    error[np.arange(len(batch)), batch.labels] -= 1
    error /= np.float32(len(batch))
    back = (error @ weights["output.weight"].T) * (hidden > 0)
    gradients: Tensors = {
        "hidden.weight": batch.images.T @ back,
        "hidden.bias": back.sum(axis=0),
        "output.weight": hidden.T @ error,
        "output.bias": error.sum(axis=0),
    }
    return gradients, _cross_entropy(probabilities, batch.labels)


def _forward(weights: Tensors, images: Images) -> tuple[Floats, Floats]:
    """The hidden layer's activations and the probability of each class."""
    hidden: Floats = np.maximum(images @ weights["hidden.weight"] + weights["hidden.bias"], 0)
    scores: Floats = hidden @ weights["output.weight"] + weights["output.bias"]
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, powers / powers.sum(axis=1, keepdims=True)


def _cross_entropy(probabilities: Floats, labels: Labels) -> float:
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12), dtype=np.float64).mean())


def _uniform(rng: np.random.Generator, inputs: int, outputs: int) -> Floats:
    bound = (6 / (inputs + outputs)) ** 0.5
    return rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
