"""GraphEraser's learnt weights (LBAggr), as its authors have them (Chen et al., CCS 2022).

    y_u = sum_i w_i softmax(P^i p^i_u) over the items of sub-model i

w: from 1 / K by Adam (0.001, batches of 32, 50 epochs) on 1,000 users drawn at random, by the cross-entropy of softmax(y),
a softmax of probabilities, plus |w|, which is not squared; negative weights become 0 after each step. Of all epochs the
weights of the lowest loss count, divided by their sum.

Deviation: the authors classify nodes; here the classes are the items, and a user's label is shared among the items chosen.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.models.base import SolvedModel
from recsys_cli.ops.streams import generator
from recsys_cli.unlearning.tables import Table

USERS, EPOCHS, BATCH = 1000, 50, 32
RATE, MOMENTS, TINY = 0.001, (0.9, 0.999), 1e-8


class WeightedPosteriors(SolvedModel):
    """State: the weights, [K]."""

    def __init__(self, config, dataset, seed, users: Table, items: Table):
        super().__init__(config, dataset, seed)
        self._tables = [tf.constant(table.vectors.swapaxes(0, 1)) for table in (users, items)]
        self._there = tf.constant(items.there.T)
        k = len(self._there)
        self.weights = tf.Variable(tf.fill([k], 1 / k), name="weights", trainable=False)

    def run_step(self, step):
        pairs = self.tasks[self.target].pairs
        random = generator(self.seed, "unlearning/posteriors")
        known = np.flatnonzero(pairs.row_lengths)
        users = np.sort(random.permutation(known)[:USERS])
        parts = [users[first : first + BATCH] for first in range(0, len(users), BATCH)]
        posteriors = np.concatenate([self.posteriors(tf.constant(part, tf.int32)).numpy() for part in parts], axis=1)
        self.weights.assign(learnt(posteriors, labels(pairs, users), random))
        return 0.0

    def posteriors(self, users: tf.Tensor) -> tf.Tensor:
        """float32 [K, users, items]: of every sub-model, 0 for an item that it does not have."""
        of_users, of_items = self._tables
        scores = tf.matmul(tf.gather(of_users, users, axis=1), of_items, transpose_b=True)
        scores = tf.where(self._there[:, None], scores, -np.inf)
        return tf.nn.softmax(scores)

    def scorer(self):
        return lambda users: tf.tensordot(self.weights, self.posteriors(users), 1)

    def explain(self, users):
        """The weight of each sub-model, for all users the same."""
        weights = self.weights.numpy()
        return {"shards": {"shard": np.arange(len(weights)), "weight": weights}}


def labels(pairs: CSR, users: np.ndarray) -> np.ndarray:
    """float32 [users, items]: 1 / n for each of the n items of a user."""
    found = np.zeros((len(users), pairs.n_cols), np.float32)
    for place, user in enumerate(users.tolist()):
        found[place, pairs.row(user)] = 1 / pairs.row_lengths[user]
    return found


def learnt(posteriors: np.ndarray, wanted: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """[K]. posteriors: [K, n, items]; wanted: [n, items]."""
    k, n, _ = posteriors.shape
    weights, first, second, steps = np.full(k, 1 / k), np.zeros(k), np.zeros(k), 0
    best, lowest = weights, np.inf
    for _ in range(EPOCHS):
        order, total = random.permutation(n), 0.0
        for start in range(0, n, BATCH):
            chosen = order[start : start + BATCH]
            value, slope = loss(weights, posteriors[:, chosen], wanted[chosen])
            total, steps = total + value, steps + 1
            first += (1 - MOMENTS[0]) * (slope - first)
            second += (1 - MOMENTS[1]) * (slope**2 - second)
            scale = np.sqrt(second / (1 - MOMENTS[1] ** steps)) + TINY
            weights = np.maximum(weights - RATE * first / (1 - MOMENTS[0] ** steps) / scale, 0)
        if total < lowest:
            best, lowest = weights, total
    return best / best.sum() if best.sum() > 0 else np.full(k, 1 / k)


def loss(weights: np.ndarray, posteriors: np.ndarray, wanted: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss of a batch and its slope in the weights."""
    logits = np.tensordot(weights.astype(np.float32), posteriors, 1)
    shifted = logits - logits.max(axis=1, keepdims=True)
    chances = np.exp(shifted)
    sums = chances.sum(axis=1, keepdims=True)
    norm = max(float(np.linalg.norm(weights)), 1e-12)
    entropy = -(wanted * (shifted - np.log(sums))).sum(axis=1).mean()
    error = (chances / sums - wanted) / len(wanted)
    slope = np.tensordot(posteriors, error, axes=([1, 2], [0, 1])).astype(np.float64)
    return float(entropy) + norm, slope + weights / norm
