"""JNSKR against values computed by the authors' program, step by step.

Their padding rows of users, items, tails and relations are one more of each, that nobody chose.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import KnowledgeGraph
from recsys_cli.models import jnskr
from recsys_cli.models.item_graph import ItemTriples
from recsys_cli.training.build import build_model
from tests.golden.golden import Golden
from tests.golden.metrics import check_scores
from tests.golden.presets import configured
from tests.golden.replay import Limits, Replay, loss_of, whole_data_plan

THEIRS = {"tail_embedding": "entity_tail_embedding"}


def test_jnskr_follows_the_authors_steps(monkeypatch):
    golden = Golden("jnskr")
    config, data = configured("jnskr", golden), padded_data(golden)
    triples, order = padded_triples(golden, data.graph)
    monkeypatch.setattr(jnskr, "item_triples", lambda dataset, model: triples)
    # An item more has a share in the weights by popularity, which are of one sum.
    power = golden.pairs("train").col_counts ** config.loss.popularity
    config.loss.negative_weight *= float(1 + 1 / power.sum())
    replay = Replay(golden, config, build_model(config.model, data, 0), Limits(2.7e-5, 2.6e-5))
    replay.names = {name: THEIRS.get(name, name) for name in replay.model.state()}
    replay.place = lambda name, array, when: array[np.argsort(order[name])] if name in order else array
    replay.start(lambda name, array: array[order[name]] if name in order else array)
    check_weights(replay)
    check_first_batch(replay, order)
    replay.follow([whole_data_plan(replay.phase, ids) for ids in golden.given("batch/item_ids")], parts_of(replay))
    check_scores(golden, config, replay.scores()[:-1, :-1], golden.dataset(), 1e-5)
    golden.check_nothing_is_left()


def padded_data(golden: Golden):
    """A user and an item more. The lists of the batches are those of the data."""
    raw, data = golden.given("data/kg_raw_head_relation_tail"), golden.dataset(padding=True)
    matrix = data.target_train
    for items, lists in zip(golden.given("batch/item_ids"), golden.given("batch/user_lists")):
        for item, users in zip(items, lists):
            real = users[users != golden.hyper["padding_user_id"]]
            np.testing.assert_array_equal(np.sort(real), matrix.T.row(item))
    train = {"buy": replace(matrix, indptr=np.append(matrix.indptr, matrix.indptr[-1]))}
    # Entities that are no items keep a number of their own beside the item more.
    ends = raw[:, [0, 2]] + (raw[:, [0, 2]] >= golden.hyper["n_items"])
    shifted = np.stack([ends[:, 0], raw[:, 1], ends[:, 1]], axis=1).astype(np.int32)
    graph = KnowledgeGraph(shifted, int(ends.max()) + 1, golden.hyper["n_relations"])
    return replace(data, n_users=data.n_users + 1, train=train, test=None, graph=graph)


def padded_triples(golden: Golden, graph: KnowledgeGraph) -> tuple[ItemTriples, dict[str, np.ndarray]]:
    """With a tail and a relation more, and the authors' number of each of ours.

    They append the reversed triples, drop repeated ones and those that no item heads, and number what is left as it comes.
    """
    n_items = golden.hyper["n_items"]
    triples = ItemTriples.of(graph, n_items + 1)
    both = np.concatenate([graph.triples, graph.triples[:, ::-1]])
    order = {}
    for name, column, ids in (("relation", 1, triples.relation_ids), ("tail", 2, triples.tail_ids)):
        places = {id: n for n, id in enumerate(dict.fromkeys(both[both[:, 0] < n_items, column].tolist()))}
        order[f"{name}_embedding"] = np.array([*map(places.get, ids.tolist()), len(ids)])
    heads = np.repeat(np.arange(n_items + 1), triples.lengths)
    theirs = golden.given("data/kg_processed_item_relation_tail")
    ours = zip(heads, order["relation_embedding"][triples.relations], order["tail_embedding"][triples.tails])
    assert set(ours) == set(map(tuple, theirs)) and triples.n == len(theirs)
    return triples._replace(
        relation_ids=np.append(triples.relation_ids, -1), tail_ids=np.append(triples.tail_ids, -1)
    ), order


def check_weights(replay: Replay) -> None:
    golden, (group,) = replay.golden, replay.phase.phase.groups
    golden.check("data/weight_c", group.weight[0] * group.item_weight[:-1], 0, 1e-6)
    golden.check("data/weight_ck", replay.phase.beside.head_weight[:-1], 0, 1e-6)


def check_first_batch(replay: Replay, order: dict[str, np.ndarray]) -> None:
    """Ours by item, sorted by relation and tail; theirs in lists that are padded."""
    golden, model, hyper = replay.golden, replay.model, replay.golden.hyper
    ids = golden.given("batch/item_ids")[0]
    relations, tails = (golden.given(f"batch/{name}_lists")[0] for name in ("relation", "tail"))
    users = golden.given("batch/user_lists")[0]
    weights, vectors, owners = (a.numpy() for a in model.attended(tf.constant(ids)))
    their_weights, scores = np.zeros(tails.shape), np.zeros(tails.shape)
    places = np.concatenate([np.arange(*model.triples.indptr[item : item + 2]) for item in ids])
    r, t = (order[f"{n}_embedding"][getattr(model.triples, f"{n}s")[places]] for n in ("relation", "tail"))
    relation_of = model.tables["relation"].numpy()[model.triples.relations[places]]
    products = (model.tables["item"].numpy()[ids][owners] * relation_of * vectors).sum(axis=1)
    for row, relation, tail, weight, product in zip(owners, r, t, weights, products, strict=True):
        (column,) = np.flatnonzero((relations[row] == relation) & (tails[row] == tail))
        their_weights[row, column], scores[row, column] = weight, product
    golden.check("fwd0/attention_weights", their_weights, 0, 1e-6)
    golden.check("fwd0/kg_scores", scores, 0, 1e-6)
    encoded = model.encode()
    vectors = model.item_vectors(0, encoded, tf.constant(ids))
    golden.check("fwd0/item_vector", vectors, 0, 1e-6)
    golden.check("fwd0/neighbour_sum", vectors - model.tables["item"].numpy()[ids], 0, 1e-6)
    found = model.score(
        0, encoded, tf.constant(users.ravel(), tf.int32), tf.constant(ids.repeat(users.shape[1])[:, None])
    )
    real = users != hyper["padding_user_id"]
    golden.check("fwd0/positive_scores", np.where(real, found.numpy().reshape(users.shape), 0), 0, 1e-6)


def parts_of(replay: Replay):
    """Of the loss of a step, by their recorded names."""
    model, phase = replay.model, replay.phase

    def parts(plan) -> dict[str, float]:
        tables = float(tf.add_n([tf.nn.l2_loss(table) for table in model.tables.values()]))
        attention = float(tf.add_n([tf.nn.l2_loss(variable) for variable in model.attention]))
        penalty = model.config.table_l2 * tables + model.config.attention_l2 * attention
        first, both = (float(loss_of(p, plan)) for p in (phase.phase, phase))
        return {
            "recommendation_weighted": first - penalty,
            "kg_weighted_by_mu": both - first,
            "l2_embeddings": tables,
            "l2_attention": attention,
        }

    return parts
