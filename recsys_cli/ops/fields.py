"""Sums over the values of fields: rows of a table, of as many values as an entity has, added up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from data_prep.features import Features
from recsys_cli.data.dataset import CSR
from recsys_cli.ops.propagation import SparseMatrix


class Lookup(NamedTuple):
    """Entries of some entities. values: int32 [..., k] where all entities have k of them, else [e], and owners: int32
    [e] says which place among the entities each belongs to. numbers: as values, with one more axis; None: all 1."""

    values: tf.Tensor
    numbers: tf.Tensor | None
    owners: tf.Tensor | None
    shape: tf.Tensor


class FieldSums:
    """sum_f x_f T_f over the values f of an entity (user, item, or a field of one), for tables T [n_values, d].

    No list is padded: entities of different length are summed by segment.
    """

    def __init__(self, features: Features):
        lengths = np.diff(features.indptr)
        places = features.indptr, features.indices, features.n_values
        values = features.values
        self._whole = [SparseMatrix(CSR(*places, values))]
        if values is not None:
            self._whole.append(SparseMatrix(CSR(*places, np.square(values))))
        width = int(lengths[0]) if len(lengths) else 0
        self._width = width if (lengths == width).all() else None
        self._values = tf.constant(np.asarray(features.indices), tf.int32)
        self._numbers = None if features.values is None else tf.constant(np.asarray(features.values)[:, None])
        self._starts, self._lengths = (tf.constant(a, tf.int32) for a in (features.indptr[:-1], lengths))

    def look_up(self, ids: tf.Tensor) -> Lookup:
        """ids: int32 [...]"""
        shape = tf.shape(ids)
        if self._width is not None:
            places, owners = ids[..., None] * self._width + tf.range(self._width), None
        else:
            ids = tf.reshape(ids, [-1])
            lengths = tf.gather(self._lengths, ids)
            owners = tf.repeat(tf.range(tf.size(ids)), lengths)
            before = tf.gather(self._starts, ids) - tf.cumsum(lengths, exclusive=True)
            places = tf.range(tf.size(owners)) + tf.gather(before, owners)
        numbers = None if self._numbers is None else tf.gather(self._numbers, places)
        return Lookup(tf.gather(self._values, places), numbers, owners, shape)

    @staticmethod
    def total(found: Lookup, rows: tf.Tensor, power: int = 1) -> tf.Tensor:
        """rows: [*found.values.shape, d], of a table at found.values -> sum_f x_f^power rows_f, [..., d]."""
        if found.numbers is not None:
            rows *= found.numbers**power
        if found.owners is None:
            return tf.reduce_sum(rows, axis=-2)
        total = tf.math.unsorted_segment_sum(rows, found.owners, tf.reduce_prod(found.shape))
        return tf.reshape(total, tf.concat([found.shape, rows.shape[-1:]], axis=0))

    def of_all(self, table: tf.Tensor, power: int = 1) -> tf.Tensor:
        """sum_f x_f^power T_f of every entity, [n, d]."""
        return self._whole[min(power, len(self._whole)) - 1].whole(tf.convert_to_tensor(table))
