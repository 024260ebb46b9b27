"""A run as an object: its results, and what its model says, with the ids of the raw data.

Results are read from the files of the run, without TensorFlow; the model is taken up when it is first asked for, and
is then that of this moment. Nothing is written, and the run is not kept locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.errors import UserError
from recsys_cli.runs.config import read_settings
from recsys_cli.runs.kept import read_per_user, read_result
from recsys_cli.runs.metrics_log import METRICS, read_epochs
from recsys_cli.runs.record import read_record
from recsys_cli.training.device import DeviceSettings, set_up_device

if TYPE_CHECKING:
    import pandas as pd

    from recsys_cli.use.content import Vectors
    from recsys_cli.use.taken_up import TakenUp

Ids = Sequence[int | str]


class TrainedRun:
    """What `open_run` gives. Raises UserError, in one sentence, wherever something cannot be had.

    path: the run directory. settings: every setting of the run, nested. Users and items are named by their raw ids, as
    text or, where they are whole numbers, as numbers.
    """

    def __init__(self, path: str | Path, device: str = "auto"):
        """device: where the model computes: auto, cpu or gpu."""
        self.path = Path(path).expanduser()
        self._device = DeviceSettings.from_config({"kind": device}, "device")
        self.settings: dict[str, Any] = read_settings(self.path)

    def __repr__(self) -> str:
        model, data = (self.settings[group].get("name") for group in ("model", "data"))
        return f"<run of {model} on {data}, {self.status}: {self.path}>"

    @property
    def record(self) -> dict[str, Any]:
        """How the run went: versions, seconds, peak memory in MB, hashes (record.json)."""
        return read_record(self.path)

    @property
    def status(self) -> str:
        """Such as finished, interrupted or failed; `running` also where a run has died."""
        return self.record["status"]

    @property
    def result(self) -> dict[str, Any]:
        """The result of the training (test.json, or validation.json where the test split stayed closed)."""
        for name in ("test", "validation"):
            if (found := read_result(self.path, name)) is not None:
                return found
        raise UserError(f"{self.path} has no result ({self.status}): go on with recsys train resume={self.path}.")

    @property
    def metrics(self) -> dict[str, float]:
        """Means by name, such as NDCG@10; `result` has their 95 % intervals."""
        return {name: value["mean"] for name, value in self.result["metrics"].items()}

    @property
    def per_user(self) -> pd.DataFrame:
        """The metrics of every evaluated user: a column of each, the raw user ids as index."""
        from recsys_cli.use.frames import by_user

        name = self.result["split"]
        if (found := read_per_user(self.path, name)) is None:
            raise UserError(
                f"{self.path} has kept no metrics of each user (evaluation.per_user=false); evaluate() computes them."
            )
        return by_user(*found)

    @property
    def epochs(self) -> pd.DataFrame:
        """A row per epoch: its loss and seconds, and metrics where they were measured."""
        import pandas as pd

        path = self.path / METRICS
        rows = read_epochs(path) if path.exists() else []
        return pd.DataFrame(rows, columns=None if rows else ["epoch", "loss", "seconds"]).set_index("epoch")

    def evaluate(self, split: str = "test", **evaluation: Any) -> Evaluation:
        """Scores the run again by its own protocol, save for settings of `evaluation` such as k=[5], metrics=["MRR"].

        split: test or validation. Nothing is kept in the run (`recsys evaluate` keeps it).
        """
        return Evaluation(*self._model.evaluate(split, evaluation))

    def recommend(
        self,
        users: Ids | str | int | None = None,
        k: int = 20,
        *,
        exclude: Ids | str | int | Mapping[int | str, Ids] = (),
        exclude_seen: bool = True,
    ) -> pd.DataFrame:
        """The k best items of each user, columns user, rank, item and score, as `recsys recommend` writes them.

        users: raw ids in the order of the answer, one of them, or None for all. exclude: items that nobody is to get, one
        of them, or items by user. exclude_seen: leave out what a user has in training.
        """
        import pandas as pd

        wanted = "all" if users is None else [users] if isinstance(users, str | int) else list(users)
        exclude = [exclude] if isinstance(exclude, str | int) else exclude
        return pd.DataFrame(self._model.recommend(self._model.users(wanted), k, exclude, exclude_seen))

    def recommend_new(
        self, items: Mapping[int | str, Ids], k: int = 20, *, exclude: Ids = (), exclude_seen: bool = True
    ) -> pd.DataFrame:
        """The k best items of people whom the run does not know, by the items that each of them has.

        items: raw item ids by any name of a user. What is left out, such as unknown items, is said in a warning.
        """
        import warnings

        import pandas as pd

        from recsys_cli.use.new_users import of_mapping

        new = of_mapping(items, self._model.dataset)
        for note in new.notes:
            warnings.warn(note, stacklevel=2)
        return pd.DataFrame(self._model.recommend_new(new, k, exclude, exclude_seen))

    def scores(self, user: int | str) -> pd.Series:
        """The scores of all items for one user, seen ones included; the raw item ids are the index."""
        import pandas as pd

        items, scores = self._model.scores(user)
        return pd.Series(scores, pd.Index(items, name="item"), name="score")

    def vectors(self) -> Vectors:
        """Vectors of users and items whose products are the scores. Raises UserError for a model that has none."""
        return self._model.vectors()

    def export(self, out: str | Path, format: str = "npz", *, overwrite: bool = False, history: bool = True) -> Path:
        """Writes vectors or weights between items (npz, csv), or a recommender (saved_model), as `recsys export` does.

        overwrite: replace what an export has put there before. history: a saved_model holds what users have in training.
        """
        from recsys_cli.use.exporting import export, place_of

        path = place_of(self.path, format, out, overwrite)
        export(self._model, format, path, overwrite=overwrite, history=history)
        return path

    @cached_property
    def _model(self) -> TakenUp:
        set_up_device(self._device)
        from recsys_cli.use.taken_up import TakenUp

        return TakenUp(str(self.path))


class Evaluation:
    """What `TrainedRun.evaluate` found. metrics: means by name. result: with 95 % intervals and the protocol. per_user:
    a data frame with the raw user ids as index. warning: what has to be known of the numbers, or None."""

    def __init__(
        self, result: dict[str, Any], users: np.ndarray, per_user: Mapping[str, np.ndarray], warning: str | None
    ):
        from recsys_cli.use.frames import by_user

        self.result, self.per_user, self.warning = result, by_user(users, per_user), warning
        self.metrics: dict[str, float] = {name: value["mean"] for name, value in result["metrics"].items()}

    def __repr__(self) -> str:
        values = ", ".join(f"{name} {value:.4f}" for name, value in self.metrics.items())
        return f"<{self.result['split']}, {self.result['users']:,} users: {values}>"
