"""Which column of a table means what: found by usual names, or said by data.columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from data_prep.errors import UserError, nearest

# Header names that are understood without data.columns.
USUAL_NAMES = {
    "user": ("user", "user_id", "userid", "uid", "visitorid", "customer_id"),
    "item": ("item", "item_id", "itemid", "iid", "sid", "movie_id", "movieid", "product_id"),
    "behaviour": ("behaviour", "behavior", "event", "event_type", "action", "behavior_type"),
    "rating": ("rating", "score", "stars"),
    "timestamp": ("timestamp", "time", "unixtime", "date", "datetime"),
}
NEEDED = ("user", "item")
COMPANIONS: dict[str, dict[str, tuple[str, ...]]] = {  # of tables beside the interactions, by their role
    "friends": {
        "user": (*USUAL_NAMES["user"], "truster", "follower", "source"),
        "friend": ("friend", "friend_id", "friendid", "friend_user_id", "trustee", "followee", "target", "sid"),
    },
    "triples": {
        "head": ("head", "head_id", "h", "subject"),
        "relation": ("relation", "relation_id", "r", "predicate"),
        "tail": ("tail", "tail_id", "t", "object"),
    },
}
SKIPPED = "_"  # in the list of the columns of a file without a header
_TYPED = re.compile(r"(.+):(?:token|token_seq|float|float_seq)")  # headers of RecBole's atomic files


def check_columns(columns: Any) -> None:
    """UserError unless data.columns is null, a mapping of meanings to names, or the list of all names."""
    if columns is None:
        return
    if isinstance(columns, dict) and all(v is None or isinstance(v, str) for v in columns.values()):
        unknown = [meaning for meaning in columns if meaning not in USUAL_NAMES]
        if unknown:
            raise UserError(f"data.columns names {unknown[0]!r}.{nearest(str(unknown[0]), USUAL_NAMES)}")
        repeated = [name for name, n in Counter(v for v in columns.values() if v is not None).items() if n > 1]
        if repeated:
            raise UserError(f"data.columns={columns}: the column {repeated[0]!r} is named twice; each has one meaning.")
    elif isinstance(columns, list) and columns and all(isinstance(name, str) for name in columns):
        repeated = [name for name, n in Counter(columns).items() if n > 1 and name != SKIPPED]
        if repeated:
            raise UserError(f"data.columns={columns}: {repeated[0]!r} is listed twice; write _ for a column to skip.")
    else:
        raise UserError(
            f"data.columns={columns!r}: give a mapping such as {{user: visitor, item: sku}} for a file with a header, "
            "or, for one without, the list of all its columns such as [user,item,_,rating]."
        )


def find_meanings(names: list[str], file: str, columns: Any, context: Sequence[str] = ()) -> dict[str, int]:
    """The place of the column of every meaning that the table has, and of the columns of data.context by their names.

    names: of all columns in order. columns: data.columns, as check_columns lets it pass; meanings that a mapping
    leaves out are found by their usual names, null means that the table has no such column.
    """
    names = without_types(names)
    said = columns if isinstance(columns, dict) else {}
    found = {meaning: _named(name, names, file) for meaning, name in said.items() if name is not None}
    taken = set(found.values())
    parts = {name: _named(name, names, file) for name in context}
    taken |= set(parts.values())
    for meaning, usual in USUAL_NAMES.items():
        if meaning in said or (parts and meaning == "user"):
            continue
        fitting = [place for place, name in enumerate(names) if name.lower() in usual and place not in taken]
        if len(fitting) > 1:
            offered = [names[place] for place in fitting]
            how = f"say which: data.columns={{{meaning}: {offered[0]}}}" if len(set(offered)) > 1 else "rename one"
            raise UserError(f"{file}: several columns look like the {meaning}: {', '.join(offered)}; {how}.")
        if fitting:
            found[meaning] = fitting[0]
    missing = [meaning for meaning in NEEDED if meaning not in found and not (parts and meaning == "user")]
    if missing:
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        say = ", ".join([f"{meaning}: {name}" for meaning, name in said.items()] + [f"{m}: <name>" for m in missing])
        raise UserError(
            f"{file}: no column looks like the {' or the '.join(missing)}; its columns are {shown}. "
            f"Say which: data.columns={{{say}}}, or list all columns if there is no header: "
            "data.columns=[user,item,rating]. Lines of a user and any number of items are read with data.form=lines."
        )
    return found | parts


def find_companions(names: list[str], file: str, role: str) -> dict[str, int]:
    """The places of the columns of a table of COMPANIONS, such as user and friend."""
    found = {}
    for meaning, usual in COMPANIONS[role].items():
        fitting = [place for place, name in enumerate(without_types(names)) if name.lower() in usual]
        if len(fitting) != 1:
            raise UserError(
                f"{file}: {'no column looks' if not fitting else 'several columns look'} like the {meaning}; its columns "
                f"are {', '.join(names[:12])}. Let its first line be {','.join(COMPANIONS[role])}."
            )
        found[meaning] = fitting[0]
    return found


def is_long(names: list[str]) -> bool:
    """Whether a table of features has a row for each value: id, field, value."""
    return [name.lower() for name in without_types(names)[1:]] == ["field", "value"]


def without_types(names: list[str]) -> list[str]:
    """Header names as they are, or without the types that all have in RecBole's files: user_id:token -> user_id."""
    typed = [match[1] for name in names if (match := _TYPED.fullmatch(name))]
    return typed if len(typed) == len(names) else names


def _named(name: str, names: list[str], file: str) -> int:
    places = [place for place, other in enumerate(names) if other == name]
    if not places:
        raise UserError(f"{file} has no column {name!r} (data.columns, data.context).{nearest(name, names)}")
    if len(places) > 1:
        raise UserError(f"{file} has {len(places)} columns called {name!r}: rename one of them.")
    return places[0]
