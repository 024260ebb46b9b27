"""AutoRec: an auto-encoder of the ratings of an item, or of a user (Sedhain et al. 2015).

    h(r) = f(W g(V r + m) + b)        loss  1/n sum over observed (r - h(r))^2 + l2 / 2 (|W|^2 + |V|^2)

r: the ratings of an item over all users (`side=item`), 0 where there are none; n of them in all. An unrated entry has no
share in the loss. Presets: `autorec` and `autorec_user`.

Deviations:
1. Adam over batches of rows; the authors use L-BFGS and resilient propagation over all.
2. The loss is a mean, so that l2 means the same on data of any size: lambda = n l2 in the paper.
3. `input=scaled` puts ratings into 0.2 to 1 (1 to 5 stars: divided by 5), where a missing one is 0; `centred` takes the mean
   of all off; `raw` is the paper's. The output starts at the mean of all, theirs at 0. With `output=sigmoid` it is
   stretched to the scale.
4. `dropout` of the hidden units and `error=absolute` are not in the paper.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from data_prep.errors import UserError
from data_prep.settings import changed, field
from recsys_cli.data.ratings import Ratings
from recsys_cli.losses.base import Phase, Plan
from recsys_cli.models.base import EmbeddingSettings, Factors, ModelSettings, Need, TrainableModel
from recsys_cli.ops.layers import dropout
from recsys_cli.ops.sparse import Rows
from recsys_cli.ops.streams import generator

HIDDEN = ("sigmoid", "identity", "relu")


class AutoRec(TrainableModel):
    """Rows are items (or users), n_rows x n_cols."""

    predicts_ratings = True

    @dataclass(frozen=True)
    class Settings(ModelSettings):
        hidden_units: int = field(500, "k, of the one hidden layer", low=1)
        hidden: str = field("sigmoid", "g, of the hidden layer", choices=HIDDEN)
        output: str = field("identity", "f, of the output", choices=("identity", "sigmoid"))
        side: str = field("item", "whose ratings are a row", choices=("item", "user"))
        input: str = field("scaled", "how ratings are shown to the encoder", choices=("raw", "scaled", "centred"))
        l2: float = field(1e-4, "times half the squared norm of both weight matrices", low=0)
        dropout: float = field(0.0, "rate, of the hidden units", low=0, below=1)
        error: str = field("squared", "of a rating; absolute: what MAE measures", choices=("squared", "absolute"))
        init: str = changed(EmbeddingSettings, "init", "xavier_uniform")
        init_scale: float = changed(EmbeddingSettings, "init_scale", 0.01)

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.ratings = Ratings(dataset)
        self.matrix = self.ratings.pairs.T if config.side == "item" else self.ratings.pairs
        self.rows, k = Rows(self.matrix), config.hidden_units
        n = self.matrix.n_cols
        self.encoder = self.parameter("encoder", [n, k])
        self.encoder_bias = tf.Variable(tf.zeros([k]), name="encoder_bias")
        self.decoder = self.parameter("decoder", [k, n])
        start = self.ratings.mean if config.output == "identity" else _logit(self.ratings)
        self.decoder_bias = tf.Variable(tf.fill([n], start), name="decoder_bias")

    @classmethod
    def memory(cls, config, dataset):
        rows, cols = dataset.n_items, dataset.n_users
        if config.side == "user":
            rows, cols = cols, rows
        k = config.hidden_units
        weights = (2 * k + 1) * cols + k
        step = 4 * weights + 6 * 512 * cols  # the gradient, the state of Adam, and a batch made dense
        return Need(weights, step, rows * k, dataset.target_train.nnz, setting="model.hidden_units")

    def phases(self, usual, batch_size, seed):
        if usual:
            raise UserError(
                f"model={self.name} is trained to reconstruct ratings, and takes no other loss: leave out loss=..."
            )
        return [Reconstruction(self, batch_size, seed)]

    def observed(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The n ratings of these rows: (place in `ids` and column, int32 [n, 2]; ratings float32 [n])."""
        places, cols, ratings = self.rows(ids)
        return tf.stack([tf.cast(places, tf.int32), cols], axis=1), ratings

    def shown(self, ratings: tf.Tensor) -> tf.Tensor:
        """What the encoder sees of them; it sees 0 where there is none."""
        low, high = self.ratings.low, self.ratings.high
        if self.config.input == "centred":
            return ratings - self.ratings.mean
        return ratings if self.config.input == "raw" else 0.2 + 0.8 * (ratings - low) / (high - low)

    def encode_rows(self, ids: tf.Tensor, cells: tf.Tensor, ratings: tf.Tensor) -> tf.Tensor:
        """[b, k] of these rows; cells, ratings: as of `observed`."""
        activation = {"sigmoid": tf.sigmoid, "identity": tf.identity, "relu": tf.nn.relu}[self.config.hidden]
        shown = tf.scatter_nd(cells, self.shown(ratings), tf.stack([tf.size(ids), self.matrix.n_cols]))
        return activation(tf.matmul(shown, self.encoder) + self.encoder_bias)

    def decode(self, codes: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
        """[b, k] -> the ratings in these cells, [n]: what is done for all columns costs as much as a product of matrices."""
        return self._out(tf.gather_nd(tf.matmul(codes, self.decoder) + self.decoder_bias, cells))

    def weights_penalty(self) -> tf.Tensor:
        return self.config.l2 * (tf.nn.l2_loss(self.encoder) + tf.nn.l2_loss(self.decoder))

    def _out(self, x: tf.Tensor) -> tf.Tensor:
        low, high = self.ratings.low, self.ratings.high
        return x if self.config.output == "identity" else low + (high - low) * tf.sigmoid(x)

    def scorer(self):
        n, step = self.matrix.n_rows, 512
        blocks = [tf.range(first, min(first + step, n)) for first in range(0, n, step)]
        codes = tf.concat([self.encode_rows(ids, *self.observed(ids)) for ids in blocks], axis=0)
        rows = tf.concat([codes, tf.ones_like(codes[:, :1])], axis=1)
        cols = tf.concat([tf.transpose(self.decoder), self.decoder_bias[:, None]], axis=1)
        factors = Factors(cols, rows) if self.config.side == "item" else Factors(rows, cols)
        return factors if self.config.output == "identity" else lambda users: self._out(factors(users))


class Reconstruction(Phase):
    """A pass over all rows with a rating."""

    name = "reconstruction"

    def __init__(self, model: AutoRec, batch_size: int, seed: int):
        self.model, self.batch_size, self.seed = model, batch_size, seed
        self.ids = tf.where(model.matrix.row_lengths > 0)[:, 0].numpy().astype("int32")
        self.n_steps = -(-len(self.ids) // batch_size)

    def plan(self, epoch: int) -> Plan:
        return Plan(self.n_steps, {"ids": generator(self.seed, "batches/reconstruction", epoch).permutation(self.ids)})

    def loss(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        model = self.model
        ids = arrays["ids"][step * self.batch_size : (step + 1) * self.batch_size]
        cells, ratings = model.observed(ids)
        codes = dropout(model.encode_rows(ids, cells, ratings), model.config.dropout, noise, "hidden")
        missed = ratings - model.decode(codes, cells)
        errors = tf.square(missed) if model.config.error == "squared" else tf.abs(missed)
        return tf.reduce_sum(errors) * (self.n_steps / model.matrix.nnz) + model.weights_penalty()


def _logit(ratings: Ratings) -> float:
    """Where the sigmoid is at the mean rating; within the scale, which the mean is not the end of."""
    share = (ratings.mean - ratings.low) / (ratings.high - ratings.low)
    return math.log(share / (1 - share))
