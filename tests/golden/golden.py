"""A golden file that knows which of its arrays a test has looked at; see README.md here for source and format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from recsys_cli.data.dataset import CSR, Dataset

HERE = Path(__file__).parent
GIVEN = ("data/", "batch/", "init/", "kge/batch/")  # what the authors' program was fed
BEHAVIOURS = ("view", "cart", "buy")


class Golden:
    """The arrays of a file. What went into the authors' program may be read; what came out is only compared.

    hyper: its hyper-parameters.
    """

    def __init__(self, name: str):
        with np.load(HERE / f"{name}.npz", allow_pickle=False) as archive:
            self._arrays = {key: archive[key] for key in archive.files}
        self.hyper = json.loads(str(self._arrays.pop("hyper_json")))
        self._left, self._where = set(self._arrays), ""

    def at(self, part: str) -> Golden:
        """The same file, whose keys are looked for in this part of it first, such as sub0."""
        other = object.__new__(Golden)
        vars(other).update(vars(self), _where=f"{part}/")
        return other

    def __contains__(self, key: str) -> bool:
        return self._name(key) in self._arrays

    def _name(self, key: str) -> str:
        return self._where + key if self._where + key in self._arrays else key

    def given(self, key: str) -> np.ndarray:
        if not key.startswith(GIVEN):
            raise KeyError(f"{key} is a result: check it")
        self._left.discard(self._name(key))
        return self._arrays[self._name(key)]

    def check(self, key: str, actual, rtol: float = 0.0, atol: float = 0.0) -> np.ndarray:
        """Returns the recorded values. Axes of length 1 do not matter."""
        self._left.discard(self._name(key))
        expected = self._arrays[self._name(key)]
        np.testing.assert_allclose(
            np.squeeze(actual), np.squeeze(expected), rtol=rtol, atol=atol, err_msg=self._name(key)
        )
        return expected

    def check_nothing_is_left(self, not_comparable: Mapping[str, str] | None = None) -> None:
        """not_comparable: patterns of keys that have no counterpart here, each with the reason."""
        patterns = not_comparable or {}
        idle = [p for p in patterns if not any(fnmatchcase(key, p) for key in self._left)]
        assert not idle, f"there are no such keys: {idle}"
        left = sorted(key for key in self._left if not any(fnmatchcase(key, p) for p in patterns))
        assert not left, f"no test looks at {', '.join(left)}"

    def keys(self, pattern: str) -> set[str]:
        return {key for key in self._arrays if fnmatchcase(key, pattern)}

    @property
    def behaviours(self) -> tuple[str, ...]:
        """In the order of the hyper-parameters that have a value per behaviour."""
        if "data/view_pairs" not in self:
            return ("buy",)
        return ("view", "buy") if self.hyper.get("behaviours") == 2 else BEHAVIOURS

    def pairs(self, part: str, padding: bool = False) -> CSR:
        """Users x items of data/{part}_pairs. padding: the authors' padding row is one more item, nobody's choice."""
        return CSR.from_pairs(
            *self.given(f"data/{part}_pairs").T, self.hyper["n_users"], self.hyper["n_items"] + padding
        )

    def in_batches(self, lists: str, padding: bool = False) -> CSR:
        """The pairs of the recorded batches: the authors cut long lists."""
        items = self.given(f"batch/{lists}_lists")
        users = np.broadcast_to(self.given("batch/user_ids")[..., None], items.shape)
        real = items != self.hyper["padding_item_id"]
        n_items = self.hyper["n_items"] + padding
        return CSR.from_pairs(users[real], items[real], self.hyper["n_users"], n_items)

    def dataset(self, padding: bool = False) -> Dataset:
        """All training pairs, and those of the test."""
        target = "buy_" if len(self.behaviours) > 1 else ""
        parts = {name: f"{target}train" if name == "buy" else name for name in self.behaviours}
        train = {name: self.pairs(part, padding) for name, part in parts.items()}
        shape = train["buy"].n_rows, train["buy"].n_cols
        ids = {"user_ids": np.arange(shape[0]), "item_ids": np.arange(shape[1])}
        return Dataset("golden", *shape, "buy", train, test=self.pairs(f"{target}test", padding), **ids)
