"""ConvNCF: convolutions over the outer product of a user's and an item's vector (He et al., IJCAI 2018; thesis table 3.4).

    y = cnn(p q'),   six layers of 2 x 2 and stride 2 for vectors of 64, then linear

As in the authors' code: the first epoch has an optimiser of its own (Adagrad, rate 0.01) and no penalty, so that nothing
overflows; `pretrained` starts from the vectors of BPR-MF.

Deviations:
1. The loss is the mean over a batch (theirs the sum: loss.reduction=sum); the default penalties of the network are theirs
   over a batch of 512.
2. loss.l2 weighs half the squares of the vectors (theirs: the squares).
3. The authors' two optimisers, for vectors and for the network, are one with two rates: network_rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from data_prep.settings import field
from recsys_cli.losses.base import Phase, Plan
from recsys_cli.models.base import EmbeddingSettings, Need, gather, rows
from recsys_cli.models.pairwise import PairwiseModel
from recsys_cli.ops.convolutions import OuterConvolutions, parameters_of


class ConvNCF(PairwiseModel):
    """A table of users, one of items, and the network."""

    from_pretrained = ("user_embedding", "item_embedding")

    @dataclass(frozen=True)
    class Settings(EmbeddingSettings):
        channels: list[int] = field(
            [32, 32, 32, 32, 32, 32], "of each layer of convolutions; embedding_size is 2 to their number", low=1
        )
        dropout: float = field(0.0, "rate, on the output of the last convolution", low=0, below=1)
        output_l2: float = field(0.02, "times the squares of the last, linear layer", low=0)
        network_l2: float = field(0.002, "times the squares of all layers", low=0)
        network_rate: float = field(1.0, "times the learning rate: for the network", above=0)
        first_epoch_rate: float | None = field(
            0.01,
            "learning rate of the first epoch, by Adagrad and without any penalty; null: it is as the others",
            above=0,
        )
        pretrained: str | None = field(None, "a run of model=bpr on the same data, whose vectors it starts from")

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        size = config.embedding_size
        self.user_embedding = self.parameter("user_embedding", [self.n_users, size])
        self.item_embedding = self.parameter("item_embedding", [self.n_items, size])
        self.network = OuterConvolutions(self.parameter, size, list(config.channels), config.dropout)
        self.items_at_a_time = self.network.at_a_time()
        self.rate_factors = {v.name.split(":")[0]: config.network_rate for v in self.network.variables}
        self._penalties = True

    @classmethod
    def memory(cls, config, dataset):
        shape = config.embedding_size, list(config.channels)
        return Need(
            (dataset.n_users + dataset.n_items) * shape[0] + parameters_of(*shape),
            scoring=1 << 25,
            pairs=dataset.target_train.nnz,
            width=OuterConvolutions.numbers_of_pair(*shape),
            setting="model.embedding_size",
        )

    def phases(self, usual, batch_size, seed):
        if self.config.first_epoch_rate is None:
            return usual
        return [part for phase in usual for part in (FirstEpoch(self, phase), OtherEpochs(phase))]

    def encode(self, noise=None):
        return {}  # of rows looked up in this step

    def user_part(self, task, encoded, ids, noise=None):
        return gather(self.user_embedding, ids, encoded)

    def item_part(self, task, encoded, ids=None, noise=None):
        return gather(self.item_embedding, ids, encoded)

    def pair(self, task, encoded, user, item, noise=None):
        return self.network(user + tf.zeros_like(item), item + tf.zeros_like(user), noise)

    def penalised(self, task, encoded, users, items):
        found = [rows(self.user_embedding, users, encoded), rows(self.item_embedding, items, encoded)]
        return found if self._penalties else []

    def own_penalty(self, encoded):
        return self.network.penalty(self.config.output_l2, self.config.network_l2) if self._penalties else None


class FirstEpoch(Phase):
    """A phase of a loss in the first epoch alone, without penalties."""

    def __init__(self, model: ConvNCF, usual: Phase):
        self.name, self.model, self.usual = f"first {usual.name}", model, usual
        rate = model.config.first_epoch_rate
        self.optimizer = {"name": "adagrad", "learning_rate": rate, "initial_accumulator": 0.1}

    def plan(self, epoch):
        return self.usual.plan(epoch) if epoch == 0 else Plan(0, {})

    def loss(self, arrays, step, noise):
        self.model._penalties = False  # while it is traced
        try:
            return self.usual.loss(arrays, step, noise)
        finally:
            self.model._penalties = True


class OtherEpochs(Phase):
    """The same phase in all other epochs."""

    def __init__(self, usual: Phase):
        self.name, self.usual = usual.name, usual

    def plan(self, epoch):
        return self.usual.plan(epoch) if epoch else Plan(0, {})

    def loss(self, arrays, step, noise):
        return self.usual.loss(arrays, step, noise)
