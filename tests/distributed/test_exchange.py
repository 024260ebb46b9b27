"""What goes between workers arrives where it belongs: workers are threads here, and the wire a list."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from recsys_cli.data.share import Share
from recsys_cli.distributed import exchange
from recsys_cli.distributed.exchange import SumOfWorkers, collected, spread

USERS = 11


class Threads:
    """The wire of one of several workers in this process."""

    def __init__(self, number: int, said: list, meet: threading.Barrier):
        self.number, self.of, self._said, self._meet = number, len(said), said, meet

    def _all(self, array):
        self._said[self.number] = array
        self._meet.wait(10)
        found = list(self._said)
        self._meet.wait(10)
        return found

    def sent(self, array):
        return self._all(array)[0]

    def gathered(self, array):
        return np.stack(self._all(array))

    def sum(self, values):
        return tf.add_n(self._all(values))


def by_workers(n: int, do):
    """do(number, wire) of every worker at once."""
    said, meet = [None] * n, threading.Barrier(n)
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda number: do(number, Threads(number, said, meet)), range(n)))


@pytest.mark.parametrize("shape", [[USERS, 3], [USERS]])
@pytest.mark.parametrize("workers", [2, 3, 11])
def test_rows_go_to_their_workers_and_come_back(workers, shape, monkeypatch):
    monkeypatch.setattr(exchange, "BLOCK", 4 * int(np.prod(shape[1:])))  # several blocks
    whole = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)

    def do(number, wire):
        share = Share(number, workers, USERS)
        variable = tf.Variable(tf.zeros([share.size(number), *shape[1:]]))
        spread(wire, variable, share, whole if number == 0 else None)
        np.testing.assert_array_equal(variable, whole[share.rows])
        return collected(wire, variable, share)

    np.testing.assert_array_equal(by_workers(workers, do)[0], whole)


@pytest.mark.parametrize("shape", [[], [5], [5, 3]])
def test_what_is_common_goes_to_all(shape, monkeypatch):
    monkeypatch.setattr(exchange, "BLOCK", 4)
    whole = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1

    def do(number, wire):
        variable = tf.Variable(tf.zeros(shape))
        spread(wire, variable, None, whole if number == 0 else None)
        return collected(wire, variable, None)

    for found in by_workers(2, do):
        np.testing.assert_array_equal(found, whole)


def test_gradients_of_all_but_users_add_up():
    class Model:
        def is_by_user(self, variable):
            return variable.name.startswith("users")

    def do(number, wire):
        variables = [tf.Variable(tf.zeros([4, 2]), name=name) for name in ("users", "items", "h", "rows", "unused")]
        one = tf.fill([4, 2], float(number + 1))
        repeated = tf.IndexedSlices(tf.ones([3, 2]) * (number + 1), tf.constant([2, 0, 2]), tf.constant([4, 2]))
        given = [one, one, 10.0 * one, repeated, None]
        return SumOfWorkers(Model(), wire)(given, variables)

    for number, (users, items, h, rows, unused) in enumerate(by_workers(2, do)):
        np.testing.assert_array_equal(users, np.full([4, 2], number + 1))
        np.testing.assert_array_equal(items, np.full([4, 2], 3))
        np.testing.assert_array_equal(h, np.full([4, 2], 30))
        np.testing.assert_array_equal(rows.indices, [2, 0])
        np.testing.assert_array_equal(rows.values, [[6, 6], [3, 3]])
        assert unused is None
