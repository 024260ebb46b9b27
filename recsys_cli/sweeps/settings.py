"""How a model is searched: the group `sweep`, a file per model in configs/sweep."""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.settings import Settings, field


@dataclass(frozen=True)
class SearchSettings(Settings):
    """The space, and the rule by which trials are chosen and given up."""

    space: dict = field(
        {}, "what is searched: KEY=[a,b,c] (these values), [log,low,high], [uniform,low,high] or [int,low,high]"
    )
    unsearched: str | None = field(None, "why there is nothing to search", fixed=True)
    method: str = field("tpe", "how trials are chosen; grid: every combination", choices=("tpe", "random", "grid"))
    trials: int = field(20, "of each model; budget= says it for all", low=1)
    startup: int = field(8, "random trials before TPE goes by what came of them", low=1)
    prune: bool = field(True, "give up a trial that is below the median of the others at the same epoch")
    prune_after: int = field(5, "complete trials that there must be before any is given up", low=2)
    prune_from: float = field(0.25, "share of the epochs that every trial gets", low=0, high=1)
