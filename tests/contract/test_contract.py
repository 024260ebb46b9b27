"""What every model keeps to: it finds the pattern, its scorer and its state are whole, a seed gives the same
bytes however an epoch is cut, every loss that fits goes down, and no variable is left out."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.config.library import library
from recsys_cli.evaluation.topk import top_k
from recsys_cli.models.base import SolvedModel
from tests.contract.harness import (
    COLD_USERS,
    N_ITEMS,
    N_USERS,
    all_scores,
    board,
    put,
    same_bytes,
    start,
    state_of,
    train,
    trained,
    withheld,
)
from tests.contract.models import CASES, DISTINCT, KINDS, TRAINABLE, Case

SCOPES = {"factored": ("sampled", "whole_data"), "pairwise": ("sampled",), "rating": ("observed",), "own_rating": ()}
VALUES = {name: library("").group_values("loss", name) for name in library("").choices("loss")}
DISTINCT_LOSSES = {values["name"]: name for name, values in reversed(VALUES.items())}.values()
# One of each kind is looked at from all sides: a factored one, one of several behaviours, a pairwise one.
ALL_SIDES = ("enmf", "ehcf", "ncf")
# These ask a model for nothing but `score`: one of them is enough, another one from model to model.
ALIKE = ("bpr", "bce", "softmax")


def is_another(case: Case, loss: str) -> bool:
    return case.model in ALL_SIDES or loss not in ALIKE or loss == ALIKE[zlib.crc32(case.model.encode()) % 3]


LOSSES = [
    pytest.param(case, loss, marks=[pytest.mark.slow] * (case.model != "enmf"))
    for case in CASES
    if case.model in TRAINABLE and case.model in DISTINCT
    for loss in DISTINCT_LOSSES
    if VALUES[loss]["scope"] in SCOPES[KINDS[case.model]] and is_another(case, loss)
]


# Of those that are trained by a gradient a few are looked at among the quick tests, which build every model once
# (training/test_estimate.py): their trainings take a second or more each.
every_model = pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[pytest.mark.slow] * (c.model in TRAINABLE and c.model not in ALL_SIDES)) for c in CASES],
    ids=str,
)


def test_every_model_is_in_the_table():
    assert {case.model for case in CASES} == set(library("").choices("model"))


@every_model
def test_the_withheld_item_comes_first(case):
    scores, seen = all_scores(trained(case).model), board(case).target_train
    scores[seen.rows, seen.indices] = -np.inf
    warm = np.arange(len(withheld()))
    rank = (scores[warm] >= scores[warm, withheld()][:, None]).sum(axis=1)  # a tie counts against the model
    assert case.first[0] <= np.mean(rank == 1) <= case.first[1]


@every_model
def test_scores_of_a_user_do_not_depend_on_the_block(case):
    """Up to the last bits: a product of matrices may add in another order where it has other sizes."""
    scorer, scores = trained(case).model.scorer(), all_scores(trained(case).model)
    assert scores.shape == (N_USERS, N_ITEMS) and scores.dtype == np.float32 and np.isfinite(scores).all()
    compiled = tf.function(scorer, input_signature=[tf.TensorSpec([None], tf.int32)])
    for score in (scorer, compiled):
        for users in ([], [7], [3, 1, 2], [5, 5], range(N_USERS - 1, -1, -1)):
            block = score(tf.constant(list(users), tf.int32)).numpy()
            np.testing.assert_allclose(block, scores[list(users)], rtol=0, atol=1e-6 * np.abs(scores).max())


@every_model
def test_users_without_interactions_have_a_list(case):
    cold, seen = np.arange(N_USERS - COLD_USERS, N_USERS), board(case).target_train
    assert not seen.row_lengths[cold].any()
    items, scores = top_k(trained(case).model.scorer(), cold, [seen], N_ITEMS, N_ITEMS)
    np.testing.assert_array_equal(np.sort(items, axis=1), np.tile(np.arange(N_ITEMS), (COLD_USERS, 1)))
    assert np.isfinite(scores).all()


@every_model
def test_the_state_is_all_that_scores_depend_on(case):
    model = trained(case).model
    state = model.state()
    assert len(state) == len(model.variables), "variables must have unique names"
    other, _ = start(case, seed=5)
    assert {n: (v.shape, v.dtype) for n, v in other.state().items()} == {
        n: (v.shape, v.dtype) for n, v in state.items()
    }, "shapes must not depend on the seed"
    for name, variable in other.state().items():
        variable.assign(state[name].numpy())
    assert all_scores(other).tobytes() == all_scores(model).tobytes()


@every_model
def test_the_same_seed_gives_the_same_bytes_however_an_epoch_is_cut(case):
    """The last epoch again, from a copy of the state before it; and the first, from fresh variables."""
    whole, last = trained(case), case.epochs - 1
    _, learner = start(case)
    fresh = state_of(learner)
    for epoch in sorted({last, 0}, reverse=True):
        put(whole.states[epoch - 1] if epoch else fresh, learner)
        steps, total = learner.begin(epoch), 0.0
        cuts = sorted({0, 1, steps // 2, steps})
        for first, end in zip(cuts, cuts[1:]):
            total = learner.run(first, end, total)
        assert total == whole.losses[epoch]
        assert same_bytes(state_of(learner), whole.states[epoch])


@every_model
def test_another_seed_starts_elsewhere(case):
    random = case.epochs > 1  # what is computed in one pass draws nothing
    (_, here), (_, there) = start(case, seed=0), start(case, seed=1)
    assert same_bytes(state_of(here), state_of(there)) != random


@pytest.mark.parametrize("case, loss", LOSSES, ids=str)
def test_every_loss_that_fits_goes_down(case: Case, loss: str):
    usual = trained(case)
    shapes = [(task.pairs.n_rows, task.pairs.n_cols) for task in usual.model.tasks]
    if loss == "multi_channel_bpr" and (len(shapes) == 1 or len(set(shapes)) > 1):
        with pytest.raises(UserError, match="compares (behaviours|items of one user)"):
            start(case, 0, f"loss={loss}")
        return
    found = usual if loss == usual.loss else train(case, 2, f"loss={loss}")
    assert found.losses[1] < found.losses[0]
    assert any((found.states[0][name] != found.states[1][name]).any() for name in found.model.state()), "it learns"


@every_model
def test_every_variable_is_learnt(case):
    model, learner = start(case)
    if isinstance(model, SolvedModel):
        before, after = state_of(learner), trained(case).states[-1]
        assert all(np.any(before[name] != after[name]) for name in before)
        return
    learner.begin(0)
    moved = set()
    for phase in learner.phases:
        arrays = {name: tf.constant(array) for name, array in phase.plan(0).arrays.items()}
        with tf.GradientTape() as tape:
            value = phase.loss(arrays, tf.constant(0), tf.constant([1, 2]))
        gradients = tape.gradient(value, model.trainable_variables)
        moved |= {
            v.name
            for v, g in zip(model.trainable_variables, gradients)
            if g is not None and np.any(tf.convert_to_tensor(g))
        }
    assert {v.name for v in model.trainable_variables} - moved <= {f"{name}:0" for name in case.idle}
