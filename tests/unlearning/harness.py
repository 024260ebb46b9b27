"""A tiny log, runs on it, and what the same training from scratch on the remaining rows gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from recsys_cli import cli
from recsys_cli.data.dataset import CSR, Dataset
from recsys_cli.unlearning.generation import Rows, build
from recsys_cli.unlearning.pool import train_shards
from recsys_cli.unlearning.train import share_out

TINY = [
    "data=csv",
    "data.split=given",
    "evaluation.k=[3]",
    "evaluation.metrics=[Recall]",
    "evaluation.bootstrap=5",
    "trainer.epochs=2",
    "trainer.batch_size=8",
    "trainer.progress=false",
    "unlearning.pretraining_epochs=1",
    "unlearning.pretraining_size=4",
    "unlearning.shard_epochs=1",
    "unlearning.aggregation_epochs=1",
    "unlearning.aggregation_batch_size=8",
    "unlearning.attention_size=3",
    "device=cpu",
]
MODELS = {
    "bpr": ["model=bpr", "model.embedding_size=4"],
    "wmf": ["model=wmf", "model.embedding_size=4"],
    "enmf": ["model=enmf", "model.embedding_size=4"],
    "lightgcn": ["model=lightgcn", "model.embedding_size=4", "model.layers=2"],
}
OF_THIS_TRY = ("metrics.jsonl", "origin.json", "ledger.json", "ledger.sha256")
Pair = tuple[str, str]


def log(seed: int = 0) -> tuple[list[Pair], list[Pair]]:
    """Training and test pairs with raw ids: 16 users, 12 items, about 5 + 1 pairs each."""
    random, train, test = np.random.default_rng(seed), [], []
    for u in range(16):
        items = random.permutation(12)[: random.integers(5, 8)]
        pairs = [(f"u{7 * u % 16}", str(1000 + 3 * i)) for i in items]
        train += pairs[1:]
        test += pairs[:1]
    return train, test


def write_pairs(path: Path, rows, header: str = "user,item") -> str:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return str(path)


def recsys(*words) -> int:
    return cli.main([str(word) for word in words])


def train_run(folder: Path, *words: str, name: str = "run") -> Path:
    """A trained run on `log`, whose files are made where they are not there yet."""
    train, test = log()
    files = [
        f"data.path={write_pairs(folder / 'train.csv', train)}",
        f"data.test_path={write_pairs(folder / 'test.csv', test)}",
        f"data.cache_dir={folder / 'cache'}",
    ]
    assert recsys("train", *TINY, *files, f"run_dir={folder / name}", *words) == 0
    return folder / name


def contents(generation: Path) -> dict[str, bytes]:
    """Every file of a state, but for those that name times, seconds or the version of the program."""
    return {
        str(file.relative_to(generation)): file.read_bytes()
        for file in sorted(generation.rglob("*"))
        if file.is_file() and file.name not in OF_THIS_TRY
    }


def from_scratch(
    run: Path, before: Rows, folder: Path, *, users=(), items=(), pairs=(), repartition: bool = False, friends=None
) -> dict[str, bytes]:
    """The state that training on the remaining rows alone gives, the data set being made here from the raw
    rows.

    before: the rows of the run at its start, from which only the shard of each row is taken. friends: raw pairs, of which
    those between users that are left stay.
    """
    old = before.dataset
    raw_users, raw_items = old.user_ids.astype(str), old.item_ids.astype(str)
    shard = {
        (raw_users[u], raw_items[i]): s for u, i, s in zip(before.pairs.rows, before.pairs.indices, before.assignment)
    }
    parts = [
        [(u, i) for u, i in part if u not in users and i not in items and (u, i) not in set(pairs)] for part in log()
    ]
    left = [pair for part in parts for pair in part]
    ids = [np.array(sorted({u for u, _ in left})), np.array(sorted({i for _, i in left}))]
    place = [{str(raw): p for p, raw in enumerate(side.tolist())} for side in ids]
    train, test = ([(place[0][u], place[1][i]) for u, i in part] for part in parts)
    shape = len(ids[0]), len(ids[1])
    known = [(place[0][a], place[0][b]) for a, b in friends or () if a in place[0] and b in place[0]]
    data = Dataset(
        old.name,
        *shape,
        old.target,
        {old.target: CSR.from_pairs(*zip(*train), *shape)},
        test=CSR.from_pairs(*zip(*test), *shape),
        friends=None if friends is None else CSR.from_pairs(*zip(*known), shape[0], shape[0]),
        user_ids=ids[0],
        item_ids=ids[1],
    )
    assignment = np.array([shard[pair] for _, pair in sorted(zip(train, parts[0]))])
    config = OmegaConf.load(run / "config.yaml")
    rows = share_out(config, data) if repartition else Rows.of(data, assignment)
    build(folder, config, rows, None, train_shards)
    return contents(folder)


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
