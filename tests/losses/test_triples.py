"""Triples against triples with another tail: which are drawn, and how they are shared out over the steps."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import KnowledgeGraph
from recsys_cli.losses.base import Plan
from recsys_cli.losses.triples import CorruptedTails
from recsys_cli.models.cke import CKE
from recsys_cli.models.joint_graph import JointGraph
from tests.losses.toys import M, N, dataset

TRIPLES = np.array([(0, 0, t) for t in range(6)] + [(0, 1, 2), (3, 0, 5), (5, 1, 5), (4, 1, 0)], np.int32)


def test_wrong_tails_make_no_observed_triple_and_every_triple_comes_once():
    batches = CorruptedTails(TRIPLES, 7, lambda batch: batch, seed=0)
    known = {tuple(triple) for triple in TRIPLES.tolist()}
    for epoch in range(20):
        arrays, _ = batches.batches(epoch, Plan(4, {}))
        found = arrays["triples"]
        assert sorted(map(tuple, found[:, :3].tolist())) == sorted(known)
        assert not {(h, r, wrong) for h, r, _, wrong in found.tolist()} & known
        assert arrays["ends"].tolist() == [0, 2, 5, 7, 10]
    assert (batches.batches(0, Plan(4, {}))[0]["triples"] == batches.batches(0, Plan(4, {}))[0]["triples"]).all()


def test_a_head_that_leads_everywhere_does_not_hang():
    everywhere = np.array([(0, 0, t) for t in range(3)], np.int32)
    arrays, _ = CorruptedTails(everywhere, 3, lambda batch: batch, seed=0).batches(0, Plan(5, {}))
    assert arrays["triples"].shape == (3, 4) and arrays["ends"].tolist() == [0, 0, 1, 1, 2, 3]


def test_a_step_without_triples_costs_nothing():
    config = CKE.Settings(name="cke", embedding_size=4, relation_size=3)
    model = CKE(config, dataset(graph=KnowledgeGraph(TRIPLES, N, 2)), 0)
    assert float(model.triple_loss(tf.zeros([0, 4], tf.int32))) == 0.0


def test_users_and_entities_are_one_graph_with_inverse_relations():
    data = dataset(graph=KnowledgeGraph(TRIPLES, N + 2, 2))
    graph, pairs = JointGraph.of(data, "kgat"), data.target_train
    bought = {(u, 0, M + v) for u, v in zip(pairs.rows.tolist(), pairs.indices.tolist())}
    forward = bought | {(M + h, 1 + r, M + t) for h, r, t in TRIPLES.tolist()}
    found = list(map(tuple, graph.triples.tolist()))
    assert set(found) == forward | {(t, r + 3, h) for h, r, t in forward} and len(found) == 2 * len(forward)
    assert (graph.n_nodes, graph.n_relations) == (M + N + 2, 6) and (np.diff(graph.triples[:, 1]) >= 0).all()
