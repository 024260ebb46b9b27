"""Users who are put into the data to push items: a run is trained with them, and they are the ones to be forgotten.

A bandwagon attack: each such user has all of the pushed items, and popular ones so as to be near many others (Burke,
Mobasher, Williams and Bhaumik, KDD 2006).
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from data_prep.errors import UserError
from data_prep.files import make_folder, write_file
from data_prep.ids import places
from recsys_cli.config.compose import compose
from recsys_cli.config.library import library
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.ops.streams import generator
from recsys_cli.runs.config import read_settings
from recsys_cli.streams.asked import Stream, items_of
from recsys_cli.unlearning.copies import Source, read_source
from recsys_cli.unlearning.generations import Generations
from recsys_cli.unlearning.train import train

PUSHED = 5  # items, where none are named


class Attack:
    """profiles: raw ids of the items of each spam user. stream: their requests."""

    def __init__(self, settings, dataset: Dataset):
        """settings: of the command. Raises UserError where spam cannot be put into this data."""
        _refuse_more_than_pairs(dataset)
        random, counts = generator(settings.seed, "streams/spam"), dataset.target_train.col_counts
        if settings.items is None:
            rare = np.flatnonzero((counts > 0) & (counts <= np.median(counts[counts > 0])))
            pushed = random.choice(rare, min(PUSHED, len(rare)), replace=False)
        else:
            found = places(items_of(settings.items), dataset.item_ids)
            if not len(pushed := found[found >= 0]):
                raise UserError(f"items={settings.items}: none of them is in the data of the run.")
        n = settings.number or max(1, round(settings.share * dataset.n_users))
        length = max(1, round(dataset.target_train.nnz / dataset.n_users))
        popular = np.argsort(-counts, kind="stable")[: 4 * length]
        self.profiles = {
            f"spam-{number}": [
                str(dataset.item_ids[item])
                for item in np.union1d(pushed, random.choice(popular, min(length, len(popular)), replace=False))
            ]
            for number in range(n)
        }
        names = sorted(str(dataset.item_ids[item]) for item in pushed)
        self.stream = Stream(
            f"spam users who push {len(names)} items", [("users", [(user,)]) for user in self.profiles], names
        )

    def train(self, folder: Path, source: Source) -> Source:
        """The run of `source` trained with the spam users as well; in the folder, where it goes on after a kill."""
        run = folder / "run"
        if not Generations(run).exists:
            make_folder(folder, folder.parent)
            dataset = source.dataset
            fakes = [(user, item) for user, items in self.profiles.items() for item in items]
            parts = {
                "path": (dataset.target_train, fakes),
                "test_path": (dataset.test, []),
                "valid_path": (dataset.valid, []),
            }
            words = ["data=csv", "data.split=given"]
            for key, (matrix, more) in parts.items():
                if matrix is not None:
                    file = folder / f"{key.removesuffix('_path')}.csv"
                    write_file(file, _table([*_raw(matrix, dataset), *more]))
                    words.append(f"data.{key}={file.absolute()}")
            values = read_settings(source.path)
            values["data"] = OmegaConf.to_container(
                compose("train", [*words, f"data.cache_dir={folder / 'cache'}"], library()).data
            )
            values |= {"run_dir": str(run), "resume": str(run) if (run / "config.yaml").exists() else None}
            if code := train(OmegaConf.create(values)):
                raise UserError(f"the run with spam users was stopped (exit code {code}): the same command goes on.")
        return read_source(run)


def _raw(matrix: CSR, dataset: Dataset) -> list[tuple[str, str]]:
    return [
        (str(user), str(item)) for user, item in zip(dataset.user_ids[matrix.rows], dataset.item_ids[matrix.indices])
    ]


def _table(rows: list[tuple[str, str]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([("user", "item"), *rows])
    return stream.getvalue().encode()


def _refuse_more_than_pairs(dataset: Dataset) -> None:
    more = [
        name for name in ("friends", "graph", "user_features", "item_features") if getattr(dataset, name) is not None
    ]
    if more or len(dataset.train) > 1:
        raise UserError(
            f"requests=spam puts users into data of one behaviour and nothing else; data={dataset.name} has "
            f"{', '.join(more or dataset.behaviours)}."
        )
