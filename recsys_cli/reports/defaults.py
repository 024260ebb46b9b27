"""What the config of a run has that the defaults of its choices have not, and the words that would make it again."""

from __future__ import annotations

import re
import shlex
from typing import Any, NamedTuple

from data_prep.options import PLACES
from data_prep.settings import shown
from recsys_cli.config.library import TUNED, flatten, library
from recsys_cli.runs.config import choices_of

NOT_TOLD = ("run_dir", "runs_dir", "resume", *(f"data.{place}" for place in PLACES))
BARE = re.compile(r"[A-Za-z_][\w./@-]*")


class Different(NamedTuple):
    """A setting that is not the default of its choice. tuned: whether configs/tuned states this value."""

    key: str
    value: Any
    default: Any
    tuned: bool


def differences(settings: dict[str, Any]) -> list[Different]:
    """settings: nested, of the config.yaml of a run."""
    choices = choices_of(settings)
    usual = library().values("train", {**choices, TUNED: ""})
    tuned = library().values("train", choices)
    found = []
    for key, value in flatten(settings).items():
        if key in NOT_TOLD or _is_reference(usual.get(key)) or (key in usual and usual[key] == value):
            continue
        found.append(Different(key, value, usual.get(key), key in tuned and tuned[key] == value != usual.get(key)))
    return found


def command(settings: dict[str, Any]) -> list[str]:
    """The words of `recsys train` that give these settings: the choices, no tuned values, and what differs."""
    choices = choices_of(settings)
    usual = library().defaults("train")
    words = [f"{g}={c}" for g, c in choices.items() if c != usual.get(g) or g in ("model", "data")]
    given = [d for d in differences(settings) if d.key.partition(".")[2] not in ("name", "_target_", "kind", "source")]
    return ["recsys", "train", *words, f"~{TUNED}", *(f"{d.key}={_typed(d.value)}" for d in given)]


def shell(words: list[str]) -> str:
    return " ".join(word if word.startswith("~") and word[1:].isidentifier() else shlex.quote(word) for word in words)


def _typed(value: Any) -> str:
    """A value in the syntax of overrides, quoted where a text could be read as something else."""
    if isinstance(value, str):
        plain = BARE.fullmatch(value) and value not in ("null", "true", "false", "inf", "nan")
        return value if plain else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_typed, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_typed(str(k))}:{_typed(v)}" for k, v in value.items()) + "}"
    return shown(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and "$" in value
