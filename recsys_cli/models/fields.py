"""What models of features share: a vector and a weight of each value of the fields of users and of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from data_prep.errors import UserError, nearest
from data_prep.features import Features
from data_prep.settings import field
from recsys_cli.data.dataset import Dataset
from recsys_cli.models.base import EmbeddingSettings, Model, Need, Rows, gather
from recsys_cli.models.pairwise import ITEMS_AT_A_TIME, PairwiseModel
from recsys_cli.ops.fields import FieldSums, Lookup

SIDES = USER, ITEM = "user", "item"
FIELD_TABLES = ("user_features", "item_features", "user_linear", "item_linear")
PRETRAINED = "a run of model=fm on the same data, whose vectors and weights it starts from"


@dataclass(frozen=True)
class FieldSettings(EmbeddingSettings):
    """Of models of features."""

    ids: bool | None = field(
        None, "a field for the id of each user and item; null: on a side that has no field named user, or item"
    )
    user_fields: list[str] | None = field(None, "the fields of users that are taken; null: all")
    item_fields: list[str] | None = field(None, "the same of items")


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

    def __init__(self, model: Model, dataset: Dataset, side: str, *, by_field: bool = False):
        """by_field: parts of each field by itself, [..., fields, d], instead of all together, [..., d]."""
        super().__init__(name=side)
        features = fields_of(dataset, side, model.config)
        self.n_fields = len(features.names)
        self.by_field = by_field
        self.sums = FieldSums(features.by_field() if by_field else features)
        n = features.n_values
        self.vectors = model.parameter(f"{side}_features", [n, model.config.embedding_size])
        self.linear = model.parameter(f"{side}_linear", [n, 1])

    def look_up(self, ids: tf.Tensor, found: dict) -> Lookup:
        """Once a step: the same values are wanted for scores and for the penalty."""
        key = self.name, tf.convert_to_tensor(ids).ref()
        if key not in found:
            rows = ids[..., None] * self.n_fields + tf.range(self.n_fields) if self.by_field else ids
            found[key] = self.sums.look_up(rows)
        return found[key]

    def parts(self, ids: tf.Tensor | None, found: dict) -> Parts:
        """ids: int32 [...]; None: all."""
        if ids is None:
            key = self.name, None
            if key not in found:
                table = tf.convert_to_tensor(self.vectors)
                found[key] = Parts(self._of_all(table), self._of_all(tf.square(table), 2), self._of_all(self.linear))
            return found[key]
        entries = self.look_up(ids, found)
        vectors, linear = (gather(table, entries.values, found) for table in (self.vectors, self.linear))
        total = self.sums.total
        return Parts(total(entries, vectors), total(entries, tf.square(vectors), 2), total(entries, linear))

    def alone(self, ids: tf.Tensor | None, h: tf.Tensor | None, found: dict) -> tuple[tf.Tensor, tf.Tensor]:
        """(sum of x_f e_f [..., d], what the side scores by itself [..., 1]: h . f_BI + sum of x_f w_f); h None: 0."""
        if ids is not None:
            parts = self.parts(ids, found)
            return parts.total, parts.linear if h is None else parts.linear + _weigh(parts.inside, h)
        table = tf.convert_to_tensor(self.vectors)
        total, linear = self._of_all(table), self._of_all(self.linear)
        if h is None:
            return total, linear
        # h . sum of x^2 e^2 = sum of x^2 (h . e^2): one column instead of d
        return total, linear + 0.5 * (_weigh(tf.square(total), h) - self._of_all(_weigh(tf.square(table), h), 2))

    def _of_all(self, table: tf.Tensor, power: int = 1) -> tf.Tensor:
        total = self.sums.of_all(table, power)
        return tf.reshape(total, [-1, self.n_fields, total.shape[-1]]) if self.by_field else total

    def named(self, ids: tf.Tensor | None, found: dict) -> Rows:
        """For `penalised`: the vectors behind these ids."""
        values = None if ids is None else self.look_up(ids, found).values
        return Rows(self.vectors, values, gather(self.vectors, values, found))


def _weigh(x: tf.Tensor, h: tf.Tensor) -> tf.Tensor:
    """[..., d] -> h . x, [..., 1]"""
    return tf.reduce_sum(h * x, axis=-1, keepdims=True)


class FieldPairs(PairwiseModel):
    """Base of models that join what the fields of both sides add up to by a network; no bias that cancels in a
    pairwise loss."""

    by_field = False

    def __init__(self, config, dataset, seed):
        super().__init__(config, dataset, seed)
        self.users, self.items = (Side(self, dataset, side, by_field=self.by_field) for side in SIDES)

    def encode(self, noise=None):
        return {}  # of rows looked up in this step

    def user_part(self, task, encoded, ids, noise=None):
        return self.users.parts(ids, encoded)

    def item_part(self, task, encoded, ids=None, noise=None):
        return self.items.parts(ids, encoded)

    def penalised(self, task, encoded, users, items):
        return [self.users.named(users, encoded), self.items.named(items, encoded)]


def fields_of(dataset: Dataset, side: str, config) -> Features:
    """The fields of a side with numbers of one size, and one for the ids themselves where it is wanted."""
    features: Features | None = getattr(dataset, f"{side}_features")
    n = dataset.n_users if side == USER else dataset.n_items
    ids, chosen = config.ids, config.user_fields if side == USER else config.item_fields
    if chosen is not None:
        known = () if features is None else features.names
        if unknown := [name for name in chosen if name not in known]:
            there = ", ".join(known) or "none"
            raise UserError(
                f"model.{side}_fields: data={dataset.name} has no field {unknown[0]!r} of {side}s; there are {there}."
                + nearest(unknown[0], known)
            )
        features = features and features.only(chosen)
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


def memory_of(config, dataset: Dataset, network: int = 0, of_pair: int = 0) -> Need:
    """network: numbers in its parameters; of_pair: what it keeps for one pair."""
    size = config.embedding_size
    both = [fields_of(dataset, side, config) for side in SIDES]
    entries = max(len(f.indices) / max(f.n_entities, 1) for f in both)
    return Need(
        sum(f.n_values for f in both) * (size + 1) + network,
        step=6 * size * max(dataset.n_users, dataset.n_items),
        scoring=(2 * size + 2) * (dataset.n_users + dataset.n_items) + min(dataset.n_items, ITEMS_AT_A_TIME) * of_pair,
        pairs=dataset.target_train.nnz,
        width=int((entries + 2) * size) + of_pair,
        setting="model.embedding_size",
    )
