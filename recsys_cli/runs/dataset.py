"""The data of a run, wherever the program is called from: by content in a cache, else prepared again from its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from data_prep.errors import UserError
from data_prep.options import check_word
from data_prep.settings import plain
from data_prep.store import read_manifest
from recsys_cli.data.dataset import Dataset
from recsys_cli.data.load import find_prepared, get_dataset, load_prepared
from recsys_cli.runs.config import OWN_PLACES, own_places


def dataset_of(config: DictConfig, content_hash: str | None, given: Mapping[str, Any] | None = None) -> Dataset:
    """config: the root node of the run. content_hash: of the data that it was trained on, where that is known.
    given: keys of configs/data to change.

    The caches looked into are the one that is given, that of the run and one's own; prepared data sets are written
    into the first and the last of them only, because a run may come from elsewhere.
    """
    given = dict(given or {})
    own = own_places() | {key: given[key] for key in OWN_PLACES if key in given}
    if content_hash and not given.keys() - set(OWN_PLACES):
        check_word("data.name", config.data.name)
        for cache in (own["cache_dir"], config.data.cache_dir):
            if cache and (found := find_prepared(cache, config.data.name, content_hash)):
                return load_prepared(found)
    places = {"cache_dir": own["cache_dir"]}
    raw_dir = config.data.get("raw_dir")
    if raw_dir is None or not Path(raw_dir).expanduser().is_dir():
        places["raw_dir"] = own["raw_dir"]
    return get_dataset(plain(OmegaConf.merge(config.data, places, given)))


def manifest_of(config: DictConfig, content_hash: str | None) -> dict[str, Any] | None:
    """What stands in the manifest of the data of a run, where a cache has them."""
    check_word("data.name", config.data.name)
    for cache in (own_places()["cache_dir"], config.data.cache_dir):
        if content_hash and cache and (found := find_prepared(cache, config.data.name, content_hash)):
            return read_manifest(found)
    return None


def check_data(run: Path, before: str | None, content_hash: str) -> None:
    """Refuses to go on with other data than the run began with. before: the content hash of those."""
    if before not in (None, content_hash):
        raise UserError(
            f"{run} was trained on other data: content hash {before[:16]}, here {content_hash[:16]}. "
            "Restore the data of that run, or train anew."
        )
