"""Small models of kinds that the contract must carry, and the dense definition of their losses in float64."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses.whole_data import whole_data_phases
from recsys_cli.models.base import FactoredModel, Task, gather, rows
from recsys_cli.ops.layers import dropout, times

M, N, SIZE = 13, 9, 4
WHOLE_DATA = {"negative_weight": 0.3, "popularity": None, "batch": "users", "l2": 0.0, "dense": False}


def observed(n_rows: int, n_cols: int, seed: int, share: float = 0.3) -> CSR:
    """With rows and columns without pairs."""
    label = np.random.default_rng(seed).random((n_rows, n_cols)) < share
    label[1], label[:, 2] = False, False
    return CSR.from_pairs(*np.nonzero(label), n_rows, n_cols)


def dataset(**more) -> Dataset:
    return Dataset("toy", M, N, "buy", {"buy": observed(M, N, 0)}, **more)


def settings(**values) -> SimpleNamespace:
    """A config."""
    return SimpleNamespace(**{"name": "toy", "init": "normal", "init_scale": 0.6, **values})


def epoch(model, batch_size: int = 4, epoch: int = 1, **loss) -> float:
    """The loss of one epoch as it is reported, its constant included."""
    total = 0.0
    for phase in whole_data_phases(SimpleNamespace(**{**WHOLE_DATA, **loss}), model, batch_size, seed=0):
        plan = phase.plan(epoch)
        arrays = {key: tf.constant(array) for key, array in plan.arrays.items()}
        values = [float(phase.loss(arrays, tf.constant(s), tf.constant([1, s]))) for s in range(plan.n_steps)]
        total += sum(values) + plan.constants.sum()
    return total


def squared_error(task: Task, scores: np.ndarray, negative: np.ndarray | float) -> float:
    """The sum over all pairs, one by one. scores: [rows, columns]; negative: c-, one or by column."""
    label = np.zeros(scores.shape)
    label[task.pairs.rows, task.pairs.indices] = 1.0
    weight = np.where(label > 0, 1.0, np.broadcast_to(negative, scores.shape))
    return task.weight * float((weight * (label - scores) ** 2).sum())


def by_popularity(c0: float, counts: np.ndarray, exponent: float) -> np.ndarray:
    power = np.maximum(counts, 1.0) ** exponent
    return c0 * power / power.sum()


def arrays_of(model) -> dict[str, np.ndarray]:
    return {name: variable.numpy().astype(np.float64) for name, variable in model.state().items()}


class Attentive(FactoredModel):
    """EATNN (thesis eq. 4.1-4.7): what a user likes is attended from a common and a domain's vector, beside friends."""

    def __init__(self, dataset: Dataset, mu: float = 0.1, dropout: float = 0.0):
        super().__init__(settings(dropout=dropout), dataset, seed=3)
        friends = Task("friends", dataset.friends, mu, group="friends")
        self.tasks = (self.tasks[0], friends)
        self.tables = {n: self.parameter(n, [self.n_users, SIZE]) for n in ("common", "item_domain", "social_domain")}
        self.targets = [self.parameter("items", [self.n_items, SIZE]), self.parameter("friends", [self.n_users, SIZE])]
        self.heads = [self.parameter(f"h_{task.name}", [SIZE]) for task in self.tasks]
        self.attention = [
            [
                self.parameter(f"{part}_{task.name}", shape)
                for part, shape in (("W", [SIZE, 3]), ("b", [3]), ("a", [3, 1]))
            ]
            for task in self.tasks
        ]

    def user_vectors(self, task, encoded, ids=None, noise=None):
        kernel, shift, head = self.attention[task]
        own = self.tables[("item_domain", "social_domain")[task]]
        both = tf.stack([gather(self.tables["common"], ids), gather(own, ids)], axis=1)
        weights = tf.nn.softmax(times(tf.nn.relu(times(both, kernel) + shift), head), axis=1)
        return dropout(tf.reduce_sum(weights * both, axis=1), self.config.dropout, noise, f"users/{task}")

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self.targets[task], ids)

    def prediction_vector(self, task, encoded):
        return tf.convert_to_tensor(self.heads[task])

    def penalised(self, task, encoded, users, items):
        own = self.tables[("item_domain", "social_domain")[task]]
        return [rows(self.tables["common"], users), rows(own, users), rows(self.targets[task], items)]


class Features(FactoredModel):
    """ENSFM (thesis eq. 5.5-5.9): towers of d + 2 from the sums of feature vectors, several values per field."""

    def __init__(self, dataset: Dataset, user_fields: CSR, item_fields: CSR):
        super().__init__(settings(), dataset, seed=4)
        self.fields = [user_fields, item_fields]
        self.tables = [self.parameter(f"{s}_features", [f.n_cols, SIZE]) for s, f in zip("uv", self.fields)]
        self.linear = [self.parameter(f"{s}_linear", [f.n_cols, 1]) for s, f in zip("uv", self.fields)]
        self.h1, self.h2, self.bias = (self.parameter(n, [k]) for n, k in (("h1", SIZE), ("h2", SIZE), ("w0", 1)))

    def _sums(self, side: int, ids):
        """[b, d], [b, 1]: the sum of the vectors, and what the interactions inside of a side and the weights give."""
        fields = self.fields[side]
        lists = tf.RaggedTensor.from_row_splits(fields.indices, fields.indptr)
        chosen = lists if ids is None else tf.gather(lists, ids)
        vectors = tf.gather(self.tables[side], chosen.values)
        owners, n = chosen.value_rowids(), chosen.nrows()
        total, squares = (tf.math.unsorted_segment_sum(x, owners, n) for x in (vectors, tf.square(vectors)))
        linear = tf.math.unsorted_segment_sum(tf.gather(self.linear[side], chosen.values), owners, n)
        inside = 0.5 * tf.reduce_sum(self.h1 * (tf.square(total) - squares), axis=1, keepdims=True)
        return total, inside + linear

    def user_vectors(self, task, encoded, ids=None, noise=None):
        total, own = self._sums(0, ids)
        return tf.concat([total, own + self.bias, tf.ones_like(own)], axis=1)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        total, own = self._sums(1, ids)
        return tf.concat([total, tf.ones_like(own), own], axis=1)

    def prediction_vector(self, task, encoded):
        return tf.concat([self.h2, tf.ones([2])], axis=0)

    def penalised(self, task, encoded, users, items):
        return [rows(table, None) for table in self.tables]


class Knowledge(FactoredModel):
    """JNSKR (thesis eq. 5.13-5.20): items are their own vectors and attended neighbours; a task per relation says
    which tails (here the users' side) an item has, with the relation as prediction vector."""

    def __init__(self, dataset: Dataset, mu: float = 0.01):
        super().__init__(settings(), dataset, seed=5)
        graph = dataset.graph
        heads, relations, tails = graph.triples.T
        order = np.argsort(heads, kind="stable")
        self.triples = [tf.constant(a[order]) for a in (heads, relations, tails)]
        counts = np.bincount(heads, minlength=self.n_items)
        shape = graph.n_entities, self.n_items
        triples = [(tails[relations == r], heads[relations == r]) for r in range(graph.n_relations)]
        self.tasks += tuple(
            Task(f"relation_{r}", CSR.from_pairs(*pairs, *shape), mu, "relations", counts)
            for r, pairs in enumerate(triples)
        )
        self.users, self.items = (self.parameter(n, [k, SIZE]) for n, k in (("users", M), ("items", N)))
        self.tails = self.parameter("tails", [graph.n_entities, SIZE])
        self.relations = self.parameter("relations", [graph.n_relations, SIZE])
        self.h = self.parameter("h", [SIZE])
        shapes = ("W", [SIZE, 3]), ("b", [3]), ("a", [3, 1])
        self.attention = [self.parameter(name, shape) for name, shape in shapes]

    def encode(self, noise=None):
        """The neighbours of all items, attended: [n_items, d]."""
        kernel, shift, head = self.attention
        heads, relations, tails = self.triples
        vectors = tf.gather(self.tails, tails)
        hidden = tf.nn.relu(times(tf.gather(self.relations, relations) * vectors, kernel) + shift)
        weights = tf.exp(times(hidden, head))
        total = tf.math.unsorted_segment_sum(weights, heads, self.n_items)
        return tf.math.unsorted_segment_sum(weights / tf.gather(total, heads) * vectors, heads, self.n_items)

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(self.tails if task else self.users, ids)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        own = gather(self.items, ids)
        return own if task else own + gather(encoded, ids)

    def prediction_vector(self, task, encoded):
        return self.relations[task - 1] if task else tf.convert_to_tensor(self.h)
