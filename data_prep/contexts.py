"""Row contexts as users: ids that are made of several fields, joined and taken apart again.

A row such as (user, weather, weekday, item) says what was chosen in a context. Each distinct context, user included,
is then a user of the data set, and its parts are its features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.features import Field
from data_prep.ids import Texts
from data_prep.options import JOINT


def of_ids(ids: np.ndarray, side: str, said: Mapping[str, Any]) -> list[Field]:
    """The parts of ids such as 17-rainy-sunday. said: {separator: "-", names: [user, weather, weekday]}.

    Values of different fields differ even where they are written alike; with `shared: true` they do not: the parts are
    then several values of one field, called as the first.
    """
    cut = [str(raw).split(said["separator"]) for raw in ids.tolist()]
    names = said["names"]
    for raw, parts in zip(ids.tolist(), cut, strict=True):
        if len(parts) != len(names):
            raise UserError(
                f"data.{side}_fields names {len(names)} parts, and the {side} id {raw!r} has {len(parts)}, "
                f"separated by {said['separator']!r}."
            )
    everyone, fields = np.arange(len(ids)), []
    if said.get("shared"):
        words, codes = np.unique(np.array(cut, str), return_inverse=True)
        return [Field(names[0], np.repeat(everyone, len(names)), codes.ravel(), len(words))]
    for place, name in enumerate(names):
        words, codes = np.unique([parts[place] for parts in cut], return_inverse=True)
        fields.append(Field(name, everyone, codes, len(words)))
    return fields


def joined(columns: Sequence[Texts | np.ndarray], names: Sequence[str], file: str) -> Texts:
    """The distinct row contexts as ids: the values of these columns, with | between them."""
    texts = [Texts.of(column) for column in columns]
    for column, name in zip(texts, names, strict=True):
        if faulty := [value for value in column.values if JOINT in value]:
            raise UserError(
                f"{file}: the {name} {faulty[0]!r} has a {JOINT!r}, which joins the columns of data.context: "
                "replace it in the file."
            )
    keys = texts[0].codes.astype(np.int64)
    for column in texts[1:]:
        _, keys = np.unique(keys * len(column.values) + column.codes, return_inverse=True)
    _, rows, codes = np.unique(keys, return_index=True, return_inverse=True)
    return Texts(codes.astype(np.int32), np.array([JOINT.join(c[row] for c in texts) for row in rows], object))
