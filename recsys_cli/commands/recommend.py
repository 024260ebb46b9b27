"""`recsys recommend`: the best items of each user, with the ids of the raw data, as CSV or Parquet."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.files import check_writable
from data_prep.kinds import Kind
from data_prep.settings import MANDATORY, Settings, field
from recsys_cli.data.tables import TABLE

USERS = Kind(
    "all, a list of raw ids such as [17,42], or a file with one id per line",
    lambda v: bool(v) and (isinstance(v, str) or (isinstance(v, list) and all(type(x) in (int, str) for x in v))),
    ("all",),
)


@dataclass(frozen=True)
class RecommendSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    users: str | list[int | str] = field("all", "for whom", kind=USERS)
    new_users: str | None = field(
        None, "instead of users: a table with columns user and item, of people whom the run does not know"
    )
    k: int = field(20, "items for each user", low=1)
    exclude_seen: bool = field(True, "leave out what the user has in training")
    output: str = field("recommendations.csv", "the file to write", pattern=TABLE)


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.data.tables import write_table
    from recsys_cli.use.new_users import of_file
    from recsys_cli.use.taken_up import TakenUp

    check_writable(config.output, "output")
    if config.new_users and config.users != "all":
        raise UserError("users= names people of the run, new_users= others: give one of the two.")
    run = TakenUp(config.run)
    if config.new_users:
        new = of_file(config.new_users, run.dataset)
        print("\n".join(f"note: {note}" for note in new.notes), end="\n" * bool(new.notes))
        table, n = run.recommend_new(new, config.k, exclude_seen=config.exclude_seen), len(new.names)
    else:
        users = run.users(config.users)
        table, n = run.recommend(users, config.k, exclude_seen=config.exclude_seen), len(users)
    write_table(config.output, table)
    print(
        f"{len(table['user']):,} recommendations for {n:,} {'user' if n == 1 else 'users'} written to {config.output}"
    )
    return 0
