from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import pytest

# Runs of a second, on 60 users.
TINY = """
protocol: tiny
seeds: 2
extra: [popularity]
metrics: [HR@5, NDCG@10]
words: [trainer.epochs=2, trainer.batch_size=16, trainer.eval_every=0, trainer.checkpoint_every=1,
  "evaluation.k=[5,10]", evaluation.bootstrap=20, model.embedding_size=4]
data:
  - {data: synthetic, words: [data.users=60, data.items=180, data.interactions=700]}
rows:
  - {label: BPR, model: bpr}
  - {label: ENMF, model: enmf, own: true}
  - {label: Dreams, model: model_of_dreams}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of one's own tables and figures, and where runs and results go."""
    own = tmp_path / "own"
    for group in ("table", "figure"):
        (own / group).mkdir(parents=True)
    monkeypatch.setenv("RECSYS_CONFIG_DIR", str(own))
    monkeypatch.setenv("RECSYS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def table(name: str = "tiny", text: str = TINY, group: str = "table") -> Path:
        path = own / group / f"{name}.yaml"
        path.write_text(f'name: "{name}"\ntitle: A tiny one\n{text.replace(", model.embedding_size=4", "")}')
        return path

    return SimpleNamespace(path=tmp_path, table=table)


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))
