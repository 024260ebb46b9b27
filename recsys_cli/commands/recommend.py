"""`recsys recommend`: the best items of each user, with the ids of the raw data, as CSV or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.files import check_writable
from data_prep.settings import MANDATORY, Settings, field
from recsys_cli.data.tables import TABLE


@dataclass(frozen=True)
class RecommendSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    users: str | list[int | str] = field(
        "all", "all, a list of raw ids such as [17,42], or a file with one id per line"
    )
    k: int = field(20, "items for each user", low=1)
    exclude_seen: bool = field(True, "leave out what the user has in training")
    output: str = field("recommendations.csv", "the file to write", pattern=TABLE)


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    import numpy as np

    from recsys_cli.commands.trained import open_trained
    from recsys_cli.data.tables import write_table
    from recsys_cli.evaluation.topk import top_k

    check_writable(config.output, "output")
    trained = open_trained(config.run)
    dataset = trained.dataset
    if config.k > dataset.n_items:
        raise UserError(
            f"k={config.k} goes beyond the {dataset.n_items} items of data={dataset.name}: give a smaller k."
        )
    users = _users(config.users, dataset.user_ids)
    seen = [dataset.target_train] if config.exclude_seen else []
    items, scores = top_k(
        trained.model.scorer(), users, seen, dataset.n_items, config.k, memory_mb=trained.config.evaluation.memory_mb
    )
    found = items >= 0  # a user may have fewer than k items left
    ranks = np.broadcast_to(np.arange(1, config.k + 1), items.shape)
    write_table(
        Path(config.output),
        {
            "user": np.repeat(dataset.user_ids[users], found.sum(axis=1)),
            "rank": ranks[found],
            "item": dataset.item_ids[items[found]],
            "score": scores[found],
        },
    )
    print(f"{found.sum():,} recommendations for {len(users):,} users written to {config.output}")
    return 0


def _users(wanted, user_ids):
    """Internal ids, int32 [n], of `all`, a list of raw ids, or a file with one raw id per line."""
    import numpy as np

    if wanted == "all":
        return np.arange(len(user_ids), dtype=np.int32)
    if isinstance(wanted, str):
        path = Path(wanted)
        if not path.is_file():
            raise UserError(
                f"users={wanted}: there is no such file; give all, a list such as "
                "users=[17,42], or a file with one raw user id per line."
            )
        wanted = path.read_text().split()
    places = {str(raw): place for place, raw in enumerate(user_ids.tolist())}
    unknown = [str(raw) for raw in wanted if str(raw) not in places]
    if unknown:
        raise UserError(
            f"{len(unknown)} of {len(wanted)} users are not in the training data, such as "
            f"{', '.join(unknown[:5])}; ids are those of the raw data, e.g. {user_ids[0]}."
        )
    return np.array([places[str(raw)] for raw in wanted], np.int32)
