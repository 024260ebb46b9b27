"""What comes with the interactions, by internal id: raw ids, candidates, friends, triples, features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.events import Events, Features, Raw, distinct
from data_prep.numbering import lookup
from data_prep.parsing import Part


def attach(raw: Raw, parts: list[Part], strict: bool) -> Raw:
    """Adds the companions found in `parts`.

    strict: ids unknown to the interactions are errors (the ids are declared); else such rows are left out and
    counted (the ids were numbered from the interactions).
    """
    by_role = {"negatives": _negatives, "friends": _friends, "triples": _triples}
    by_role |= {"user_features": _features, "item_features": _features}
    for part in parts:
        if part.role in by_role:
            raw = by_role[part.role](raw, part, strict)
    for part in parts:  # last: the others look the source's own numbers up
        if part.role in ("user_ids", "item_ids"):
            raw = replace(raw, **{part.role: _raw_ids(getattr(raw, part.role), part)})
    return raw


def candidates_by_test(raw: Raw) -> np.ndarray:
    """int32 [test pairs, n]: the candidates in the row order of the test CSR."""
    pairs, candidates = raw.negatives
    if raw.test is None:
        raise UserError("The source gives candidates but no test part to go with them.")
    wanted, given = np.sort(raw.test.keys(raw.n_items)), pairs.keys(raw.n_items)
    row = lookup(wanted, given)
    if (row < 0).any():
        user, item = divmod(int(wanted[(row < 0).argmax()]), raw.n_items)
        raise UserError(
            f"No candidates are given for the test pair of user {raw.user_ids[user]} and item "
            f"{raw.item_ids[item]}: the files of test pairs and candidates do not belong together."
        )
    return candidates[row]


def _known(part: Part, names: tuple[str, ...], ids: np.ndarray, strict: bool) -> tuple[np.ndarray, np.ndarray]:
    """(internal ids [rows, names], which rows are known)"""
    found = np.stack([lookup(part.columns[name], ids) for name in names], axis=1)
    known = (found >= 0).all(axis=1)
    if strict and not known.all():
        row = int(known.argmin())
        received = ", ".join(str(np.asarray(part.columns[name])[row]) for name in names)
        raise UserError(
            f"{part.file}, line {part.line_of(row)}: {' or '.join(names)} {received} is outside "
            f"0..{len(ids) - 1}. Mend the line."
        )
    return found[known].astype(np.int32), known


def _dropped(raw: Raw, part: Part, known: np.ndarray) -> dict[str, Any]:
    if known.all():
        return {}
    text = f"{int((~known).sum()):,} rows of {part.file} name ids without interactions and are left out."
    return {"notes": [*raw.notes, text]}


def _negatives(raw: Raw, part: Part, strict: bool) -> Raw:
    users, _ = _known(part, ("user",), raw.user_ids, True)
    items, _ = _known(part, ("item",), raw.item_ids, True)
    candidates = part.columns["candidates"]
    found = lookup(candidates.ravel(), raw.item_ids).reshape(candidates.shape)
    if (found < 0).any():
        row = int((found < 0).any(axis=1).argmax())
        raise UserError(
            f"{part.file}, line {part.line_of(row)}: a candidate is outside 0..{raw.n_items - 1}. Mend the line."
        )
    return replace(raw, negatives=(Events(users[:, 0], items[:, 0]), found.astype(np.int32)))


def _friends(raw: Raw, part: Part, strict: bool) -> Raw:
    columns = dict(zip(("user", "friend"), part.columns.values(), strict=False))
    pairs, known = _known(replace(part, columns=columns), ("user", "friend"), raw.user_ids, strict)
    friends = Events(pairs[:, 0], pairs[:, 1])
    once = distinct(friends, raw.n_users)
    counts = {"repeated_friends": len(friends) - len(once)}
    counts["own_friends"] = int((once.users == once.items).sum())
    return replace(raw, friends=once, counts={**raw.counts, **counts}, **_dropped(raw, part, known))


def _triples(raw: Raw, part: Part, strict: bool) -> Raw:
    """Entities that are items take the item's number, the others follow; relations are numbered 0, 1, ...

    With declared ids, every entity below the number of items is an item.
    """
    head, relation, tail = (np.asarray(column) for column in list(part.columns.values())[:3])
    entities = np.concatenate([head, tail])
    number = lookup(entities, raw.item_ids)
    _, code = np.unique(entities[number < 0], return_inverse=True)
    number[number < 0] = raw.n_items + code
    head, tail = np.split(number, 2)
    relation = np.unique(relation, return_inverse=True)[1]
    triples = np.unique(np.stack([head, relation, tail], axis=1), axis=0).astype(np.int32)
    return replace(raw, triples=triples, counts={**raw.counts, "repeated_triples": len(head) - len(triples)})


def _features(raw: Raw, part: Part, strict: bool) -> Raw:
    """The first column is the id, the others are fields; entities without a row share an extra value."""
    import pandas as pd

    ids = raw.user_ids if part.role == "user_features" else raw.item_ids
    key, *names = part.columns
    if not names:
        raise UserError(f"{part.file} has the column {key!r} only: an id and at least one field are expected.")
    rows, known = _known(part, (key,), ids, strict)
    table, n_values = np.zeros((len(ids), len(names)), np.int32), 0
    for column, name in enumerate(names):
        codes, values = pd.factorize(np.asarray(pd.Series(part.columns[name]).astype(str))[known], sort=True)
        field = np.full(len(ids), len(values))
        field[rows[:, 0]] = codes
        table[:, column] = n_values + field
        n_values += int(field.max()) + 1
    return replace(raw, **{part.role: Features(names, table, n_values)}, **_dropped(raw, part, known))


def _raw_ids(ids: np.ndarray, part: Part) -> np.ndarray:
    """Line k holds the raw id of the source's number k; or two columns, number and raw id."""
    *number, raw_id = (np.asarray(column) for column in part.columns.values())
    place = lookup(ids, number[0] if number else np.arange(len(raw_id)))
    if (place < 0).any():
        raise UserError(
            f"{part.file} has {len(raw_id)} lines and no raw id for number {ids[int((place < 0).argmax())]}. "
            "Fetch the file again."
        )
    return raw_id[place]
