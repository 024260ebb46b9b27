"""HEM-AAE: an adversarial auto-encoder of item ratings with mined examples (Dong, Sun & Yang, the second paper).

An AutoRec whose codes are adversarial: items that are like an anchor give codes z+, items that are unlike it codes z-,
by the same encoder. A discriminator tells them apart; the encoder, as the generator, is to make z- look like z+.

    reconstruction  1/n sum over observed (r - h(r))^2 + l2 / 2 (|W|^2 + |V|^2)      encoder and decoder
    discriminator   -E ln D(z+) - E ln(1 - D(z-))                                    discriminator
    generator       E ln(1 - D(z-))                                                  encoder

in turn, batch by batch, each with an Adam of its own. Presets: `hem_aae`, `hem_aae_without_mining`,
`hem_aae_random_negatives`, `hem_aae_without_adversary`.

Deviations, most of them where the paper says nothing (no code is known):
1. Means of the tree are over the ratings that there are (`unrated`), a node without ratings has the mean of its parent.
2. The features are fixed. What the classes of the triplets are is not said: positives are the `examples` nearest items,
   negatives are chosen by `mining`; the margin is the setting `margin`.
3. The pool is made once; triplets are drawn from it anew in each epoch (`redraw`).
4. The loss of the triplets is not part of the network's, save with `triplet_weight`, where it is that of codes.
5. Every item is reconstructed; with `reconstructed=positives` those drawn as positives, as figure 2 has it.
6. Unrated entries have no share in the loss, ratings are shown and stretched as in autorec.py, for the sigmoids.
7. D is not told the user or the negative example on which eq. 10-12 condition it.
8. Adam takes no notice of a weight of the generator's loss; how strong it is, `generator_rate` says, chosen on validation.
   In the paper there is one rate, 0.001, with which the adversary makes predictions worse (docs/ratings.md).
9. `adversarial_weight`, `discriminator_units`, `discriminator_steps`, l2, dropout, batch and epochs are not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import changed, field
from recsys_cli.losses.base import Phase, Plan
from recsys_cli.models.autorec import AutoRec, Reconstruction
from recsys_cli.models.mining import Pool, mine, tree_of_means
from recsys_cli.ops.layers import times
from recsys_cli.ops.streams import generator


class HEMAAE(AutoRec):
    """Beside the auto-encoder a discriminator of codes, with one hidden layer."""

    @dataclass(frozen=True)
    class Settings(AutoRec.Settings):
        hidden_units: int = changed(AutoRec.Settings, "hidden_units", 100)
        output: str = changed(AutoRec.Settings, "output", "sigmoid")
        layers: int = field(3, "of the tree of means: 2^layers - 1 numbers stand for an item", low=1, high=10)
        unrated: str = field("left_out", "in the means; or they are ratings of 0", choices=("left_out", "zero"))
        mining: str = field(
            "hard",
            "how negatives are chosen (mining.py); none: an item is its own positive, and all others are negatives",
            choices=("hard", "semi_hard", "satisfied", "all", "none"),
        )
        examples: int = field(10, "positives, and negatives, per anchor in the candidate pool", low=1)
        margin: float = field(0.2, "alpha, of squared distances", low=0)
        redraw: bool = field(True, "triplets from the pool in each epoch; false: those of the first one always")
        reconstructed: str = field("all", "which items; or the positives drawn", choices=("all", "positives"))
        adversarial_weight: float = field(
            1.0, "of fooling the discriminator, beside triplet_weight; 0: no adversary", low=0
        )
        saturating: bool = field(True, "the generator lowers ln(1 - D), as in the paper; false: -ln D")
        discriminator_units: int = field(100, "of its hidden layer", low=1)
        discriminator_steps: int = field(1, "before each one of the generator", low=1)
        triplet_weight: float = field(0.0, "of the loss of the triplets on codes", low=0)
        learning_rate: float = field(0.001, "of Adam, of the auto-encoder and of the discriminator", above=0)
        generator_rate: float = field(
            0.00003, "of Adam, of the generator, which is how strong it is; in the paper 0.001", above=0
        )

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.discriminator: dict[str, tf.Variable] = {}
        if config.adversarial_weight:
            k, n = config.hidden_units, config.discriminator_units
            self.discriminator = {
                "kernel": self.parameter("discriminator_kernel", [k, n]),
                "bias": tf.Variable(tf.zeros([n]), name="discriminator_bias"),
                "output": self.parameter("discriminator_output", [n, 1]),
                "output_bias": tf.Variable(tf.zeros([1]), name="discriminator_output_bias"),
            }

    @classmethod
    def memory(cls, config, dataset):
        need = super().memory(config, dataset)
        n = config.discriminator_units if config.adversarial_weight else 0
        return need._replace(parameters=need.parameters + n * (config.hidden_units + 2) + (n > 0), step=2 * need.step)

    def phases(self, usual, batch_size, seed):
        (reconstruction,) = super().phases(usual, batch_size, seed)
        adam = {"name": "adam", "learning_rate": self.config.learning_rate}
        reconstruction.variables = [self.encoder, self.encoder_bias, self.decoder, self.decoder_bias]
        reconstruction.optimizer = adam
        if not (self.config.adversarial_weight or self.config.triplet_weight):
            return [reconstruction]
        triplets = Triplets(self, batch_size, seed)
        if self.config.reconstructed == "positives":
            reconstruction = PositivesAgain(self, triplets, reconstruction)
        found: list[Phase] = [reconstruction]
        if self.config.adversarial_weight:
            found.append(Discriminator(self, triplets, list(self.discriminator.values()), adam))
        slower = adam | {"learning_rate": self.config.generator_rate}
        found.append(Generator(self, triplets, [self.encoder, self.encoder_bias], slower))
        steps = self.config.discriminator_steps
        self.turns = (1, steps, 1) if self.config.adversarial_weight else (1, 1)
        return found

    def codes(self, ids: tf.Tensor) -> tf.Tensor:
        """z of these rows, [b, k]"""
        return self.encode_rows(ids, *self.observed(ids))

    def log_odds(self, codes: tf.Tensor) -> tf.Tensor:
        """ln D - ln(1 - D), [b, 1]"""
        d = self.discriminator
        return times(tf.sigmoid(tf.matmul(codes, d["kernel"]) + d["bias"]), d["output"]) + d["output_bias"]


class Triplets:
    """The candidate pool, and what is drawn from it for an epoch."""

    def __init__(self, model: HEMAAE, batch_size: int, seed: int):
        config, matrix = model.config, model.matrix
        self.model, self.batch_size, self.seed = model, batch_size, seed
        features = tree_of_means(matrix, config.layers, config.unrated == "zero")
        rated = tf.where(matrix.row_lengths > 0)[:, 0].numpy().astype("int32")
        random = generator(seed, "mining")
        self.pool: Pool = mine(features, rated, config.mining, config.examples, config.margin, random)
        self.n_steps = -(-len(rated) // batch_size)

    def plan(self, epoch: int) -> Plan:
        """The same triplets for every phase of an epoch."""
        drawn = self.pool.draw(generator(self.seed, "triplets", epoch if self.model.config.redraw else 0))
        return Plan(self.n_steps, dict(zip(("anchors", "positives", "negatives"), drawn)))

    def batch(self, arrays: Mapping[str, tf.Tensor], step: tf.Tensor, name: str) -> tf.Tensor:
        first = step % self.n_steps * self.batch_size
        return arrays[name][first : first + self.batch_size]


class PositivesAgain(Reconstruction):
    """Reconstructs the positives that are drawn, in place of every row once."""

    def __init__(self, model: HEMAAE, triplets: Triplets, usual: Reconstruction):
        super().__init__(model, usual.batch_size, usual.seed)
        self.triplets, self.variables, self.optimizer = triplets, usual.variables, usual.optimizer

    def plan(self, epoch: int) -> Plan:
        return Plan(self.n_steps, {"ids": self.triplets.plan(epoch).arrays["positives"]})


class OfTriplets(Phase):
    def __init__(self, model: HEMAAE, triplets: Triplets, variables, optimizer):
        self.model, self.triplets, self.variables, self.optimizer = model, triplets, variables, optimizer

    def codes(self, arrays, step, name):
        return self.model.codes(self.triplets.batch(arrays, step, name))


class Discriminator(OfTriplets):
    name = "discriminator"

    def plan(self, epoch: int) -> Plan:
        plan = self.triplets.plan(epoch)
        return plan._replace(n_steps=plan.n_steps * self.model.config.discriminator_steps)

    def loss(self, arrays, step, noise):
        real, forged = (self.codes(arrays, step, name) for name in ("positives", "negatives"))
        like, unlike = (self.model.log_odds(tf.stop_gradient(codes)) for codes in (real, forged))
        return tf.reduce_mean(tf.nn.softplus(-like)) + tf.reduce_mean(tf.nn.softplus(unlike))


class Generator(OfTriplets):
    name = "generator"

    def plan(self, epoch: int) -> Plan:
        return self.triplets.plan(epoch)

    def loss(self, arrays, step, noise):
        config, forged = self.model.config, self.codes(arrays, step, "negatives")
        total = tf.constant(0.0)
        if config.adversarial_weight:
            odds = self.model.log_odds(forged)
            fooled = -tf.nn.softplus(odds) if config.saturating else tf.nn.softplus(-odds)
            total += config.adversarial_weight * tf.reduce_mean(fooled)
        if config.triplet_weight:
            anchor, real = (self.codes(arrays, step, name) for name in ("anchors", "positives"))
            near, far = (tf.reduce_sum(tf.square(anchor - other), axis=1) for other in (real, forged))
            total += config.triplet_weight * tf.reduce_mean(tf.nn.relu(near - far + config.margin))
        return total
