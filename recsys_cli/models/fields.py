"""What models of features share: a vector and a weight of each value of the fields of users and of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from data_prep.errors import UserError
from data_prep.features import Features
from data_prep.settings import field
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import EmbeddingSettings, Model, Rows, gather
from recsys_cli.ops.fields import FieldSums, Lookup

SIDES = USER, ITEM = "user", "item"


@dataclass(frozen=True)
class FieldSettings(EmbeddingSettings):
    """Of models of features."""

    ids: bool | None = field(
        None, "a field for the id of each user and item; null: on a side that has no field named user, or item"
    )


class Parts(NamedTuple):
    """What the values of an entity add up to. total: sum of x_f e_f, [..., d]; squares: sum of their squares, [..., d];
    linear: sum of x_f w_f, [..., 1]."""

    total: tf.Tensor
    squares: tf.Tensor
    linear: tf.Tensor

    @property
    def inside(self) -> tf.Tensor:
        """f_BI: the products of all pairs of values, [..., d] (thesis eq. 5.5)."""
        return 0.5 * (tf.square(self.total) - self.squares)


class Side(tf.Module):
    """The fields of users, or of items, and the tables of their values.

    An entity of which nothing is known has the vector 0.
    """

    def __init__(self, model: Model, dataset: Dataset, side: str):
        super().__init__(name=side)
        self.features = fields_of(dataset, side, model.config.ids)
        self.sums = FieldSums(self.features)
        n = self.features.n_values
        self.vectors = model.parameter(f"{side}_features", [n, model.config.embedding_size])
        self.linear = model.parameter(f"{side}_linear", [n, 1])

    def look_up(self, ids: tf.Tensor, found: dict) -> Lookup:
        """Once a step: the same values are wanted for scores and for the penalty."""
        key = self.name, tf.convert_to_tensor(ids).ref()
        if key not in found:
            found[key] = self.sums.look_up(ids)
        return found[key]

    def parts(self, ids: tf.Tensor | None, found: dict) -> Parts:
        """ids: int32 [...]; None: all."""
        if ids is None:
            key = self.name, None
            if key not in found:
                of_all, table = self.sums.of_all, tf.convert_to_tensor(self.vectors)
                found[key] = Parts(of_all(table), of_all(tf.square(table), 2), of_all(self.linear))
            return found[key]
        entries = self.look_up(ids, found)
        vectors, linear = (gather(table, entries.values, found) for table in (self.vectors, self.linear))
        total = self.sums.total
        return Parts(total(entries, vectors), total(entries, tf.square(vectors), 2), total(entries, linear))

    def named(self, ids: tf.Tensor | None, found: dict) -> Rows:
        """For `penalised`: the vectors behind these ids."""
        values = None if ids is None else self.look_up(ids, found).values
        return Rows(self.vectors, values, gather(self.vectors, values, found))


def fields_of(dataset: Dataset, side: str, ids: bool | None) -> Features:
    """The fields of a side with numbers of one size, and one for the ids themselves where it is wanted."""
    features: Features | None = getattr(dataset, f"{side}_features")
    n = dataset.n_users if side == USER else dataset.n_items
    if ids is False and (features is None or not features.n_values):
        raise UserError(
            f"model.ids=false: data={dataset.name} has no fields of {side}s, so that all {side}s would be alike. Leave "
            "model.ids=null, or give features."
        )
    names = () if features is None else features.names
    if ids or (ids is None and side not in names):
        features = (features or Features.nothing(n)).with_ids("id" if side in names else side)
    assert features is not None
    return features.standardized()


def sizes(config, dataset: Dataset) -> tuple[int, float]:
    """(values of both sides, entries of an entity on average on the longer side): for estimates of memory."""
    both = [fields_of(dataset, side, config.ids) for side in SIDES]
    return sum(f.n_values for f in both), max(len(f.indices) / max(f.n_entities, 1) for f in both)
