"""Curves for TensorBoard, in a file of its events: what tf.summary writes, without its cost of milliseconds a value."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

PREFIX = "events.out.tfevents"  # by which TensorBoard knows them
VERSION = "brain.Event:2"


class EventFile:
    """A new file in this folder, which is made where it is not there. It is readable up to the last epoch at any time."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._writer = tf.io.TFRecordWriter(str(folder / f"{PREFIX}.{time.time_ns()}.{os.getpid()}"))
        self._write(file_version=VERSION)

    def add(self, epoch: int, values: Mapping[str, float]) -> None:
        # Names may hold no @ there.
        summary = [
            tf.compat.v1.Summary.Value(
                tag=name.replace("@", "_at_"), metadata=_SCALAR, tensor=tf.make_tensor_proto(value, tf.float32, [])
            )
            for name, value in values.items()
        ]
        self._write(step=epoch, summary=tf.compat.v1.Summary(value=summary))

    def close(self) -> None:
        self._writer.close()

    def _write(self, **content) -> None:
        self._writer.write(tf.compat.v1.Event(wall_time=time.time(), **content).SerializeToString())
        self._writer.flush()


_SCALAR = tf.compat.v1.SummaryMetadata(plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars"))
