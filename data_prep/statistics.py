"""Counts of a prepared data set beside the published ones, and what a reader of results should know."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_prep.events import Events, Raw, among, unique


def measure(raw: Raw) -> dict[str, Any]:
    """Counts of users, items and pairs, and of what train and auxiliary behaviours know of held-out pairs."""
    train = raw.train[raw.target]
    seen_users = np.bincount(train.users, minlength=raw.n_users) > 0
    seen_items = np.bincount(train.items, minlength=raw.n_items) > 0
    statistics: dict[str, Any] = {
        "users": raw.n_users,
        "items": raw.n_items,
        "train": {behaviour: len(events) for behaviour, events in raw.train.items()},
        "friends": None if raw.friends is None else len(raw.friends),
        "triples": None if raw.triples is None else len(raw.triples),
        "users_without_train": int((~seen_users).sum()),
        "items_without_train": int((~seen_items).sum()),
        **raw.counts,
    }
    for part in ("valid", "test"):
        events = getattr(raw, part)
        if events is not None:
            statistics[part] = {
                "pairs": len(events),
                "users": len(unique(events.users)),
                "users_unknown": int((~seen_users[unique(events.users)]).sum()),
                "items_unseen": int((~seen_items[unique(events.items)]).sum()),
                "pairs_of_unseen_items": int((~seen_items[events.items]).sum()),
                "in_auxiliary": {
                    behaviour: _common(events, auxiliary, raw.n_items)
                    for behaviour, auxiliary in raw.train.items()
                    if behaviour != raw.target
                },
            }
    if raw.negatives is not None:
        pairs, candidates = raw.negatives
        statistics["lists_with_the_test_item"] = int((candidates == pairs.items[:, None]).any(axis=1).sum())
    return statistics


def notes_of(statistics: dict[str, Any]) -> list[str]:
    """What a reader should know, in sentences."""
    notes = []
    for part, count in statistics.get("repeated", {}).items():
        notes.append(f"{count:,} repeated pairs of '{part}' count once.")
    for name, count in statistics.get("moved", {}).items():
        held, _, other = name.partition("_in_")
        notes.append(f"{count:,} pairs of {held} were also in {other} and were taken out of {other}.")
    for name, left in statistics.get("filters", [])[1:]:
        notes.append(f"{left:,} target interactions were left after {name}.")
    if count := statistics["users_without_train"]:
        notes.append(f"{count:,} users have no training pair of the target behaviour.")
    if count := statistics["items_without_train"]:
        notes.append(f"{count:,} items have no training pair of the target behaviour.")
    for behaviour, count in statistics.get("cut_auxiliary", {}).items():
        if count:
            notes.append(
                f"{count:,} pairs of '{behaviour}' at or after the held-out part were cut (data.cut_auxiliary)."
            )
    for part in ("valid", "test"):
        held = statistics.get(part, {})
        if count := held.get("users_unknown"):
            notes.append(f"{count:,} users of {part} have no training pair.")
        if count := held.get("items_unseen"):
            pairs = held["pairs_of_unseen_items"]
            notes.append(f"{count:,} items of {part} ({pairs:,} pairs) have no training pair of the target.")
        for behaviour, count in held.get("in_auxiliary", {}).items():
            if count:
                share = f"{count:,} of the {held['pairs']:,} {part} pairs ({count / held['pairs']:.1%})"
                notes.append(f"{share} are in '{behaviour}'.")
    for name, text in (
        ("repeated_friends", "repeated friend pairs count once."),
        ("own_friends", "users are their own friend in the source; kept."),
        ("repeated_triples", "repeated triples count once."),
        ("triples_without_item", "triples are of two entities that are no items; kept."),
        ("loops", "triples lead from an entity to itself; kept."),
        ("items_without_triple", "items are in no triple."),
        ("lists_with_the_test_item", "candidate lists contain the test item itself."),
    ):
        if count := statistics.get(name):
            notes.append(f"{count:,} {text}")
    return notes


def warnings_of(statistics: dict[str, Any]) -> list[str]:
    """What makes results look better than they are, in sentences: said whenever a model is trained as well."""
    return [
        f"{count:,} pairs of '{behaviour}' ({count / statistics['train'][behaviour]:.1%}) are at or after the first "
        "held-out event of their user and train the model all the same; data.cut_auxiliary=true cuts them."
        for behaviour, count in statistics.get("later_auxiliary", {}).items()
        if count
    ]


def format_report(manifest: dict[str, Any]) -> str:
    """The counts beside the published ones and the notes, for a terminal."""
    statistics, published = manifest["statistics"], dict(manifest["published"])
    table = published.pop("table", None)
    rows = [("", "here", table or ("published" if published else ""), "")]
    for name, count, how in counts(statistics, manifest["target"]):
        theirs = published.pop(name, None)
        shown = "" if theirs is None else f"{theirs:,}"
        differs = "" if theirs in (None, count) else f"differs by {count - theirs:+,}"
        rows.append((name, f"{count:,}", shown, "; ".join(text for text in (how, differs) if text)))
    rows += [(name, "-", f"{theirs:,}", "not in this data set") for name, theirs in published.items()]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"Data set {manifest['name']}, content {manifest['content_hash'][:16]}"]
    for name, here, theirs, remark in rows:
        lines.append(f"  {name:<{widths[0]}}  {here:>{widths[1]}}  {theirs:>{widths[2]}}  {remark}".rstrip())
    if told := [*manifest["warnings"], *manifest["notes"]]:
        lines += ["What to know:", *(f"  - {note}" for note in told)]
    return "\n".join(lines)


def counts(statistics: dict[str, Any], target: str) -> list[tuple[str, int, str]]:
    """Name, count and a remark: users, items, and the pairs of every behaviour."""
    rows = [("users", statistics["users"], ""), ("items", statistics["items"], "")]
    for behaviour, count in statistics["train"].items():
        held: dict[str, int] = {part: statistics[part]["pairs"] for part in ("valid", "test") if part in statistics}
        if behaviour == target and held:
            how = ", ".join(f"{part} {n:,}" for part, n in {"train": count, **held}.items())
            rows.append((behaviour, count + sum(held.values()), how))
        else:
            rows.append((behaviour, count, ""))
    rows += [(name, statistics[name], "") for name in ("friends", "triples") if statistics[name] is not None]
    return rows


def _common(events: Events, other: Events, n_items: int) -> int:
    return int(among(events.keys(n_items), other.keys(n_items)).sum())
