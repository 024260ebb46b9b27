"""The checkerboard, and a model trained on it without any file."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from omegaconf import DictConfig

from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.dataset import Dataset, Features, KnowledgeGraph
from recsys_cli.models.base import Model
from recsys_cli.training.build import build_learner, build_model
from recsys_cli.training.fit import Learner
from tests.contract.models import Case
from tests.tiny import csr

N_USERS, N_ITEMS = 31, 19
COLD_USERS, COLD_ITEMS = 3, 2  # the last ones: without any interaction, save that one of the users has carts
State = dict[str, np.ndarray]


def withheld() -> np.ndarray:
    """[warm users]: an item of the user's parity, the only right answer among those not seen."""
    users, warm_items = np.arange(N_USERS - COLD_USERS), N_ITEMS - COLD_ITEMS
    parity = users % 2
    return parity + 2 * (users // 2 % ((warm_items - parity + 1) // 2))


@cache
def checkerboard() -> Dataset:
    """User u likes the warm items of u's parity but for one, which is withheld.

    Carts are as the purchases, save that each seventh pair is missing, that some users have one of the other parity, and
    that one cold user has them. Friends, features and triples follow parity.
    """
    users, items = np.arange(N_USERS), np.arange(N_ITEMS)
    same = (users[:, None] + items) % 2 == 0
    same[:, -COLD_ITEMS:] = False
    likes, warm = same.copy(), users[:-COLD_USERS]
    likes[warm, withheld()] = False
    likes[-COLD_USERS:] = False
    carts = likes & ((users[:, None] + 3 * items) % 7 > 0)
    carts[warm[::5], (warm[::5] + 1) % (N_ITEMS - COLD_ITEMS)] = True
    carts[-COLD_USERS, :4] = True
    friends = (users[:, None] + users) % 2 == 0
    friends[users, users] = friends[-1] = friends[:, -1] = False
    kind, alike = (
        np.stack(np.broadcast_arrays(*t), axis=1) for t in ((items, 0, N_ITEMS + items % 2), (items[2:], 1, items[:-2]))
    )
    triples = np.concatenate([kind, alike]).astype(np.int32)
    return Dataset(
        "checkerboard",
        N_USERS,
        N_ITEMS,
        "buy",
        {"cart": csr(carts), "buy": csr(likes)},
        friends=csr(friends),
        graph=KnowledgeGraph(triples, N_ITEMS + 2, 2),
        user_features=Features.of_codes({"parity": users % 2}),
        item_features=Features.of_codes({"parity": items % 2}),
    )


@cache
def rated_board() -> Dataset:
    """The checkerboard, its likes as ratings of 5, and two in three of the warm items of the other parity rated 1."""
    users, items = np.arange(N_USERS)[:, None], np.arange(N_ITEMS)
    likes = checkerboard().target_train
    stars = np.where((users + items) % 2 == 1, (users + items // 2) % 3 > 0, 0).astype(np.float32)
    stars[-COLD_USERS:] = stars[:, -COLD_ITEMS:] = 0
    stars[likes.rows, likes.indices] = 5
    rated = csr(stars > 0)
    rated = replace(rated, values=stars[rated.rows, rated.indices])
    return replace(checkerboard(), train={"buy": rated})


def board(case: Case) -> Dataset:
    return rated_board() if "rating" in configured(case, 0).evaluation.protocol else checkerboard()


class Trained(NamedTuple):
    """loss: its name. losses: one per epoch. states: all arrays of the learner, after each epoch."""

    model: Model
    loss: str
    losses: list[float]
    states: list[State]


@cache
def _configured(case: Case, words: tuple[str, ...]) -> DictConfig:
    given = [f"model={case.model}", "~tuned", *case.words, *words, "trainer.batch_size=8"]
    return compose("train", given, library(""), quick=True)


def configured(case: Case, seed: int, *words: str) -> DictConfig:
    config = deepcopy(_configured(case, words))
    config.seed = seed
    return config


def start(case: Case, seed: int = 0, *words: str) -> tuple[Model, Learner]:
    config = configured(case, seed, *words)
    model = build_model(config.model, board(case), seed)
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
    return model.scorer()(tf.range(N_USERS, dtype=tf.int32)).numpy()
