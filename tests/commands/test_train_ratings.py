"""`recsys train` on ratings of one's own: selection by an error, and what is refused in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

QUIET = ["trainer.progress=false", "tensorboard=false", "evaluation.bootstrap=20", "evaluation.k=[2]"]


@pytest.fixture
def stars(tmp_path):
    """Half stars of 30 users for 12 items, by the parity of both."""
    random = np.random.default_rng(0)
    lines = ["user,item,rating"]
    for user in range(30):
        for item in random.permutation(12)[:8]:
            liked = (user + item) % 2 == 0
            lines.append(f"u{user},i{item},{(4.5 if liked else 1.5) + random.integers(-1, 2) / 2}")
    path = tmp_path / "stars.csv"
    path.write_text("\n".join(lines) + "\n")
    return [
        "data=csv",
        f"data.path={path}",
        "data.split=ratio",
        "data.validation=ratio",
        f"data.cache_dir={tmp_path / 'cache'}",
        f"run_dir={tmp_path / 'run'}",
        *QUIET,
    ]


def test_the_epoch_of_the_lowest_error_is_scored(recsys, stars, tmp_path):
    words = ["model=biased_mf", "model.embedding_size=4", "optimizer.learning_rate=0.05", "trainer.batch_size=32"]
    select = [
        "evaluation.select=best_validation",
        "trainer.eval_every=1",
        "trainer.early_stopping=2",
        "trainer.epochs=60",
    ]
    result = recsys("train", *words, *select, *stars)
    assert result.code == 0, result.err
    assert "MAE and RMSE over pairs" in result.out and "the mean rating of each item: MAE" in result.out
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    errors = [row["metrics"]["MAE"] if "metrics" in row else row["MAE"] for row in rows]
    found = json.loads((tmp_path / "run" / "test.json").read_text())
    best = found["best_validation"]
    assert best["metric"] == "MAE" and best["value"] == min(errors) and best["epoch"] == 1 + int(np.argmin(errors))
    assert len(errors) == best["epoch"] + 2 < 60  # stopped early
    assert found["metrics"]["MAE"]["mean"] < 0.9 and found["protocol"]["candidates"] == ["unseen", "test"]


@pytest.mark.parametrize(
    "words, part",
    [
        (["model=autorec", "unlearning=sisa", "data.validation=none"], "unlearning=sisa forgets choices; for ratings"),
        (["model=enmf", "evaluation=rating"], "evaluation=rating compares predicted ratings, and model=enmf"),
        (["model=autorec", "loss=bpr"], "model=autorec is trained to reconstruct ratings, and takes no other loss"),
        (["model=hem_aae", "model.hidden_units=0"], "model.hidden_units: expected an integer >= 1, received 0"),
        (["model=pmf", "data.rating_scale=[2,5]"], "is outside 2 to 5 (data.rating_scale)"),
    ],
)
def test_refused_in_a_sentence(recsys, stars, words, part):
    result = recsys("train", *stars, *words)
    assert result.code == 2 and part in result.err and result.err.count("\n") == 1
