"""What the first worker may ask of the others, and what they agree on before."""

from __future__ import annotations

import hashlib
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from data_prep.errors import UserError
from recsys_cli.data.dataset import Dataset

if TYPE_CHECKING:
    from recsys_cli.distributed.wire import Wire

BEGIN, RUN, SPREAD, COLLECT, END = range(1, 6)
SAME, OTHER_DATA, OTHER_PROGRAM = range(3)
COMPLAINTS = {
    OTHER_DATA: "the data of the first worker are not to be had there, or are others",
    OTHER_PROGRAM: "it was started with other settings, or has another version of the program or of TensorFlow",
}


def told(config) -> bytes:
    """SHA-256 of the settings and of the program, which have to be the same on all workers. To be taken first of all."""
    from recsys_cli.runs.config import settings_of
    from recsys_cli.runs.environment import code_hash
    from recsys_cli.runs.identity import config_hash

    parts = config_hash(settings_of(config)), code_hash(), metadata.version("tensorflow"), metadata.version("numpy")
    return hashlib.sha256("\0".join(parts).encode()).digest()


def check_same(wire: Wire, config, identity: bytes, dataset: Dataset | None) -> Dataset:
    """Called by all workers at once. dataset: of the first worker; the others load theirs, by what it says of its own.

    Raises UserError on all workers where one of them has other data, settings or versions.
    """
    facts = np.zeros(64, np.int32)
    if dataset is not None:
        facts[:] = np.frombuffer(bytes.fromhex(dataset.content_hash) + identity, np.uint8)
    known = wire.sent(facts).astype(np.uint8).tobytes()
    content_hash, found, complaint = known[:32].hex(), SAME, ""
    if known[32:] != identity:
        found, complaint = OTHER_PROGRAM, COMPLAINTS[OTHER_PROGRAM]
    elif dataset is None:
        try:
            dataset = _data(config, content_hash)
        except UserError as error:
            found, complaint = OTHER_DATA, str(error)
        else:
            if dataset.content_hash != content_hash:
                found, complaint = OTHER_DATA, COMPLAINTS[OTHER_DATA]
    answers = wire.gathered(np.array([found], np.int32))[:, 0].tolist()
    if any(answers):
        number = wire.number if found else next(n for n, answer in enumerate(answers) if answer)
        raise UserError(f"worker {number} of {wire.of} cannot take part: {complaint or COMPLAINTS[answers[number]]}")
    assert dataset is not None
    return dataset


def _data(config, content_hash: str) -> Dataset:
    from recsys_cli.data.load import get_dataset
    from recsys_cli.runs.dataset import dataset_of

    return dataset_of(config, content_hash) if config.resume else get_dataset(config.data)
