"""Lists of unequal length that stand one after the other: which places belong to some rows, and softmax within a row.

No list is padded to the longest: time and memory follow the entries that the rows have together.
"""

from __future__ import annotations

import tensorflow as tf


def places_of(indptr: tf.Tensor, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(places, owners), int32 [n] each: the entries of the rows `ids`, row after row, and the place in `ids` of each.

    indptr: int32 [rows + 1], where each row begins; ids: int32 [b]. (tf.repeat would build a mask of b times the longest.)
    """
    starts = tf.gather(indptr, ids)
    ends = tf.cumsum(tf.gather(indptr, ids + 1) - starts)
    total = tf.concat([tf.zeros([1], ends.dtype), ends], axis=0)[-1]
    order = tf.range(total)
    owners = tf.searchsorted(ends, order, side="right")
    before = starts - tf.concat([tf.zeros([1], ends.dtype), ends], axis=0)[:-1]
    return order + tf.gather(before, owners), owners


def softmax_by_row(logits: tf.Tensor, owners: tf.Tensor, n_rows: int | tf.Tensor) -> tf.Tensor:
    """logits: [n]; owners: int32 [n], the row of each -> [n], weights that sum to 1 within each row."""
    highest = tf.math.unsorted_segment_max(tf.stop_gradient(logits), owners, n_rows)
    weights = tf.exp(logits - tf.gather(highest, owners))
    return weights / tf.gather(tf.math.unsorted_segment_sum(weights, owners, n_rows), owners)
