"""What comes with the interactions, by internal id: raw ids, candidates, friends, triples, features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.contexts import of_ids
from data_prep.errors import UserError, nearest
from data_prep.events import Events, Raw, distinct, unique
from data_prep.features import Field, gather
from data_prep.fields import of_table
from data_prep.ids import Texts, numbered, places
from data_prep.parsing import Part


def attach(raw: Raw, parts: list[Part], options: dict[str, Any]) -> Raw:
    """Adds the companions found in `parts`.

    Where ids are declared (no data.remap_ids), those unknown to the interactions are errors; else such rows are left
    out and counted, because the ids were numbered from the interactions.
    """
    strict = not options["remap_ids"]
    by_role = {"negatives": _negatives, "friends": _friends, "triples": _triples}
    for part in parts:
        if part.role in by_role:
            raw = by_role[part.role](raw, part, strict)
    for side in ("user", "item"):
        raw = _features(raw, side, [part for part in parts if part.role == f"{side}_features"], options)
    _check_numbers(raw, options)
    for part in parts:  # last: the others look the source's own numbers up
        if part.role in ("user_ids", "item_ids"):
            ids = _raw_ids(getattr(raw, part.role), part)
            raw = replace(raw, user_ids=ids) if part.role == "user_ids" else replace(raw, item_ids=ids)
    return raw


def _check_numbers(raw: Raw, options: dict[str, Any]) -> None:
    """data.numbers names fields of either side."""
    known = [name for side in (raw.user_features, raw.item_features) if side for name in side.names]
    if unknown := [name for name in options.get("numbers", []) if name not in known]:
        raise UserError(f"data.numbers: there is no field {unknown[0]!r}.{nearest(unknown[0], known)}")


def candidates_by_test(raw: Raw, pairs: Events, candidates: np.ndarray) -> np.ndarray:
    """int32 [test pairs, n]: the candidates of the pairs in the row order of the test CSR."""
    if raw.test is None:
        raise UserError("The source gives candidates but no test part to go with them.")
    wanted, given = np.sort(raw.test.keys(raw.n_items)), pairs.keys(raw.n_items)
    row = places(wanted, given)
    if (row < 0).any():
        user, item = divmod(int(wanted[(row < 0).argmax()]), raw.n_items)
        raise UserError(
            f"No candidates are given for the test pair of user {raw.user_ids[user]} and item "
            f"{raw.item_ids[item]}: the files of test pairs and candidates do not belong together."
        )
    return candidates[row]


def _known(part: Part, names: tuple[str, ...], ids: np.ndarray, strict: bool) -> tuple[np.ndarray, np.ndarray]:
    """(internal ids [rows, names], which rows are known)"""
    found = np.stack([places(part.columns[name], ids) for name in names], axis=1)
    known = np.asarray((found >= 0).all(axis=1))
    if strict:
        _refuse_unknown(part, names, known, ids)
    return found[known].astype(np.int32), known


def _refuse_unknown(part: Part, names: tuple[str, ...], known: np.ndarray, ids: np.ndarray) -> None:
    if known.all():
        return
    row = int(known.argmin())
    received = ", ".join(str(part.columns[name][row]) for name in names)
    raise UserError(
        f"{part.file}, line {part.line_of(row)}: {' or '.join(names)} {received} is outside "
        f"0..{len(ids) - 1}. Mend the line."
    )


def _dropped(raw: Raw, part: Part, known: np.ndarray) -> dict[str, Any]:
    if known.all():
        return {}
    text = f"{int((~known).sum()):,} rows of {part.file} name ids without interactions and are left out."
    return {"notes": [*raw.notes, text]}


def _negatives(raw: Raw, part: Part, strict: bool) -> Raw:
    users, _ = _known(part, ("user",), raw.user_ids, True)
    items, _ = _known(part, ("item",), raw.item_ids, True)
    candidates = part.columns["candidates"]
    found = places(candidates.ravel(), raw.item_ids).reshape(candidates.shape)
    if (found < 0).any():
        row = int((found < 0).any(axis=1).argmax())
        raise UserError(
            f"{part.file}, line {part.line_of(row)}: a candidate is outside 0..{raw.n_items - 1}. Mend the line."
        )
    return replace(raw, negatives=(Events(users[:, 0], items[:, 0]), found.astype(np.int32)))


def _friends(raw: Raw, part: Part, strict: bool) -> Raw:
    columns = dict(zip(("user", "friend"), part.columns.values(), strict=False))
    pairs, known = _known(replace(part, columns=columns), ("user", "friend"), raw.user_ids, strict)
    if not len(pairs):
        raise UserError(
            f"{part.file}: no row ({len(known):,} read) is of two users with interactions. Ids are compared as they "
            f"are written: there, for example, {columns['user'][0]} and {columns['friend'][0]}, here {raw.user_ids[0]}."
            if len(known)
            else f"{part.file} has no rows, so nobody has a friend: leave the file out."
        )
    friends = Events(pairs[:, 0], pairs[:, 1])
    once = distinct(friends, raw.n_users)
    counts = {"repeated_friends": len(friends) - len(once)}
    counts["own_friends"] = int((once.users == once.items).sum())
    return replace(raw, friends=once, counts={**raw.counts, **counts}, **_dropped(raw, part, known))


def _triples(raw: Raw, part: Part, strict: bool) -> Raw:
    """Entities that are items take the item's number, the others follow; relations are numbered 0, 1, ...

    With declared ids, every entity below the number of items is an item. A source that does not tell relations has one.
    """
    head, tail = part.columns["head"], part.columns["tail"]
    relation = part.columns.get("relation", np.zeros(len(head), np.int64))
    if not len(head):
        raise UserError(f"{part.file} has no rows, so there are no triples: leave the file out.")
    (head, tail), entities = numbered([head, tail])
    number = places(entities, raw.item_ids)
    number[number < 0] = raw.n_items + np.arange(np.count_nonzero(number < 0))
    (relation,), _ = numbered([relation])
    triples = np.unique(np.stack([number[head], relation, number[tail]], axis=1), axis=0).astype(np.int32)
    ends = triples[:, [0, 2]]
    if not (ends < raw.n_items).any():
        raise UserError(
            f"{part.file}: none of its {len(head):,} triples has an item at either end. Ids are compared as they are "
            f"written: there, for example, {part.columns['head'][0]} and {part.columns['tail'][0]}, here {raw.item_ids[0]}."
        )
    counts = {
        "repeated_triples": len(head) - len(triples),
        "triples_without_item": int((ends >= raw.n_items).all(axis=1).sum()),
        "loops": int((ends[:, 0] == ends[:, 1]).sum()),
        "items_without_triple": raw.n_items - len(unique(ends[ends < raw.n_items])),
    }
    return replace(raw, triples=triples, counts={**raw.counts, **counts})


def _features(raw: Raw, side: str, parts: list[Part], options: dict[str, Any]) -> Raw:
    """The fields of all files of a side together, and those that are parts of its ids (data.user_fields)."""
    ids, fields = getattr(raw, f"{side}_ids"), []
    if said := options[f"{side}_fields"]:
        fields += of_ids(ids, side, said)
    for part in parts:
        found, known = of_table(part, ids)
        if not options["remap_ids"]:
            _refuse_unknown(part, (next(iter(part.columns)),), known, ids)
        _refuse_strangers(part, side, known, ids)
        raw, fields = replace(raw, **_dropped(raw, part, known)), fields + found
    if not fields:
        return raw
    if len({field.name for field in fields}) < len(fields):
        raise UserError(f"Two fields of the {side}s have one name: {', '.join(field.name for field in fields)}.")
    features = gather(fields, len(ids))
    raw = replace(raw, notes=[*raw.notes, *_missing(fields, side, len(ids))])
    return replace(raw, user_features=features) if side == "user" else replace(raw, item_features=features)


def _refuse_strangers(part: Part, side: str, known: np.ndarray, ids: np.ndarray) -> None:
    if not known.any():
        key = next(iter(part.columns))
        raise UserError(
            f"{part.file}: none of its {len(known):,} rows is of one of the {side}s with interactions. Ids are compared as "
            f"they are written: there, for example, {part.columns[key][0]}, here {ids[0]}."
        )


def _missing(fields: list[Field], side: str, n: int) -> list[str]:
    """Fields that some have no value of, which is allowed."""
    known = {field.name: len(np.unique(field.entities)) for field in fields}
    return [f"{n - k:,} of {n:,} {side}s have no {name!r}." for name, k in known.items() if k < n]


def _raw_ids(ids: np.ndarray, part: Part) -> np.ndarray:
    """Line k holds the raw id of the source's number k; or two columns, number and raw id."""
    *number, raw_id = part.columns.values()
    raw_id = raw_id.values[raw_id.codes].astype(np.str_) if isinstance(raw_id, Texts) else raw_id
    place = places(ids, np.asarray(number[0])) if number else np.where(ids < len(raw_id), ids, -1)
    if (place < 0).any():
        raise UserError(
            f"{part.file} has {len(raw_id)} lines and no raw id for number {ids[int((place < 0).argmax())]}. "
            "Fetch the file again."
        )
    found = raw_id[place]
    again, count = np.unique(found, return_counts=True)
    if len(again) < len(found):
        raise UserError(
            f"{part.file}: the raw id {again[count > 1][0]} stands for several numbers, so that nobody could be "
            "named by it. Mend the file."
        )
    return found
