"""Two small models with phases of their own: a graph whose attention follows the parameters, and two players."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.losses import build_phases
from recsys_cli.losses.base import LossSettings, Phase, Plan
from recsys_cli.losses.sampled import SampledSettings
from recsys_cli.models.base import FactoredModel, TrainableModel, gather, rows
from recsys_cli.ops.layers import dropout, fold
from recsys_cli.ops.propagation import SparseMatrix
from recsys_cli.ops.streams import generator
from recsys_cli.training.learner import GradientLearner
from recsys_cli.training.optimizers import Adagrad

M, N, ENTITIES, RELATIONS, SIZE = 11, 7, 10, 2, 3
ADAM, SGD = {"name": "adam", "learning_rate": 0.02}, {"name": "sgd", "learning_rate": 0.1}


def dataset() -> Dataset:
    label = np.random.default_rng(0).random((M, N)) < 0.4
    return Dataset("toy", M, N, "buy", {"buy": CSR.from_pairs(*np.nonzero(label), M, N)})


class Attentive(FactoredModel):
    """As KGAT: BPR over a graph whose weights are the attention of the last epoch's parameters, then triples."""

    def __init__(self, turns=None, rate: float = 0.2):
        config = SimpleNamespace(name="kgat", init="normal", init_scale=0.3)
        super().__init__(config, dataset(), seed=1)
        self.turns, self.rate = turns, rate
        rng = np.random.default_rng(2)
        self.triples = np.column_stack([rng.integers(0, n, 40) for n in (N, RELATIONS, ENTITIES)]).astype(np.int32)
        nodes = M + ENTITIES
        buys = self.tasks[0].pairs
        links = np.concatenate([np.column_stack([buys.rows, M + buys.indices]), M + self.triples[:, [0, 2]]])
        self.edges = CSR.from_pairs(*np.concatenate([links, links[:, ::-1]]).T, nodes, nodes)
        self.matrix = SparseMatrix(self.edges)
        self.nodes = self.parameter("nodes", [nodes, SIZE])
        self.relations = self.parameter("relations", [RELATIONS, SIZE])
        self.attention = tf.Variable(self._attention(), name="attention", trainable=False)

    def phases(self, usual, batch_size, seed):
        return [*usual, Triples(self, batch_size, seed)]

    def begin_epoch(self, epoch):
        self.attention.assign(self._attention())

    def _attention(self) -> tf.Tensor:
        logits = tf.reduce_sum(
            tf.gather(self.nodes, self.edges.rows) * tf.gather(self.nodes, self.edges.indices), axis=1
        )
        weights = tf.exp(tf.tanh(logits))
        return weights / tf.gather(tf.math.segment_sum(weights, self.edges.rows), self.edges.rows)

    def encode(self, noise=None):
        nodes = tf.convert_to_tensor(self.nodes)
        return nodes + dropout(self.matrix.with_values(self.attention)(nodes), self.rate, noise, "messages")

    def user_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded[:M], ids)

    def item_vectors(self, task, encoded, ids=None, noise=None):
        return gather(encoded[M : M + N], ids)

    def penalised(self, task, encoded, users, items):
        return [rows(self.nodes, users), rows(self.nodes, M + items)]


class Triples(Phase):
    """Translations head + relation = tail, against a tail that is drawn."""

    name, optimizer = "triples", ADAM

    def __init__(self, model: Attentive, batch_size: int, seed: int):
        self.model, self.batch_size, self.seed = model, batch_size, seed
        self.variables = [model.nodes, model.relations]

    def plan(self, epoch):
        rng = generator(self.seed, "batches/triples", epoch)
        triples = self.model.triples[rng.permutation(len(self.model.triples))]
        wrong = rng.integers(0, ENTITIES, len(triples), dtype=np.int32)
        return Plan(-(-len(triples) // self.batch_size), {"triples": np.column_stack([triples, wrong])})

    def loss(self, arrays, step, noise):
        batch = arrays["triples"][step * self.batch_size : (step + 1) * self.batch_size]
        head, tail, wrong = (tf.gather(self.model.nodes, M + batch[:, c]) for c in (0, 2, 3))
        moved = head + tf.gather(self.model.relations, batch[:, 1])
        near, far = (tf.reduce_sum(tf.square(moved - x), axis=1) for x in (tail, wrong))
        return tf.reduce_sum(tf.nn.softplus(near - far))


class Players(TrainableModel):
    """As IRGAN: a generator draws items inside the step, a discriminator tells them from the observed ones."""

    def __init__(self, turns=None):
        super().__init__(SimpleNamespace(name="irgan", init="uniform", init_scale=0.3), dataset(), seed=1)
        self.turns = turns
        self.generator, self.discriminator = (
            [self.parameter(f"{side}_{who}", [n, SIZE]) for side, n in (("user", M), ("item", N))]
            for who in ("generator", "discriminator")
        )

    def phases(self, usual, batch_size, seed):
        assert not usual
        return [Discriminator(self, batch_size, seed), Generator(self, batch_size, seed)]

    def logits(self, player, users):
        return tf.matmul(tf.gather(player[0], users), player[1], transpose_b=True)


class Player(Phase):
    def __init__(self, model: Players, batch_size: int, seed: int):
        self.model, self.batch_size, self.seed = model, batch_size, seed
        self.variables = getattr(model, self.name)

    def plan(self, epoch):
        pairs = self.model.tasks[0].pairs
        order = generator(self.seed, f"batches/{self.name}", epoch).permutation(pairs.nnz)
        return Plan(-(-pairs.nnz // self.batch_size), {"users": pairs.rows[order], "items": pairs.indices[order]})

    def batch(self, arrays, step, noise):
        """Users, items and what the generator draws for them: [b] each."""
        place = slice(step * self.batch_size, (step + 1) * self.batch_size)
        logits = self.model.logits(self.model.generator, arrays["users"][place])
        drawn = tf.random.stateless_categorical(logits, 1, fold(noise, "drawn"), tf.int32)[:, 0]
        return arrays["users"][place], arrays["items"][place], drawn


class Discriminator(Player):
    name, optimizer = "discriminator", SGD

    def loss(self, arrays, step, noise):
        users, items, drawn = self.batch(arrays, step, noise)
        logits = self.model.logits(self.model.discriminator, users)
        real, fake = (tf.gather(logits, ids, axis=1, batch_dims=1) for ids in (items, drawn))
        return tf.reduce_sum(tf.nn.softplus(-real) + tf.nn.softplus(fake))


class Generator(Player):
    name, optimizer = "generator", ADAM

    def loss(self, arrays, step, noise):
        users, _, drawn = self.batch(arrays, step, noise)
        judged = tf.gather(self.model.logits(self.model.discriminator, users), drawn, axis=1, batch_dims=1)
        chances = tf.nn.log_softmax(self.model.logits(self.model.generator, users))
        reward = 2.0 * (tf.sigmoid(tf.stop_gradient(judged)) - 0.5)
        return -tf.reduce_sum(tf.gather(chances, drawn, axis=1, batch_dims=1) * reward)


def learner(kind: str, turns=None) -> GradientLearner:
    """kind: attentive | players."""
    model = {"attentive": Attentive, "players": Players}[kind](turns)
    loss = SampledSettings(l2=0.01) if kind == "attentive" else LossSettings()
    phases = build_phases(loss, model, 6, seed=4)
    return GradientLearner(model, phases, Adagrad(0.1), seed=4)
