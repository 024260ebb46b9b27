"""scripts/gpu.sh where there is no GPU."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gpu.sh"


@pytest.mark.slow
def test_the_call_for_a_gpu_runs_to_its_end_without_one(tmp_path):
    words = ["--device", "cpu", "--quick", "--tables", "3.5", "4.12", "--out", str(tmp_path / "gpu")]
    environment = os.environ | {"PYTHON": sys.executable, "RECSYS_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "gpu.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["table"], row["row"], row["device"]) for row in rows] == [
        ("3.5", "ENMF-U", "cpu"),
        ("4.12", "EHCF", "cpu"),
    ]
    assert all(row["calls"] == "1" for row in rows)  # nothing comes back to the host within an epoch
    assert all(0 < float(row["NDCG@10"]) < 1 and row["after epochs"] == "2" for row in rows)
