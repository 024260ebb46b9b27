"""Two workers train what one trains; when one dies all end, and any number of workers goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from recsys_cli.runs.record import read_record
from recsys_cli.training.checkpoint import load_newest
from tests import tiny

WORDS = [
    *tiny.RUN,
    "data.items=80",
    "data.interactions=600",
    "model=ehcf",
    "model.embedding_size=8",
    "trainer.eval_every=0",
    "trainer.epochs=2",
]
FOREVER = 1_000_000  # epochs


def start(*words) -> subprocess.Popen:
    """`recsys train` in a process of its own, with two workers."""
    command = [sys.executable, "-m", "recsys_cli", "train", *words, "device.workers=2"]
    return subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def state(run: Path):
    return load_newest(run / "checkpoints")[0]


def assert_alike(one: Path, two: Path) -> None:
    a, b = state(one), state(two)
    assert a.header["epoch"] == b.header["epoch"]
    np.testing.assert_allclose(a.header["losses"], b.header["losses"], rtol=1e-6)
    for name, array in a.arrays.items():
        np.testing.assert_allclose(b.arrays[name], array, rtol=1e-4, atol=1e-5, err_msg=name)


def the_other(leader: int) -> int:
    return int(Path(f"/proc/{leader}/task/{leader}/children").read_text().split()[0])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_two_workers_one_dies_and_one_goes_on(recsys, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    process = start(*WORDS, f"run_dir={two}")
    recsys("train", *WORDS, f"run_dir={one}")
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert ", 2 workers; run directory" in out and read_record(two)["workers"] == 2
    assert_alike(one, two)
    assert (one / "test.json").read_text() == (two / "test.json").read_text()

    process = start(f"resume={two}", f"trainer.epochs={FOREVER}")
    until = time.monotonic() + 400
    while state(two).header["epoch"] < 4 and time.monotonic() < until:
        time.sleep(0.05)
    other = the_other(process.pid)
    os.kill(other, signal.SIGKILL)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 2
    assert err.splitlines()[-1] == (
        "recsys: error: worker 1 of 2 has ended (killed by signal 9), and the others end with it: go on from the newest "
        f"checkpoint with recsys train resume={two}"
    )
    assert not Path(f"/proc/{other}").exists() and read_record(two)["status"] == "failed"

    epochs = f"trainer.epochs={state(two).header['epoch'] + 1}"
    assert recsys("train", f"resume={two}", epochs, "device.workers=1").code == 0
    assert recsys("train", f"resume={one}", epochs).code == 0
    assert_alike(one, two)
