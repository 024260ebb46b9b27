"""The way from raw files to a prepared data set, in the order in which it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.companions import attach, candidates_by_test
from data_prep.events import Raw, deduplicate
from data_prep.features import Features
from data_prep.filters import apply_filters, renumber
from data_prep.numbering import number
from data_prep.options import content_options, prepared_directory, read_options
from data_prep.parsing import EVENT_ROLES, parse
from data_prep.rating_scale import check_ratings
from data_prep.sources import locate
from data_prep.splits import split
from data_prep.statistics import measure, notes_of, warnings_of
from data_prep.store import csr_arrays, write_prepared
from data_prep.synthetic import generate
from data_prep.times import cut_auxiliary, keep_earliest

FEATURES = ("user_features", "item_features")


def prepare(data_cfg: Mapping[str, Any]) -> Path:
    """The directory of the prepared data set; nothing is done when it is already there.

    Raises UserError for options, files or ids that do not fit, naming the place and the way to mend it.
    """
    options = read_options(data_cfg)
    raw_files, notes = locate(options)
    directory = prepared_directory(options, [[raw.spec["file"], raw.sha256] for raw in raw_files])
    if directory.exists():
        return directory

    if options["source"] == "synthetic":
        raw = cut_auxiliary(split(generate(options), options), options)
    else:
        parts, notes_of_forms = parse(raw_files, options)
        check_ratings(parts, options["rating_scale"])
        raw = number(parts, options)
        parts = [part for part in parts if part.role not in EVENT_ROLES]  # columns are large, and numbered by now
        raw = deduplicate(raw, keep_earliest(options, list(raw.train), raw.target))
        raw = apply_filters(raw, options["min_rating"], options["k_core"])
        raw = cut_auxiliary(split(raw, options), options)
        raw = renumber(raw) if options["remap_ids"] else raw
        raw = attach(raw, parts, options)
        notes += notes_of_forms
        del parts

    arrays = to_arrays(raw)
    if options["rating_scale"]:
        arrays["rating_scale"] = np.array(options["rating_scale"], np.float32)
    statistics = measure(raw)
    manifest = {
        "name": options["name"],
        "behaviours": list(raw.train),
        "target": raw.target,
        "sizes": _sizes(raw),
        "fields": {side: _fields(getattr(raw, side)) for side in FEATURES},
        "options": content_options(options),
        "sources": [
            {"file": f.spec["file"], "role": f.spec["role"], "sha256": f.sha256, "bytes": f.size} for f in raw_files
        ],
        "statistics": statistics,
        "published": options["published"],
        "warnings": warnings_of(statistics),
        "notes": [*options["notes"], *notes, *raw.notes, *notes_of(statistics)],
    }
    write_prepared(directory, arrays, manifest)
    return directory


def to_arrays(raw: Raw) -> dict[str, np.ndarray]:
    """Every array of the prepared data set by name."""
    arrays = {"user_ids": raw.user_ids, "item_ids": raw.item_ids}
    for behaviour, events in raw.train.items():
        arrays |= csr_arrays(f"train.{behaviour}", events, raw.n_users, raw.n_items)
    for part in ("valid", "test"):
        if (events := getattr(raw, part)) is not None:
            arrays |= csr_arrays(part, events, raw.n_users, raw.n_items)
    if raw.negatives is not None:
        arrays["test.negatives"] = candidates_by_test(raw, *raw.negatives)
    if raw.friends is not None:
        arrays |= csr_arrays("friends", raw.friends, raw.n_users, raw.n_users)
    if raw.triples is not None:
        arrays["triples"] = raw.triples
    for side in FEATURES:
        if (features := getattr(raw, side)) is not None:
            arrays |= features.arrays(side)
    return arrays


def _sizes(raw: Raw) -> dict[str, int]:
    sizes = {"users": raw.n_users, "items": raw.n_items}
    if raw.triples is not None:
        sizes["entities"] = max(raw.n_items, int(raw.triples[:, [0, 2]].max()) + 1)
        sizes["relations"] = int(raw.triples[:, 1].max()) + 1
    return sizes


def _fields(features: Features | None) -> dict[str, Any] | None:
    return None if features is None else {"names": list(features.names), "values": features.n_values}
