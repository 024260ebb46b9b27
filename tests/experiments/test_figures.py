"""Figures of every kind from a few tiny runs, with their values as CSV and their drawings."""

from __future__ import annotations

import json

import pytest

from tests.experiments.conftest import TINY, read_csv

pytestmark = [pytest.mark.usefixtures("one_nursery"), pytest.mark.slow]
ONE = TINY.replace("seeds: 2", "seeds: 1").replace("  - {label: Dreams, model: model_of_dreams}\n", "")
KINDS = {
    "activity": "kind: activity\nmetrics: [HR@5]\naxis: {title: pairs, bounds: {all: [8]}}\n",
    "epochs": "kind: epochs\nmetrics: [HR@5]\nrows: [ENMF]\n",
    "setting": "kind: setting\nmetrics: [HR@5]\naxis: {title: size, key: model.embedding_size, values: [2, 64]}\n"
    "rows:\n  - ENMF\n  - {model: popularity, axis: false}\n",
    "grid": "kind: grid\nmetrics: [HR@5]\naxis: {title: cart / view, key: model.task_weights, parts: 1}\n"
    "rows: [{label: EHCF, model: ehcf}]\n",
}


def test_figures_of_every_kind(place, recsys):
    place.table("tiny", ONE.replace("trainer.eval_every=0", "trainer.eval_every=1"))
    for kind, text in KINDS.items():
        place.table(kind, f"like: table/tiny\n{text}", "figure")
        result = recsys("reproduce", f"figure={kind}", "jobs=2")
        assert result.code == 0, result.err
        folder = place.path / "results" / "figures"
        assert (folder / f"{kind}-synthetic.svg").exists() and (folder / f"{kind}.html").exists()

    def values(kind: str) -> dict[tuple[str, ...], float]:
        lines = read_csv(place.path / "results" / "figures" / f"{kind}.csv")
        return {(line["line"], line["x"], line["y"]): float(line["ours"]) for line in lines}

    assert [key[1] for key in values("epochs")] == ["1", "2"]
    assert [key[:2] for key in values("setting")] == [("ENMF", "2"), ("ENMF", "64"), ("MP", "")]
    assert {key[1:] for key in values("grid")} == {("0.0", "0.0"), ("1.0", "0.0"), ("0.0", "1.0")}
    groups = {key[1]: value for key, value in values("activity").items() if key[0] == "ENMF"}
    sizes = {name: int(name.split("(")[1].split()[0]) for name in groups}
    (run,) = [p for p in (place.path / "runs").glob("enmf*") if "embedding_size: 64" in (p / "config.yaml").read_text()]
    mean = json.loads((run / "test.json").read_text())["metrics"]["HR@5"]["mean"]
    total = sum(sizes[name] * value for name, value in groups.items()) / sum(sizes.values())
    assert len(groups) == 2 and total == pytest.approx(mean, abs=1e-4)
