"""Fields of users or items: categories, several values of one field, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Features:
    """What is known of each entity (user or item), by values that are numbered over all fields of its side.

    Entity e has the values indices[indptr[e] : indptr[e + 1]], ascending: none of a field where nothing is known,
    several where the field has several. Each word of a categorical field is a value; a numeric field is one value,
    and the number of an entity stands in `values`. No two fields share a value.

    names: of the fields. indptr: int64 [entities + 1]. indices: int32 [nnz]. fields: int32 [n_values], the field of
    each value, ascending. values: float32 [nnz], 1 for categories; None where no field is numeric.
    """

    names: tuple[str, ...]
    indptr: np.ndarray
    indices: np.ndarray
    fields: np.ndarray
    values: np.ndarray | None = None

    @property
    def n_values(self) -> int:
        return len(self.fields)

    @property
    def n_entities(self) -> int:
        return len(self.indptr) - 1

    @classmethod
    def of_codes(cls, columns: Mapping[str, np.ndarray]) -> Features:
        """One category per entity and field: codes 0, 1, ... of each field, int [entities]."""
        everyone = np.arange(len(next(iter(columns.values()))))
        return gather([Field(name, everyone, codes, int(codes.max()) + 1) for name, codes in columns.items()])

    @classmethod
    def nothing(cls, n_entities: int) -> Features:
        """Entities without any field."""
        none = np.zeros(0, np.int32)
        return cls((), np.zeros(n_entities + 1, np.int64), none, none)

    def take(self, entities: np.ndarray) -> Features:
        """Of these entities (int [n]), in this order; all values keep their number."""
        lengths = np.diff(self.indptr)[entities]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(indptr[-1]) + np.repeat(self.indptr[entities] - indptr[:-1], lengths)
        values = None if self.values is None else self.values[places]
        return replace(self, indptr=indptr, indices=np.asarray(self.indices[places]), values=values)

    def with_ids(self, name: str) -> Features:
        """With one more field, the first: each entity is a value of its own."""
        n, first = self.n_entities, self.indptr[:-1]
        return Features(
            (name, *self.names),
            self.indptr + np.arange(n + 1),
            np.insert(np.asarray(self.indices) + n, first, np.arange(n)).astype(np.int32),
            np.concatenate([np.zeros(n), np.asarray(self.fields) + 1]).astype(np.int32),
            None if self.values is None else np.insert(np.asarray(self.values), first, 1).astype(np.float32),
        )

    def only(self, names: Sequence[str]) -> Features:
        """Of these fields alone, in the order they have here."""
        kept = [n for n, name in enumerate(self.names) if name in names]
        fields = np.asarray(self.fields)
        here = np.isin(fields, kept)
        stays = here[self.indices]
        owners = np.repeat(np.arange(self.n_entities), np.diff(self.indptr))[stays]
        lengths = np.bincount(owners, minlength=self.n_entities)
        return Features(
            tuple(self.names[n] for n in kept),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            (np.cumsum(here) - 1)[self.indices[stays]].astype(np.int32),
            np.searchsorted(kept, fields[here]).astype(np.int32),
            None if self.values is None else np.asarray(self.values)[stays],
        )

    def standardized(self) -> Features:
        """Numbers of a field less their mean, in standard deviations of it: years and prices are of one size."""
        if self.values is None:
            return self
        values, of = np.array(self.values, np.float64), self.fields[self.indices]
        for field in np.unique(of[values != 1]):
            here = values[of == field]
            values[of == field] = (here - here.mean()) / (here.std() or 1.0)
        return replace(self, values=values.astype(np.float32))

    def by_field(self) -> Features:
        """The same values with a row for each entity and field: row e * len(names) + field."""
        rows = np.repeat(np.arange(self.n_entities), np.diff(self.indptr)) * len(self.names) + self.fields[self.indices]
        lengths = np.bincount(rows, minlength=self.n_entities * len(self.names))
        return replace(self, indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def arrays(self, side: str) -> dict[str, np.ndarray]:
        """By the names that prepared data sets use; `of_arrays` reads them."""
        parts = {"indptr": self.indptr, "indices": self.indices, "fields": self.fields, "values": self.values}
        return {f"{side}.{part}": np.asarray(array) for part, array in parts.items() if array is not None}

    @classmethod
    def of_arrays(cls, names: Sequence[str], arrays: Mapping[str, np.ndarray], side: str) -> Features:
        indptr, indices, fields = (arrays[f"{side}.{part}"] for part in ("indptr", "indices", "fields"))
        return cls(tuple(names), indptr, indices, fields, arrays.get(f"{side}.values"))


class Field(NamedTuple):
    """Entries of one field. entities: int [k], ascending or not; codes: int [k], 0 .. size - 1; numbers: float32 [k]
    of a numeric field, whose codes are all 0."""

    name: str
    entities: np.ndarray
    codes: np.ndarray
    size: int
    numbers: np.ndarray | None = None


def gather(columns: Sequence[Field], n_entities: int | None = None) -> Features:
    """The fields side by side; an entry that repeats counts once. n_entities: None: all are in the first field."""
    n_entities = len(columns[0].entities) if n_entities is None else n_entities
    first = np.cumsum([0, *(column.size for column in columns)])
    entities = np.concatenate([column.entities for column in columns]).astype(np.int64)
    ids = np.concatenate([start + column.codes for start, column in zip(first, columns, strict=False)])
    keys, rows = np.unique(entities * max(first[-1], 1) + ids, return_index=True)
    values = None
    if any(column.numbers is not None for column in columns):
        ones = [np.ones(len(c.entities), np.float32) if c.numbers is None else c.numbers for c in columns]
        values = np.concatenate(ones).astype(np.float32)[rows]
    return Features(
        tuple(column.name for column in columns),
        np.searchsorted(keys, np.arange(n_entities + 1) * max(first[-1], 1)).astype(np.int64),
        (keys % max(first[-1], 1)).astype(np.int32),
        np.repeat(np.arange(len(columns), dtype=np.int32), [column.size for column in columns]),
        values,
    )
