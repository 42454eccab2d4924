"""What is trained, on how much, for how long: the numbers that all nodes of one experiment share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Experiment:
    """A federated training run. The same numbers give the same weights, to the bit.

    Attributes:
        learners: How many learners share the data.
        rounds: How many times the weights go out to the learners and are averaged.
        epochs: Passes over its own data that a learner makes in a round.
        batch_size: Samples in one step of SGD.
        learning_rate: Step size of SGD.
        hidden: Width of the model's hidden layer.
        skew: Concentration of the Dirichlet distribution that shares the classes out: the smaller, the less alike
            the learners' data are.
        seed: Where all randomness starts.
    """

    learners: int = 4
    rounds: int = 20
    epochs: int = 8
    batch_size: int = 16
    learning_rate: float = 0.1
    hidden: int = 128
    skew: float = 0.5
    seed: int = 2024
