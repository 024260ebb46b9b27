"""The fast loss of models that are to come, against its dense definition in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.dataset import CSR, KnowledgeGraph
from recsys_cli.losses.whole_data import whole_data_phases
from tests.losses.toys import (
    SIZE,
    WHOLE_DATA,
    Attentive,
    Features,
    Knowledge,
    M,
    N,
    arrays_of,
    by_popularity,
    dataset,
    epoch,
    observed,
    settings,
    squared_error,
)

N_ENTITIES = 17
every_batch = pytest.mark.parametrize("batch", ["users", "items"])
every_kernel = pytest.mark.parametrize("dense", [False, True])


def attentive(**config) -> Attentive:
    return Attentive(dataset(friends=observed(M, M, 1)), **config)


def attended(model: Attentive, domain: str, task: str) -> np.ndarray:
    """p_u of eq. 4.3, user by user."""
    v, vectors = arrays_of(model), []
    for common, own in zip(v["common"], v[domain]):
        logits = [np.maximum(x @ v[f"W_{task}"] + v[f"b_{task}"], 0) @ v[f"a_{task}"][:, 0] for x in (common, own)]
        alpha = np.exp(logits) / np.exp(logits).sum()
        vectors.append(alpha[0] * common + alpha[1] * own)
    return np.array(vectors)


@every_batch
@every_kernel
@pytest.mark.parametrize("batch_size", [2, 3, 100])
def test_items_and_friends(batch, dense, batch_size):
    """With batch=items, 9 items and 13 friends share the steps of an epoch."""
    model = attentive()
    v = arrays_of(model)
    domains = ("item_domain", "buy", "items", 0.3), ("social_domain", "friends", "friends", 0.05)
    expected = sum(
        squared_error(task, (attended(model, domain, name) * v[f"h_{name}"]) @ v[targets].T, c0)
        for task, (domain, name, targets, c0) in zip(model.tasks, domains)
    )
    weights = {"buy": 0.3, "friends": 0.05}
    found = epoch(model, batch_size, batch=batch, dense=dense, negative_weight=weights)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_table_that_tasks_share_is_penalised_once():
    model = attentive()
    v = arrays_of(model)
    more = epoch(model, batch_size=M, l2=0.5) - epoch(model, batch_size=M)
    np.testing.assert_allclose(
        more, 0.5 * 0.5 * sum((v[k] ** 2).sum() for k in v if v[k].shape[0] in (M, N)), rtol=1e-5
    )


@every_batch
def test_features_with_several_values(batch):
    """Eq. 5.6, pair by pair: every two features of a pair interact, those of one side by h1, others by h2."""
    rng = np.random.default_rng(6)
    fields = [CSR.from_pairs(*np.nonzero(rng.random(shape) < 0.5), *shape) for shape in ((M, 6), (N, 5))]
    model = Features(dataset(), *fields)
    v, scores = arrays_of(model), np.zeros((M, N))
    for user in range(M):
        for item in range(N):
            sides = [fields[0].row(user), fields[1].row(item)]
            u, i = v["u_features"][sides[0]], v["v_features"][sides[1]]
            scores[user, item] = v["w0"][0] + v["u_linear"][sides[0]].sum() + v["v_linear"][sides[1]].sum()
            scores[user, item] += sum(v["h1"] @ (x[a] * x[b]) for x in (u, i) for a in range(len(x)) for b in range(a))
            scores[user, item] += sum(v["h2"] @ (a * b) for a in u for b in i)
    np.testing.assert_allclose(model.scorer()(tf.range(M)), scores, rtol=1e-4, atol=1e-5)
    expected = squared_error(model.tasks[0], scores, 0.3)
    np.testing.assert_allclose(epoch(model, batch=batch), expected, rtol=1e-6)
    more = epoch(model, M + N, batch=batch, l2=0.1) - expected
    squares = (v["u_features"] ** 2).sum() + (v["v_features"] ** 2).sum()
    np.testing.assert_allclose(more, 0.1 * 0.5 * squares, rtol=1e-3)  # not the constant ones of both towers


def knowledge() -> Knowledge:
    rng = np.random.default_rng(7)
    triples = np.unique(
        np.column_stack([rng.integers(0, N, 40), rng.integers(0, 3, 40), rng.integers(0, 17, 40)]), axis=0
    )
    return Knowledge(dataset(graph=KnowledgeGraph(triples.astype(np.int32), N_ENTITIES, 3)))


@every_kernel
@pytest.mark.parametrize("batch, batch_size", [("items", 4), ("items", 1), ("users", 5), ("users", 2)])
def test_items_and_the_triples_of_a_knowledge_graph(batch, batch_size, dense):
    """Eq. 5.16 and 5.17: c0 and c1 by frequency^0.5, of interactions and of the triples of an item."""
    model = knowledge()
    v, (heads, relations, tails) = arrays_of(model), (a.numpy() for a in model.triples)
    items = v["items"].copy()
    for item in np.unique(heads):
        own = heads == item
        t, r = v["tails"][tails[own]], v["relations"][relations[own]]
        logits = np.maximum((r * t) @ v["W"] + v["b"], 0) @ v["a"][:, 0]
        items[item] += (np.exp(logits) / np.exp(logits).sum()) @ t
    buy, *of_relations = model.tasks
    counts = np.bincount(heads, minlength=N)
    expected = squared_error(buy, (v["users"] * v["h"]) @ items.T, by_popularity(3.0, buy.pairs.col_counts, 0.5))
    for task, relation in zip(of_relations, v["relations"]):
        scores = (v["tails"] * relation) @ v["items"].T
        expected += squared_error(task, scores, by_popularity(6.0, counts, 0.25))
    weights, exponents = {"buy": 3.0, "relations": 6.0}, {"buy": 0.5, "relations": 0.25}
    found = epoch(model, batch_size, batch=batch, dense=dense, negative_weight=weights, popularity=exponents)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_relations_stack_and_recommendation_does_not():
    loss = settings(**{**WHOLE_DATA, "batch": "items", "popularity": 0.5})
    (phase,) = whole_data_phases(loss, knowledge(), 4, seed=0)
    assert [group.tasks for group in phase.groups] == [[0], [1, 2, 3]]
    assert phase.groups[1].matrix.n_rows == 3 * N and SIZE == 4
    plan = phase.plan(0)
    assert [key for key in plan.arrays if key.startswith("ids")] == ["ids"], "the same items in both losses of a step"


def test_all_layouts_give_the_same_gradients_also_where_a_step_has_no_rows_of_a_task():
    """13 friends in batches of 2 make 7 steps; of 9 items, 2 a step, nothing is left for the last two."""
    model = attentive()
    found = []
    for by_product, index_type in ((False, np.int32), (True, np.int32), (False, np.int64)):  # the last: on a GPU
        (phase,) = whole_data_phases(settings(**{**WHOLE_DATA, "batch": "items"}), model, 2, seed=0)
        for group in phase.groups:
            group.by_product, group.index_type = by_product, index_type
            group.array_names = ["rows", "cols", "offsets"] + ["by_col"] * by_product
        plan = phase.plan(0)
        assert plan.arrays["ids"].dtype == plan.arrays["0/rows"].dtype == index_type
        assert plan.n_steps == 7 and list(np.diff(plan.arrays["0/offsets"])[-2:]) == [0, 0]
        arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
        for step in range(7):
            with tf.GradientTape() as tape:
                value = phase.loss(arrays, tf.constant(step), tf.constant([1, step]))
            found.append([value, *map(tf.convert_to_tensor, tape.gradient(value, model.trainable_variables))])
    for one, *others in zip(found[:7], found[7:14], found[14:]):
        for a, b in ((a, b) for other in others for a, b in zip(one, other)):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
