"""What a table or a figure consists of: the keys of configs/table and configs/figure.

Nothing heavy here, and nothing that runs: the command line reads these classes for its help and its checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from data_prep.settings import MANDATORY, Settings, field

KINDS = ("results", "seconds", "counts", "weights", "epochs", "setting", "activity", "grid")
RANKING = ["HR@10", "HR@50", "HR@100", "NDCG@10", "NDCG@50", "NDCG@100"]
SIMPLE = ["popularity", "item_knn", "user_knn", "rp3beta", "ease"]


@dataclass(frozen=True)
class ExperimentSettings(Settings):
    """One table or figure. data, rows and axis are read by `spec.py`, which says what they may hold."""

    name: str = field(MANDATORY, "as in the paper, such as 4.11", fixed=True)
    title: str = field(MANDATORY, "what it shows", fixed=True)
    like: str | None = field(
        None, "another, such as table/4.11, whose values hold where this one is silent", fixed=True
    )
    kind: str = field("results", "what is read from the runs", choices=KINDS, fixed=True)
    protocol: str | None = field(None, "how it is measured, in words", fixed=True)
    published: str | None = field(None, "the file of published numbers, such as table_4_11", fixed=True)
    words: list[str] = field([], "settings of every run", fixed=True)
    seeds: int = field(5, "runs of every row that draws", low=1, fixed=True)
    seed_key: str | None = field(
        None, "a key that gets the number of the seed as well: another split per seed", fixed=True
    )
    data: list = field([], "data sets, with the name that the paper gives them", fixed=True)
    unavailable: dict[str, str] = field({}, "data sets of the paper that are not to be had, and why", fixed=True)
    rows: list = field([], "label, model and settings of each row; with `like`, a label is enough", fixed=True)
    extra: list[str] = field(SIMPLE, "simple models that the paper does not have", fixed=True)
    metrics: list[str] = field(RANKING, "columns; of a figure, the one on its axis", fixed=True)
    axis: dict[str, Any] | None = field(None, "of a figure: the setting that varies, and its values", fixed=True)
    improvement: str | None = field(
        None, "the row whose mean relative gain over each other one is shown (RI), as in the paper", fixed=True
    )
    beyond: bool = field(False, "also rank without the pairs in auxiliary behaviours", fixed=True)
    deletions: int = field(0, "single deletions that are measured in every run", low=0, fixed=True)
    quoted: list = field([], "points of a figure that the text of the paper gives as numbers", fixed=True)
    deviations: list[str] = field([], "entries of the ledger (_deviations.yaml) that touch all of it", fixed=True)
    notes: list[str] = field([], "what a reader should know", fixed=True)
