"""RippleNet against its recurrence written down slowly, and the memories of users."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR, KnowledgeGraph
from recsys_cli.models.ripplenet import RippleNet, ripples
from tests.losses.toys import M, N, arrays_of, dataset

TRIPLES = np.array(
    [(0, 0, 9), (0, 1, 10), (3, 0, 1), (4, 1, 9), (9, 0, 11), (10, 1, 11), (1, 1, 12), (6, 0, 9)], np.int32
)
GRAPH = KnowledgeGraph(TRIPLES, 13, 2)


def test_scores_are_those_of_the_recurrence():
    config = RippleNet.Settings(name="ripplenet", embedding_size=4, init="normal", init_scale=0.6, hops=3, memory=5)
    model = RippleNet(config, dataset(graph=GRAPH), 1)
    v, expected = arrays_of(model), np.zeros((M, N))
    for user in range(M):
        for item in range(N):
            x, total = v["entity_embedding"][item], np.zeros(4)
            for memory in v["memories"][user].astype(int):
                h, r, t = memory.T
                keys = np.einsum("mij,mj->mi", v["relation_embedding"][r], v["entity_embedding"][h])
                weights = np.exp(keys @ x) / np.exp(keys @ x).sum()
                found = weights @ v["entity_embedding"][t] * float(model.known[user])
                x, total = (x + found) @ v["transform"], total + found
            expected[user, item] = total @ x
    np.testing.assert_allclose(model.scorer()(tf.range(M)), expected, rtol=1e-4, atol=1e-5)
    users, items = tf.constant([2, 0]), tf.constant([[1, 8, 8], [0, 3, 5]])
    scores = model.score(0, None, users, items)
    np.testing.assert_allclose(scores, np.take_along_axis(expected[[2, 0]], items.numpy(), 1), rtol=1e-4, atol=1e-5)


def test_memories_start_from_the_items_and_go_on_from_the_tails():
    pairs = CSR.from_pairs(np.array([0, 0, 1, 2]), np.array([0, 4, 3, 8]), 4, N)
    memories, known = ripples(pairs, GRAPH, 3, 6, seed=0)
    triples = {tuple(t) for t in TRIPLES.tolist()}
    assert known.tolist() == [1, 1, 0, 0] and memories.shape == (4, 3, 6, 3)
    assert all(tuple(t) in triples for t in memories[:2].reshape(-1, 3).tolist())
    assert set(memories[0, 0, :, 0]) <= {0, 4} and set(memories[0, 1, :, 0]) <= set(memories[0, 0, :, 2])
    assert (memories[1, 0] == [3, 0, 1]).all() and (memories[1, 1] == [1, 1, 12]).all()
    assert (memories[1, 2] == memories[1, 1]).all()  # 12 leads nowhere
    few, _ = ripples(pairs, GRAPH, 1, 2, seed=0)
    assert len({tuple(t) for t in few[0, 0].tolist()}) == 2  # enough triples: none twice
