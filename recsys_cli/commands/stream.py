"""`recsys unlearn stream`: requests to forget as they come in, by several ways, beside full retraining."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.kinds import Bounds, kind_of_type, listed, one_of
from data_prep.settings import MANDATORY, Settings, field

FROM_ONE = listed(kind_of_type(int, Bounds(low=1)))
SHARES = listed(kind_of_type(int, Bounds(low=1, high=100)))
WAYS = ("run", "retrain", "finetune", "ascent", "influence")


@dataclass(frozen=True)
class StreamSettings(Settings):
    run: str = field(MANDATORY, "a run trained with unlearning=...; it stays as it is")
    beside: list[str] = field([], "more such runs on the same data, such as one with more shards")
    requests: str = field(
        "random",
        "users or pairs drawn at random; core, edge: the users with the most or fewest training pairs; sensitive: users "
        "withdraw what they had of some items; spam: users who are put in to push items; or a CSV file, also .gz, with "
        "columns user and item (or uid and iid), in the order of its rows",
        suggested=("random", "core", "edge", "sensitive", "spam"),
    )
    unit: str = field("user", "what a request of random, or of a row of the file, asks for", choices=("user", "pair"))
    share: float = field(0.05, "of the users (or pairs) that there are", above=0, high=1)
    number: int | None = field(None, "how many requests; null: by share", low=1)
    items: str | None = field(None, "of sensitive and spam: a table with a column item, of raw ids")
    ways: list[str] = field(
        ["run", "retrain"],
        "run: as recsys unlearn does it; retrain: one model on the rest; finetune, ascent, influence: not exact",
        kind=listed(one_of(*WAYS)),
    )
    batches: list[int] = field([1], "requests that are carried out together; each size is a row", kind=FROM_ONE)
    wait: float | None = field(None, "seconds after its first request when a batch begins, however small", low=0)
    every: float = field(60.0, "mean seconds between two requests", low=0)
    arrivals: str = field("poisson", "how they come", choices=("poisson", "regular"))
    points: list[int] = field([25, 50, 75, 100], "shares of the stream at which models are scored, in %", kind=SHARES)
    active: float = field(
        0.05, "the share of users, by training pairs, that is the group of active ones", above=0, below=1
    )
    finetune_epochs: int = field(5, "of ways=finetune", low=1)
    ascent_steps: int = field(10, "of ways=ascent", low=1)
    ascent_rate: float = field(0.02, "times the gradient of what the forgotten pairs add to the loss", above=0)
    influence_rounds: int = field(10, "of conjugate gradients", low=1)
    influence_damping: float = field(0.1, "as a share of the curvature along the gradient", low=0)
    seed: int = field(0, "of what is drawn: requests and arrivals", low=0)
    out: str = field("stream", "the folder of the results, in which the same command goes on after a kill")


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from pathlib import Path

    from data_prep.files import write_file
    from data_prep.settings import fields_of, plain
    from recsys_cli.pages.figures import save
    from recsys_cli.streams.measure import measure
    from recsys_cli.streams.stream_page import drawings, stream_page
    from recsys_cli.streams.table import as_csv, as_text, first_metric, requests_csv
    from recsys_cli.training.fit import Stopped

    values = plain(config)
    settings = StreamSettings(**{name: values[name] for name in fields_of(StreamSettings)})
    try:
        found = measure(settings, lambda line: print(line, flush=True))
    except Stopped as stopped:
        print(f"stopped by {stopped}: the same command goes on")
        return 128 + stopped.signum
    folder = Path(settings.out).expanduser()
    made_by = shlex.join(["recsys", *sys.argv[1:]])
    write_file(folder / "stream.csv", as_csv(found.rows, settings.seed))
    write_file(folder / "requests.csv", requests_csv(found.rows))
    write_file(folder / "stream.html", stream_page(found, settings, made_by).encode())
    names = ("metric", "work", "waiting")
    for name, drawn in zip(names, drawings(found.rows, first_metric(found.rows))):
        save(drawn, folder / name)
    print(as_text(found.rows, settings.seed))
    print(f"table: {folder / 'stream.csv'}, page: {folder / 'stream.html'}")
    return 0
