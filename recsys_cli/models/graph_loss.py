"""The triples of the items in a whole-data loss, item by item, beside or after the loss of the interactions."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from recsys_cli.losses.base import Phase, Plan
from recsys_cli.losses.together import Beside
from recsys_cli.ops.layers import dropout
from recsys_cli.ops.streams import generator
from recsys_cli.ops.whole_graph import whole_graph_loss


class GraphLoss(Beside):
    """mu times eq. 5.17, over the items of a batch: those of the interactions where these go by items, so that both losses
    of a step see the same ones; else an order of its own, spread over as many steps."""

    def __init__(self, model, phase: Phase, batch_size: int, seed: int):
        config, triples = model.config, model.triples
        self.model, self.seed, self.batch_size = model, seed, batch_size
        self.joint, self.follows = config.joint, config.joint and getattr(phase, "side", None) == "items"
        power = np.where(triples.lengths > 0, np.maximum(triples.lengths, 1.0) ** config.graph_popularity, 0.0)
        self.head_weight = tf.constant(config.graph_negative_weight * power / power.sum(), tf.float32)

    def batches(self, epoch: int, plan: Plan):
        if self.follows:
            order, size = plan.arrays["ids"], self.batch_size
        else:
            order = generator(self.seed, "batches/triples", epoch).permutation(self.model.n_items).astype(np.int32)
            size = -(-len(order) // plan.n_steps)
        triples, n_batches = self.model.triples, -(-len(order) // size)
        lengths = triples.lengths[order]
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) + np.repeat(triples.indptr[order] - (ends - lengths), lengths)
        arrays = {
            "rows": np.repeat(np.arange(len(order), dtype=np.int32) % size, lengths),
            "relations": triples.relations[places],
            "tails": triples.tails[places],
            "ids": order,
        }
        last = np.minimum(size * np.arange(1, n_batches + 1), len(order)) - 1
        offsets = np.concatenate([[0], ends[last]])
        missing = plan.n_steps - n_batches  # fewer items than steps: nothing is left for the last ones
        arrays["offsets"] = np.pad(offsets, (0, missing), mode="edge").astype(np.int32)
        arrays["size"] = np.array([size], np.int32)
        return arrays, self.model.config.graph_weight * np.diff(arrays["offsets"])

    def loss(self, arrays, step, noise):
        model, size = self.model, arrays["beside/size"][0]
        ids = arrays["beside/ids"][step * size : (step + 1) * size]
        first, last = arrays["beside/offsets"][step], arrays["beside/offsets"][step + 1]
        triples = tuple(arrays[f"beside/{name}"][first:last] for name in ("rows", "relations", "tails"))
        heads = tf.gather(model.tables["item"], ids)
        heads = dropout(heads, model.config.graph_dropout, noise, "heads")
        relations, tails = (tf.convert_to_tensor(model.tables[name]) for name in ("relation", "tail"))
        value = whole_graph_loss(heads, relations, tails, triples, tf.gather(self.head_weight, ids))
        value *= model.config.graph_weight
        own = None if self.joint else model.own_penalty(None)  # in a joint step the other loss has added it
        return value if own is None else value + own
