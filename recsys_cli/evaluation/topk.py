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

LONG = 50  # items; on a CPU, from about here on a partition is faster than two selections
PARTS = 4  # of a row for each item of the list: with more the bound is nearer, but there are more to select from
ITEM_BITS = 24  # of a key of 64, beside 32 for the score and 8 for the row of a block


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
    fits = n_items < 2**ITEM_BITS and not tf.config.list_logical_devices("GPU")
    body = _best_on_cpu if k >= LONG and fits else _best
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
    return tf.numpy_function(_partitioned, [scores, seen, k], (tf.int32, tf.float32), stateful=False)


def _partitioned(scores: np.ndarray, seen: np.ndarray, k: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """items int32 [rows, k] and their scores; of rows with NaN, which `scan` refuses, nothing in particular."""
    n_rows, n_items = scores.shape
    scores = scores.copy()
    scores.reshape(-1)[seen] = -np.inf
    rows, columns = np.divmod(np.flatnonzero(scores >= _lower_bound(scores, int(k))[:, None]), n_items)
    bits = (scores[rows, columns] + np.float32(0)).view(np.uint32)  # -0 + 0 = 0, to which it is equal
    falling = np.where(bits >> 31, bits, bits ^ 0x7FFFFFFF)  # unsigned, the larger the score the smaller
    keys = rows.astype(np.uint64) << 56 | falling.astype(np.uint64) << ITEM_BITS | columns.astype(np.uint64)
    keys.sort()  # by row, then score, then item: several times as fast as by three arrays
    lengths = np.bincount(rows, minlength=n_rows)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows, place, columns = (a[place < k] for a in (rows, place, keys & (2**ITEM_BITS - 1)))
    best, items = np.full((n_rows, k), -np.inf, np.float32), np.full((n_rows, k), -1, np.int32)
    best[rows, place] = values = scores[rows, columns]
    items[rows, place] = np.where(np.isinf(values), -1, columns)
    return items, best


def _lower_bound(scores: np.ndarray, k: int) -> np.ndarray:
    """[rows]: not above the k-th largest of a row, and little below, as k parts of the row have something that large."""
    n_rows, n_items = scores.shape
    width = max(n_items // (PARTS * k), 1)
    n_parts = n_items // width
    largest = scores[:, : n_parts * width].reshape(n_rows, width, n_parts).max(axis=1)
    return np.partition(largest, n_parts - k, axis=1)[:, n_parts - k]


def _leave_out(scores: tf.Tensor, cells: tf.Tensor) -> tf.Tensor:
    """-inf in these cells. A scatter would do, but leaves a GPU that must be deterministic."""
    infinities = tf.fill(tf.shape(cells), -np.inf)
    added = tf.math.unsorted_segment_sum(infinities, cells, tf.size(scores))
    return scores + tf.reshape(added, tf.shape(scores))
