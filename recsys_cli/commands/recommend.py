"""`recsys recommend`: the best items of each user, with the ids of the raw data, as CSV or Parquet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.files import check_writable
from data_prep.ids import fault, places
from data_prep.kinds import Kind
from data_prep.settings import MANDATORY, Settings, field
from recsys_cli.data.tables import TABLE

USERS = Kind(
    "all, a list of raw ids such as [17,42], or a file with one id per line",
    lambda v: bool(v) and (isinstance(v, str) or (isinstance(v, list) and all(type(x) in (int, str) for x in v))),
    ("all",),
)

HEADER = "user"


@dataclass(frozen=True)
class RecommendSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    users: str | list[int | str] = field("all", "for whom", kind=USERS)
    k: int = field(20, "items for each user", low=1)
    exclude_seen: bool = field(True, "leave out what the user has in training")
    output: str = field("recommendations.csv", "the file to write", pattern=TABLE)


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.commands.trained import open_trained
    from recsys_cli.data.tables import write_table
    from recsys_cli.evaluation.naming import raw_ids
    from recsys_cli.evaluation.topk import top_k

    check_writable(config.output, "output")
    trained = open_trained(config.run)
    dataset = trained.dataset
    if config.k > dataset.n_items:
        raise UserError(
            f"k={config.k} goes beyond the {dataset.n_items} items of data={dataset.name}: give a smaller k."
        )
    users = users_of(config.users, dataset.user_ids)
    seen = [dataset.target_train] if config.exclude_seen else []
    with raw_ids(dataset):
        items, scores = top_k(
            trained.model.scorer(),
            users,
            seen,
            dataset.n_items,
            config.k,
            memory_mb=trained.config.evaluation.memory_mb,
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


def users_of(wanted, user_ids: np.ndarray) -> np.ndarray:
    """Internal ids, int32 [n], of `all`, a list of raw ids, or a file with one raw id per line (a first line `user`,
    where no user is called so, is its header)."""
    if wanted == "all":
        return np.arange(len(user_ids), dtype=np.int32)
    where = f"users={wanted}"
    wanted = _listed(Path(wanted)) if isinstance(wanted, str) else list(wanted)
    if wanted[:1] == [HEADER] and HEADER not in user_ids:  # a file as `recsys unlearn forget=` takes it
        wanted = wanted[1:]
    if not wanted:
        raise UserError(f"{where} names nobody; nothing is written. Give all, or at least one raw user id.")
    found = places(wanted, user_ids)
    unknown = [raw for raw, place in zip(wanted, found) if place < 0]
    if unknown:
        raise UserError(
            f"{len(unknown)} of {len(wanted)} users are not in the training data, such as "
            f"{', '.join(repr(str(raw)) for raw in unknown[:5])}; ids are those of the raw data, letter by letter, "
            f"e.g. {user_ids[0]}."
        )
    return found.astype(np.int32)


def _listed(path: Path) -> list[str]:
    if not path.is_file():
        raise UserError(
            f"users={path}: there is no such file; give all, a list such as "
            "users=[17,42], or a file with one raw user id per line."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"users={path} is not a text file with one raw user id per line: {error}.") from None
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text.strip() else []
    for number, line in enumerate(lines, 1):
        if problem := fault(line):
            raise UserError(f"users={path}, line {number}: the user {line[:40]!r} {problem}. Mend the line.")
    return lines
