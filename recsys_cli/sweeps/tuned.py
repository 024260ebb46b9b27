"""What was found, as a file that `recsys train` takes: the differences from a model's usual settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_prep.files import write_file
from data_prep.settings import plain
from recsys_cli.config.library import TUNED, flatten
from recsys_cli.jobs.job import Job
from recsys_cli.sweeps.search import Search
from recsys_cli.sweeps.study import EPOCH

KEPT = ("model.", "loss.", "optimizer.", "trainer.batch_size")  # what makes a model; the rest is how it was trained


def tuned_name(search: Search) -> str:
    """Other than that of a file of ours, which would win."""
    return f"swept-{search.model}-{_choice(search, 'loss')}-{_choice(search, 'data')}"


def train_words(search: Search) -> str:
    """With which the file is used."""
    words = [w for w in _choosing(search) if not w.startswith("data.validation=")]
    return f"recsys train {' '.join(words)} {TUNED}={tuned_name(search)} --config-dir {search.folder}"


def _choosing(search: Search) -> list[str]:
    """The words of the sweep that choose groups or are of the data."""
    groups = [group for group in search.library.groups() if group != TUNED]
    return [w for w in search.words if w.partition("=")[0] in groups or w.startswith("data.")]


def write_tuned(search: Search, best: Any, lines: list[str]) -> Path:
    """best: the trial. lines: how it was found, for the head of the file."""
    import yaml

    found = flatten(plain(Job.of(search.job_words(best.params), search.library).config))
    usual = flatten(plain(Job.of([*_choosing(search), f"~{TUNED}"], search.library).config))
    tree: dict[str, Any] = {}
    for key, value in found.items():
        if key.startswith(KEPT) and value != usual.get(key):
            _put(tree, key, value)
    if search.config.model.kind != "closed_form":
        _put(tree, "trainer.epochs", best.user_attrs[EPOCH])
    head = ["# @package _global_", *(f"# {line}" for line in [*lines, f"  {train_words(search)}"])]
    path = search.folder / TUNED / f"{tuned_name(search)}.yaml"
    path.parent.mkdir(exist_ok=True)
    write_file(path, "\n".join([*head, yaml.safe_dump(tree, sort_keys=True)]).encode())
    return path


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parts, last = key.split(".")
    for part in parts:
        tree = tree.setdefault(part, {})
    tree[last] = value


def _choice(search: Search, group: str) -> str:
    """As it was chosen; what a config is called in itself may differ from the name of its file."""
    named = [w.partition("=")[2] for w in search.words if w.startswith(f"{group}=")]
    return named[-1] if named else str(search.config[group].name)
