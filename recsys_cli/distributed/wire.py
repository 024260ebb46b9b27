"""What workers say to one another: sums within a compiled step, and orders and arrays of the first one between steps.

MultiWorkerMirroredStrategy connects the processes (servers, health of the others); its replicas and mirrored variables
are not used, as the vectors of users are to be in one place only. TensorFlow's collective operations do the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from data_prep.errors import UserError
from recsys_cli.distributed.place import Place

# A group of collectives each, for each type of numbers: those of a group are told apart by how many numbers they carry.
SUM, SENT, GATHERED = range(1, 4)
ORDER_LENGTH = 3


class WorkerLost(UserError):
    """The others cannot go on."""


class Wire:
    """Connects on construction, which waits for all workers; before that, TensorFlow may not have computed anything."""

    def __init__(self, place: Place):
        self.number, self.of = place.number, place.of
        self.broken = False
        self.explain: Callable[[], str] = lambda: "another worker has ended or cannot be reached any more"
        cluster = tf.train.ClusterSpec({"worker": list(place.addresses)})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            cluster, task_type="worker", task_id=place.number, rpc_layer="grpc"
        )
        try:
            with self.watched():
                self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
        except RuntimeError as error:
            raise UserError(
                "device.workers: TensorFlow has computed something in this process already, and workers are connected "
                "before that: train in a process of its own."
            ) from error

    def sum(self, values: tf.Tensor) -> tf.Tensor:
        """[n] of every worker -> their sum, the same for all; for what is compiled."""
        return tf.raw_ops.CollectiveReduceV2(
            input=values, ordering_token=[], merge_op="Add", final_op="Id", **self._about(SUM, values)
        )

    def total(self, value: float) -> float:
        with self.watched():
            return float(self.sum(tf.constant([value], tf.float64))[0])

    def tell(self, *numbers: int) -> None:
        """An order of the first worker, which the others `hear`."""
        order = np.zeros(ORDER_LENGTH, np.int64)
        order[: len(numbers)] = numbers
        self.sent(order)

    def hear(self) -> list[int]:
        return self.sent(np.zeros(ORDER_LENGTH, np.int64)).tolist()

    def sent(self, array: np.ndarray) -> np.ndarray:
        """The array of the first worker; the others give one of the same shape and type."""
        with self.watched():
            flat = tf.reshape(array, [-1])
            if self.number == 0:
                tf.raw_ops.CollectiveBcastSendV2(input=flat, **self._about(SENT, flat))
                return array
            about = self._about(SENT, flat)
            found = tf.raw_ops.CollectiveBcastRecvV2(T=flat.dtype, shape=flat.shape, **about)
            return found.numpy().reshape(array.shape)

    def gathered(self, array: np.ndarray) -> np.ndarray:
        """[...] of every worker, all of one shape -> [workers, ...]."""
        with self.watched():
            flat = tf.reshape(array, [-1])
            found = tf.raw_ops.CollectiveGatherV2(input=flat, ordering_token=[], **self._about(GATHERED, flat))
            return found.numpy().reshape(self.of, *array.shape)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Raises WorkerLost for what TensorFlow raises where another worker is gone."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            self._lost(error)
        except tf.errors.OpError as error:
            if "Collective ops is aborted" not in str(error) and "oordination" not in str(error):
                raise
            self._lost(error)

    def _lost(self, error: Exception) -> None:
        self.broken = True
        raise WorkerLost(self.explain()) from error

    def _about(self, kind: int, values: tf.Tensor) -> dict[str, Any]:
        group = 8 * values.dtype.as_datatype_enum + kind
        return {"group_size": self.of, "group_key": group, "instance_key": tf.size(values)}
