from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_folder_of_code_is_packaged():
    text = (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*?)\]", text, re.DOTALL | re.MULTILINE)[1]
    listed = set(re.findall(r'"([\w.]+)"', packages))
    folders = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("recsys_cli", "data_prep")
        for path in (ROOT / top).rglob("*.py")
    }
    assert listed == folders | {"recsys_cli.configs", "recsys_cli.published"}


@pytest.mark.parametrize("line", (ROOT / "constraints.txt").read_text().splitlines())
def test_constraints_are_exact_versions_and_nothing_else(line):
    assert line.startswith("#") or re.fullmatch(r'[\w.-]+==[\w.]+(; python_version >= "3\.\d+")?', line)


def test_ci_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
