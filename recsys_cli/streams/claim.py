"""What can be refused is refused before anything is done, and a folder belongs to one stream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.files import write_file
from recsys_cli.streams.approximate import METHODS
from recsys_cli.streams.asked import Stream
from recsys_cli.unlearning.copies import Source

MANIFEST = "stream.json"
BEARING = (
    "requests", "unit", "share", "number", "items", "wait", "every", "arrivals", "points", "active", "seed",
    "finetune_epochs", "ascent_steps", "ascent_rate", "influence_rounds", "influence_damping",
)  # fmt: skip


def refuse_unfit(settings, sources: Sequence[Source]) -> None:
    """settings: of the command. Raises UserError for runs on different data, and for ways that the loss does not allow."""
    _refuse_different(sources)
    if settings.requests == "spam" and settings.beside:
        raise UserError("requests=spam trains the run again with spam users in its data: leave out beside.")
    loss = sources[0].config.loss
    wrong = [way for way in settings.ways if way in METHODS and loss.scope != "whole_data" and way != "finetune"]
    wrong += ["finetune"] if "finetune" in settings.ways and loss.scope == "none" else []
    if wrong:
        needs = "a loss to train on" if wrong == ["finetune"] else "a loss over all pairs (loss=non_sampling)"
        raise UserError(f"ways={wrong[0]} needs {needs}, and the run has loss={loss.name}: leave it out.")


def claim(folder: Path, settings, sources: Sequence[Source], stream: Stream) -> None:
    """The folder is of this stream, and goes on with it; another one is refused."""
    facts = {key: getattr(settings, key) for key in BEARING}
    facts |= {
        "runs": {str(source.path.resolve()): source.identity for source in sources},
        "requests_sha256": hashlib.sha256(json.dumps(stream.requests).encode()).hexdigest(),
    }
    file = folder / MANIFEST
    if file.exists():
        known = json.loads(file.read_text())
        for key, value in json.loads(json.dumps(facts)).items():
            if known.get(key) != value:
                raise UserError(
                    f"out={folder} holds another stream ({key} was {known.get(key)!r}, is {value!r}): choose another out, "
                    "or remove it."
                )
        return
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"out={folder} exists, and is no folder of a stream: choose another out.")
    folder.mkdir(parents=True, exist_ok=True)
    write_file(file, (json.dumps(facts, indent=1) + "\n").encode())


def _refuse_different(sources: Sequence[Source]) -> None:
    first = sources[0]
    for other in sources[1:]:
        same = all(
            np.array_equal(getattr(first.dataset, name), getattr(other.dataset, name))
            for name in ("user_ids", "item_ids")
        ) and np.array_equal(first.dataset.target_train.keys, other.dataset.target_train.keys)
        if not same:
            raise UserError(
                f"beside={other.path} does not hold the same rows as run={first.path}: name runs on one data set."
            )
