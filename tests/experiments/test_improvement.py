"""RI as the thesis has it, from its own numbers."""

from __future__ import annotations

import pytest

from recsys_cli.config.library import library
from recsys_cli.experiments.cells import cells_of
from recsys_cli.experiments.improvement import improvements, relative_improvement
from recsys_cli.experiments.measured import Measured
from recsys_cli.experiments.published import read_published
from recsys_cli.experiments.spec import read


@pytest.mark.parametrize("name", ["3.4", "4.4", "5.4", "5.9"])
def test_it_is_what_the_thesis_prints(name, tmp_path):
    """The published numbers stand for runs; one printed RI of all is wrong by more than its rounding."""
    experiment = read("table", name, library(""))
    numbers = read_published(experiment.settings.published)
    metrics, runs = experiment.settings.metrics, {}
    for source in experiment.sources:
        for row in experiment.rows:
            groups = (source.group, row.group)
            found = {m: numbers.find(source.published, row.published or row.label, m, groups) for m in metrics}
            if all(found.values()):
                values = {m: n.value for m, n in found.items()}
                runs[source.id, row.label] = [Measured(None, tmp_path, values, {}, tmp_path)]
    cells = cells_of(experiment, experiment.sources, runs, metrics)
    found = [c for c in improvements(cells, experiment.settings.improvement, numbers) if c.published and c.ours]
    far = [c for c in found if abs(c.mean - c.published.value) > 0.06]
    assert len(found) >= 5 and len(far) <= 1, [(c.row.label, c.mean, c.published.value) for c in far]


def test_what_cannot_be_divided_by_has_none():
    assert relative_improvement([0.2, 0.3], [0.1, 0.2]) == pytest.approx(75)
    assert relative_improvement([0.2], [0.0]) is None and relative_improvement([], []) is None
