"""Triples of a knowledge graph against triples with another tail: what CKE, CFKG and KGAT learn translations from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from recsys_cli.losses.base import Plan
from recsys_cli.losses.together import Beside
from recsys_cli.ops.streams import generator

ROUNDS = 100  # of drawing again


class CorruptedTails(Beside):
    """Every triple once per epoch, in batches spread over its steps, each with a tail that makes no observed triple.

    value: int32 [b, 4] of head, relation, tail and wrong tail -> the scalar loss of a batch.
    """

    def __init__(self, triples: np.ndarray, n_entities: int, value: Callable[[tf.Tensor], tf.Tensor], seed: int):
        self.triples, self.n_entities, self.value, self.seed = np.asarray(triples), n_entities, value, seed
        self.keys = np.sort(self._keys(self.triples, self.triples[:, 2]))

    def batches(self, epoch: int, plan: Plan):
        rng = generator(self.seed, "batches/triples", epoch)
        triples = self.triples[rng.permutation(len(self.triples))]
        found = np.column_stack([triples, self.corrupted(triples, rng)]).astype(np.int32)
        ends = (len(found) * np.arange(plan.n_steps + 1, dtype=np.int64) // plan.n_steps).astype(np.int32)
        return {"triples": found, "ends": ends}, 0.0

    def corrupted(self, triples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int64 [n]: tails drawn uniformly; those of a head and relation that lead everywhere stay as drawn at last."""
        tails = rng.integers(0, self.n_entities, len(triples))
        wrong = np.arange(len(triples))
        for _ in range(ROUNDS):
            keys = self._keys(triples[wrong], tails[wrong])
            place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
            wrong = wrong[self.keys[place] == keys]
            if not len(wrong):
                break
            tails[wrong] = rng.integers(0, self.n_entities, len(wrong))
        return tails

    def _keys(self, triples: np.ndarray, tails: np.ndarray) -> np.ndarray:
        n_relations = int(self.triples[:, 1].max()) + 1
        return (triples[:, 0].astype(np.int64) * n_relations + triples[:, 1]) * self.n_entities + tails

    def loss(self, arrays, step, noise):
        ends = arrays["beside/ends"]
        return self.value(arrays["beside/triples"][ends[step] : ends[step + 1]])
