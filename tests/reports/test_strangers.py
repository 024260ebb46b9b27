"""Runs that somebody else wrote: what is no number is not taken for one, and nothing ends in a traceback."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from tests.reports.conftest import edit


@pytest.fixture
def two(made):
    return made("a"), made("b", model__dropout=0.1)


def everything(recsys, tmp_path, *runs) -> list:
    """What every command says of the runs."""
    return [
        recsys("runs", f"runs_dir={runs[0].parent}"),
        recsys("compare", *map(str, runs), f"out={tmp_path / 'c.html'}"),
        recsys("report", f"run={runs[0]}", "lists=false", f"out={tmp_path / 'r.html'}"),
        recsys("report", f"run={runs[0].parent}", f"out={tmp_path / 'f.html'}"),
    ]


@pytest.mark.slow
def test_a_record_of_nonsense_is_as_little_as_none(recsys, two, tmp_path):
    keys = (
        "training_seconds",
        "seconds_per_epoch",
        "peak_memory_mb",
        "epoch",
        "environment",
        "best_validation",
        "started",
    )
    for number, value in enumerate([["x"], {"a": {"b": "c"}}, "1e999"]):
        for key in keys:
            edit(two[number % 2] / "record.json", **{key: value})
    (two[0] / "metrics.jsonl").write_text(
        '{"epoch": 1, "seconds": 1, "loss": "x", "NDCG@5": null}\n{"epoch": 2, "seconds": 1, "loss": [1], "NDCG@5": 0.1}\n'
    )
    for result in everything(recsys, tmp_path, *two):
        assert result.code == 0, result.err


@pytest.mark.parametrize("mean", ["x", None, [1], True])
def test_a_result_that_is_no_number_is_damaged(recsys, two, mean, tmp_path):
    edit(two[0] / "test.json", metrics={"NDCG@5": {"mean": mean}})
    listing, compared, reported, folder = everything(recsys, tmp_path, *two)
    assert listing.code == 0 and "test.json is damaged" in listing.out
    assert compared.code == 2 == reported.code and "is damaged" in compared.err and "is damaged" in reported.err
    assert folder.code == 0 and "1 damaged" in (tmp_path / "f.html").read_text()


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((2, 2)), np.array(["a", "b"])])
def test_values_per_user_are_a_number_for_each(recsys, two, values):
    buffer = io.BytesIO()
    np.savez(buffer, user=np.arange(2), **{"NDCG@5": values})
    (two[1] / "test_per_user.npz").write_bytes(buffer.getvalue())
    result = recsys("compare", *map(str, two))
    assert result.code == 2 and "cannot read per-user results" in result.err


@pytest.mark.parametrize("name", ["config.yaml", "test.json", "record.json", "test_per_user.npz", "metrics.jsonl"])
def test_no_link_in_a_run_is_followed(recsys, two, name, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text('{"status": "finished", "secret": "0xSECRET"}')
    (two[0] / name).unlink()
    (two[0] / name).symlink_to(secret)
    for result in everything(recsys, tmp_path, *two):
        assert result.code in (0, 2) and "0xSECRET" not in result.out + result.err
    for page in tmp_path.glob("*.html"):
        assert "0xSECRET" not in page.read_text()
    listed = json.loads(recsys("runs", f"runs_dir={two[0].parent}", "json").out)
    assert [row["status"] for row in listed].count("finished") >= 1
