"""docs/example.ipynb runs from top to bottom, and shows what it gives."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.notebook import code_cells, run_cells

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "example.ipynb"


def shape_of(outputs) -> list[tuple[str, str]]:
    """Without digits, which differ between processors, and without the space that they take."""
    texts = ["".join(o.get("text") or o["data"]["text/plain"]) for o in outputs]
    return [
        (o["output_type"], " ".join(re.sub(r"-?\d[-\d.e+]*", "0", text).split())) for o, text in zip(outputs, texts)
    ]


@pytest.mark.slow
def test_the_example_runs_and_shows_what_it_gives(tmp_path):
    notebook = json.loads(NOTEBOOK.read_text())
    for cell, outputs in zip(code_cells(notebook), run_cells(notebook, tmp_path), strict=True):
        source = "".join(cell["source"])
        if "run = recsys.train(" not in source:  # which prints seconds, memory and the name of the run
            assert shape_of(outputs) == shape_of(cell["outputs"]), source
        else:
            assert "run directory" in str(cell["outputs"]) and "run directory" in str(outputs)
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5) and all(c["id"] for c in notebook["cells"])
