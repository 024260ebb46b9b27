"""Gradients of all workers within a step, and variables between steps: from the first worker to all, or from all to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from recsys_cli.data.share import Share
from recsys_cli.distributed.wire import Wire
from recsys_cli.models.base import FactoredModel
from recsys_cli.training.optimizers import sum_repeated

BLOCK = 2**22  # numbers of an array that are on their way at a time


class SumOfWorkers:
    """Adds up the gradients of what all workers have, in one message; those of their own users stay as they are.

    The loss over all pairs is a sum over users, and so is its gradient for items and for whatever else is common: the
    Gramian of the users of a step is in it, worker by worker.
    """

    def __init__(self, model: FactoredModel, wire: Wire):
        self.model, self.wire = model, wire

    def __call__(self, gradients: Sequence, variables: Sequence[tf.Variable]) -> list:
        found = list(gradients)
        common = [i for i, g in enumerate(found) if g is not None and not self.model.is_by_user(variables[i])]
        # Rows of a table are those of the same items on all workers: a step that takes items takes the same everywhere.
        rows = {}
        for i in common:
            if isinstance(found[i], tf.IndexedSlices):
                found[i], rows[i] = sum_repeated(found[i])
        shapes = [tf.shape(found[i]) for i in common]
        added = self.wire.sum(tf.concat([tf.reshape(found[i], [-1]) for i in common], axis=0))
        parts = tf.split(added, tf.stack([tf.reduce_prod(shape) for shape in shapes]), num=len(common))
        for i, part, shape in zip(common, parts, shapes):
            found[i] = tf.ensure_shape(tf.reshape(part, shape), found[i].shape)
            if i in rows:
                found[i] = tf.IndexedSlices(found[i], rows[i])
        return found


def spread(wire: Wire, variable: tf.Variable, share: Share | None, array: np.ndarray | None) -> None:
    """Assigns the array of the first worker: all of it, or with a share the rows of the users of each worker."""
    n_rows = share.n_users if share else _rows(variable)
    own = np.empty([_rows(variable), *variable.shape[1:]], variable.dtype.as_numpy_dtype)
    for first, last in _blocks(n_rows, variable):
        block = np.empty([last - first, *variable.shape[1:]], own.dtype)
        if array is not None:
            block[:] = array[first:last] if variable.shape.rank else array
        block = wire.sent(block)
        if share is None:
            own[first:last] = block
        else:
            mine = block[(share.number - first) % share.of :: share.of]
            start = -((share.number - first) // share.of)  # of users before the block, those that are here
            own[start : start + len(mine)] = mine
    variable.assign(own.reshape(variable.shape))


def collected(wire: Wire, variable: tf.Variable, share: Share | None) -> np.ndarray:
    """The values of all workers as one array, as a single worker would have them; whole on the first worker alone."""
    if share is None:
        return variable.numpy()
    own, first_worker = variable.numpy(), wire.number == 0
    whole = np.empty([share.n_users if first_worker else 0, *own.shape[1:]], own.dtype)
    for first, last in _blocks(share.size(0), variable):
        block = np.zeros([last - first, *own.shape[1:]], own.dtype)
        mine = own[first:last]
        block[: len(mine)] = mine
        found = wire.gathered(block)
        if first_worker:  # user k * of + w is row k of worker w
            users = np.swapaxes(found, 0, 1).reshape(-1, *own.shape[1:])
            whole[first * share.of : last * share.of] = users[: share.n_users - first * share.of]
    return whole


def _rows(variable: tf.Variable) -> int:
    return variable.shape[0] if variable.shape.rank else 1


def _blocks(n_rows: int, variable: tf.Variable) -> list[tuple[int, int]]:
    """(first, last) rows of blocks of a few million numbers."""
    rows = max(1, BLOCK // max(1, int(np.prod(variable.shape[1:]))))
    return [(first, min(first + rows, n_rows)) for first in range(0, n_rows, rows)]
