"""JNSKR against its formula written down slowly, in float64, and what its data must have."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.data.dataset import KnowledgeGraph
from recsys_cli.losses import build_phases
from recsys_cli.losses.whole_data import WholeDataSettings
from recsys_cli.models.item_graph import ItemTriples
from recsys_cli.models.jnskr import JNSKR
from tests.losses.toys import M, N, arrays_of, by_popularity, dataset, squared_error

TRIPLES = [
    (0, 3, 9),
    (0, 1, 9),
    (0, 1, 12),
    (3, 0, 1),
    (9, 3, 4),
    (9, 0, 12),
    (5, 1, 5),
    (1, 0, 3),
]  # 9 and 12: no items


def made(seed: int = 3, **settings) -> JNSKR:
    settings = {
        "name": "jnskr",
        "embedding_size": 4,
        "init": "normal",
        "init_scale": 0.5,
        "attention_size": 3,
        **settings,
    }
    graph = KnowledgeGraph(np.array(TRIPLES, np.int32), 13, 4)
    return JNSKR(JNSKR.Settings(**settings), dataset(graph=graph), seed)


def test_triples_of_items_in_both_directions_once_each():
    found = ItemTriples.of(KnowledgeGraph(np.array(TRIPLES, np.int32), 13, 4), N)
    heads = np.repeat(np.arange(N), found.lengths)
    both = {(h, r, t) for h, r, t in TRIPLES} | {(t, r, h) for h, r, t in TRIPLES}
    triples = list(zip(heads, found.relation_ids[found.relations], found.tail_ids[found.tails], strict=True))
    assert len(triples) == len(set(triples)) and set(triples) == {t for t in both if t[0] < N}
    assert found.relation_ids.tolist() == [0, 1, 3] and found.tail_ids.tolist() == [1, 3, 5, 9, 12]


def attended(model: JNSKR) -> np.ndarray:
    """e_N of every item, one after the other."""
    v, triples = arrays_of(model), model.triples
    found = np.zeros((N, 4))
    for item in range(N):
        own = slice(*triples.indptr[item : item + 2])
        t = v["tail_embedding"][triples.tails[own]]
        logits = np.zeros(len(t))
        if model.config.attention != "equal":
            r = v["relation_embedding"][triples.relations[own]]
            product = model.config.attention == "product"
            inner = (r * t) @ v["attention_W"] if product else t @ v["attention_W"] + r @ v["attention_W_relation"]
            logits = np.maximum(inner + v["attention_b"], 0) @ v["attention_h"][:, 0]
        if len(t):
            found[item] = np.exp(logits) / np.exp(logits).sum() @ t
    return found


@pytest.mark.parametrize("attention", ["product", "sum", "equal"])
def test_items_are_their_own_and_attended_vectors(attention):
    model = made(attention=attention)
    if model.attention:
        model.head.assign(10 * model.head)
    expected = arrays_of(model)["item_embedding"] + attended(model)
    np.testing.assert_allclose(model.item_vectors(0, {}), expected, rtol=1e-5, atol=1e-6)
    for ids in ([4, 0, 2], [[5, 0], [0, 8]], []):
        found = model.item_vectors(0, {}, tf.constant(ids, tf.int32))
        np.testing.assert_allclose(found, expected[np.array(ids, int)], rtol=1e-5, atol=1e-6)


def total(model: JNSKR, **loss) -> float:
    """Of one epoch, with the constants."""
    found = 0.0
    for phase in build_phases(WholeDataSettings(**loss), model, 4, seed=0):
        plan = phase.plan(1)
        arrays = {name: tf.constant(a) for name, a in plan.arrays.items()}
        found += plan.constants.sum()
        found += sum(float(phase.loss(arrays, tf.constant(s), tf.constant([1, s]))) for s in range(plan.n_steps))
    return found


@pytest.mark.parametrize("batch, joint", [("items", True), ("items", False), ("users", True), ("alternating", True)])
def test_both_losses_are_over_all_their_pairs(batch, joint):
    """Eq. 5.16 and 5.17. M = 13 users and N = 9 items in batches of 4: 4 steps and 3."""
    free = {"item_dropout": 0.0, "graph_dropout": 0.0, "table_l2": 0.0, "attention_l2": 0.0}
    model = made(joint=joint, graph_weight=0.2, graph_negative_weight=5.0, graph_popularity=0.7, **free)
    v, triples = arrays_of(model), model.triples
    scores = (v["user_embedding"] * v["h"]) @ (v["item_embedding"] + attended(model)).T
    task = model.tasks[0]
    expected = squared_error(task, scores, by_popularity(3.0, task.pairs.col_counts, 0.5))
    expected *= 2 if batch == "alternating" else 1
    power = np.where(triples.lengths > 0, triples.lengths**0.7, 0)
    label = np.zeros((N, 3, 5))
    label[np.repeat(np.arange(N), triples.lengths), triples.relations, triples.tails] = 1
    names = ("item_embedding", "relation_embedding", "tail_embedding")
    scores = np.einsum("vd,rd,td->vrt", *(v[name] for name in names))
    weight = np.where(label > 0, 1, (5.0 * power / power.sum())[:, None, None])
    expected += 0.2 * (weight * (label - scores) ** 2).sum()
    found = total(model, batch=batch, negative_weight=3.0, popularity=0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_penalties_are_on_whole_tables_in_every_step():
    model, free = made(table_l2=0.3, attention_l2=0.2), made(table_l2=0.0, attention_l2=0.0)
    v = arrays_of(model)
    tables = sum((v[name] ** 2).sum() for name in v if name.endswith("_embedding"))
    attention = sum((v[name] ** 2).sum() for name in v if name.startswith("attention"))
    more = total(model, batch="items") - total(free, batch="items")
    np.testing.assert_allclose(more, 3 * 0.5 * (0.3 * tables + 0.2 * attention), rtol=1e-4)


def test_neighbours_and_heads_are_dropped_by_masks_of_their_own():
    model, noise = made(item_dropout=0.4, graph_dropout=0.6), tf.constant([1, 2])
    ids = tf.range(N)
    whole, dropped = (model.item_vectors(0, {}, ids, n) for n in (None, noise))
    assert (whole.numpy() != dropped.numpy()).any()
    own = made(item_dropout=0.4, graph_dropout=0.0).item_vectors(0, {}, ids, noise) - model._neighbours(ids)
    ratio = (own / model.tables["item"]).numpy()
    assert set(np.round(ratio.ravel(), 4)) == {0.0, np.float32(1.6667)}


def test_the_neighbours_of_what_users_have_are_told():
    model = made()
    seen = model.tasks[0].pairs
    users = np.flatnonzero(seen.row_lengths)[:2]
    table = model.explain(users)["neighbours"]
    items = set(np.concatenate([seen.row(user) for user in users]).tolist())
    both = {(h, r, t) for h, r, t in TRIPLES} | {(t, r, h) for h, r, t in TRIPLES}
    rows = list(zip(*(table[name].tolist() for name in ("item", "relation", "entity")), strict=True))
    assert set(rows) == {triple for triple in both if triple[0] in items} and len(rows) == len(set(rows)) > 0
    for item in set(table["item"]):
        own = table["weight"][table["item"] == item]
        assert abs(own.sum() - 1) < 1e-6 and (np.diff(own) <= 0).all()
    assert [len(column) for column in model.explain(np.zeros(0, np.int32))["neighbours"].values()] == [0] * 4


def test_data_without_triples_is_refused():
    config = SimpleNamespace(name="jnskr")
    with pytest.raises(UserError, match="data=toy has none: choose a data set with triples"):
        JNSKR(JNSKR.Settings(name="jnskr"), dataset(), 0)
    graph = KnowledgeGraph(np.array([[M + 20, 0, M + 21]], np.int32), M + 22, 1)
    with pytest.raises(UserError, match="none of the 1 triples of data=toy has an item in it"):
        JNSKR.memory(config, dataset(graph=graph))
