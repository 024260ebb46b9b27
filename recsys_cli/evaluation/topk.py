"""The k best items of each user, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from recsys_cli.data.dataset import CSR
from recsys_cli.evaluation.blocks import Blocks, scan
from recsys_cli.evaluation.metrics import check_cutoffs
from recsys_cli.evaluation.ranking import union
from recsys_cli.models.base import Scorer

LONG = 50  # items; on a CPU, from about here on a partition of all scores is faster than two selections


def top_k(
    scorer: Scorer, users: np.ndarray, seen: Sequence[CSR], n_items: int, k: int, memory_mb: int = 512
) -> tuple[np.ndarray, np.ndarray]:
    """The k unseen items of highest score: items int32 [m, k] and scores float32 [m, k].

    Ordered by score, then by id; filled up with item -1 and score -inf where a user has
    fewer than k candidates. users: ids [m]. seen: users x items matrices of what to leave
    out, none of them to rank everything.
    """
    check_cutoffs([k], n_items)
    users = np.asarray(users, np.int32)
    if not users.size:
        return np.zeros((0, k), np.int32), np.zeros((0, k), np.float32)
    history = union(seen, seen[0].n_rows, n_items) if seen else None
    blocks = Blocks.of(users, history, n_items, memory_mb)
    body = _best if k < LONG or tf.config.list_logical_devices("GPU") else _best_on_cpu
    items, scores = scan(scorer, n_items, blocks, body, (tf.int32, tf.float32), [np.int32(k)])
    return items[: len(users)], scores[: len(users)]


def _best(scores, seen, block, k):
    """The k best items lie in the k segments with the largest maxima: two short selections do for a long one.

    Both prefer the lower index where values are equal, which makes this true of ties as well.
    """
    scores = _leave_out(scores, seen)
    n_rows, n_items = scores.shape
    width = tf.maximum(tf.cast(tf.sqrt(n_items / k), tf.int32), 1)
    n_segments = -(-n_items // width)
    padding = [[0, 0], [0, n_segments * width - n_items]]
    segments = tf.reshape(tf.pad(scores, padding, constant_values=-np.inf), [n_rows, n_segments, width])
    _, chosen = tf.math.top_k(tf.reduce_max(segments, axis=2), tf.minimum(k, n_segments))
    chosen = tf.sort(chosen, axis=1)
    best, place = tf.math.top_k(tf.reshape(tf.gather(segments, chosen, batch_dims=1), [n_rows, -1]), k)
    items = tf.gather(chosen, place // width, batch_dims=1) * width + place % width
    return tf.where(tf.math.is_inf(best), -1, items), best


def _best_on_cpu(scores, seen, block, k):
    """The same by NumPy, whose partition is faster there than TensorFlow's selections are for long lists."""
    return tf.numpy_function(_partitioned, [_leave_out(scores, seen), k], (tf.int32, tf.float32), stateful=False)


def _partitioned(scores: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """items int32 [rows, k] and their scores; of rows with NaN, which `scan` refuses, nothing in particular."""
    n_rows, n_items = scores.shape
    least = np.partition(scores, n_items - k, axis=1)[:, n_items - k]
    rows, columns = np.divmod(np.flatnonzero(scores >= least[:, None]), n_items)  # more than k where scores are equal
    values = scores[rows, columns]
    order = np.lexsort((-values, rows.astype(np.int16)))  # stable: by item where they are equal
    lengths = np.bincount(rows, minlength=n_rows)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    order, slot = order[place < k], (rows[place < k], place[place < k])
    best, items = np.full((n_rows, k), -np.inf, np.float32), np.full((n_rows, k), -1, np.int32)
    best[slot] = values[order]
    items[slot] = np.where(np.isinf(values[order]), -1, columns[order])
    return items, best


def _leave_out(scores: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """-inf in these cells. A scatter would do, but leaves a GPU that must be deterministic."""
    infinities = tf.fill(tf.shape(cells), -np.inf)
    added = tf.math.unsorted_segment_sum(infinities, cells, tf.size(scores))
    return scores + tf.reshape(added, tf.shape(scores))
