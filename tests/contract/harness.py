"""The checkerboard, and a model trained on it without any file."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from omegaconf import DictConfig

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.dataset import CSR, Dataset, Features, KnowledgeGraph
from recsys_cli.models.base import Model
from recsys_cli.training.build import build_learner, build_model
from recsys_cli.training.fit import Learner
from tests.contract.models import Case

N = 50  # users, and as many items
State = dict[str, np.ndarray]


@cache
def checkerboard() -> Dataset:
    """User u likes the items of u's parity; item u is withheld: the only right answer among those not seen.

    Every behaviour says the same; friends, features and triples follow parity too.
    """
    ids = np.arange(N)
    likes = (ids[:, None] + ids) % 2 == 0
    likes[ids, ids] = False
    pairs = CSR.from_pairs(*np.nonzero(likes), N, N)
    parity = Features(("parity",), (ids % 2)[:, None].astype(np.int32), 2)
    triples = np.stack([ids, np.zeros(N, int), N + ids % 2], axis=1).astype(np.int32)
    return Dataset(
        "checkerboard",
        N,
        N,
        "buy",
        {"cart": pairs, "buy": pairs},
        friends=pairs,
        graph=KnowledgeGraph(triples, N + 2, 1),
        user_features=parity,
        item_features=parity,
    )


class Trained(NamedTuple):
    """loss: its name. losses: one per epoch. states: all arrays of the learner, after each epoch."""

    model: Model
    loss: str
    losses: list[float]
    states: list[State]


def configured(case: Case, seed: int, *words: str) -> DictConfig:
    given = [f"model={case.model}", *case.words, *words, "trainer.batch_size=32", f"seed={seed}"]
    return compose("train", given, library(""))


def start(case: Case, seed: int = 0, *words: str) -> tuple[Model, Learner]:
    config = configured(case, seed, *words)
    model = build_model(config.model, checkerboard(), seed)
    return model, build_learner(config, model)


def state_of(learner: Learner) -> State:
    return {name: variable.numpy() for name, variable in learner.state().items()}


def put(state: State, learner: Learner) -> None:
    for name, array in state.items():
        learner.state()[name].assign(array)


def same_bytes(a: State, b: State) -> bool:
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


def train(case: Case, epochs: int, *words: str) -> Trained:
    model, learner = start(case, 0, *words)
    losses, states = [], []
    for epoch in range(epochs):
        losses.append(learner.run(0, learner.begin(epoch), 0.0))
        states.append(state_of(learner))
    return Trained(model, configured(case, 0, *words).loss.name, losses, states)


@cache
def trained(case: Case) -> Trained:
    """To the end, with seed 0; once for all tests."""
    return train(case, case.epochs)


def all_scores(model: Model) -> np.ndarray:
    return model.scorer()(tf.range(N, dtype=tf.int32)).numpy()
