"""Jobs by launchers of Hydra: the same outcomes, the same run directories, nothing twice."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.commands.conftest import TINY
from tests.jobs.test_multirun import jobs

ROOT = Path(__file__).resolve().parents[2]
LAUNCHERS = {"joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher"}


@pytest.mark.slow
def test_hydras_own_launcher_does_what_the_engine_does(recsys, one_nursery, tmp_path):
    words = ["-m", *TINY, f"runs_dir={tmp_path / 'runs'}", "hydra/launcher=basic", "model.embedding_size=8,1000000000"]
    words.remove("model.embedding_size=8")
    result = recsys("train", *words)
    assert result.code == 2 and [job[2] for job in jobs(result)] == ["finished", "failed"]
    assert "model.embedding_size=1000000000" in result.err
    assert len(list((tmp_path / "runs").iterdir())) == 1, "nothing but the run"
    again = recsys("train", *words)
    assert [job[2] for job in jobs(again)] == ["already there", "failed"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LAUNCHERS)
def test_launchers_that_start_processes(name, tmp_path):
    """In a process of its own: submitit puts handlers of its own on the log and on signals, which would stay."""
    if not find_spec("hydra_plugins") or not find_spec(f"hydra_plugins.{LAUNCHERS[name]}"):
        pytest.skip(f"{LAUNCHERS[name]} is not installed")
    words = ["train", "-m", *TINY, f"runs_dir={tmp_path / 'runs'}", f"hydra/launcher={name}"]
    done = subprocess.run(
        [sys.executable, "-m", "recsys_cli", *words], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    result = SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)
    assert result.code == 0 and [job[2] for job in jobs(result)] == ["finished"], result.err
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [result.out.rstrip().rpartition("/")[2]]


@pytest.mark.parametrize(
    "words, part",
    [
        (["hydra/launcher=nothing"], "hydra/launcher=nothing cannot be used"),
        (["hydra/launcher=basic", "jobs=2"], "is up to hydra/launcher"),
        (["hydra.launcher.n_jobs=2"], "none is chosen: add hydra/launcher=joblib"),
        (["hydra/launcher=basic", "hydra.launcher.nothing=2"], "cannot be used"),
    ],
)
def test_what_no_launcher_can_do_is_said(recsys, tmp_path, words, part):
    result = recsys("train", "-m", "seed=0", f"runs_dir={tmp_path / 'runs'}", *words)
    assert result.code == 2 and part in result.err and result.err.count("\n") == 1
