"""Jobs in real processes: killed parents, stopped jobs, the same bytes as a command of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recsys_cli.jobs.identity import JOB_HASH
from tests.commands.conftest import TINY, record_of

LONG = [*(w for w in TINY if not w.startswith("trainer.epochs")), "trainer.epochs=100000"]
PROBE = """
import json, os
from recsys_cli.jobs.server import preload
preload()
from tensorflow.python.eager import context
threads = [open(f"/proc/self/task/{t}/comm").read().strip() for t in os.listdir("/proc/self/task")]
print(json.dumps([context._context is None or context._context._context_handle is None, threads]))
"""


def until(condition, seconds: float = 120):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def processes(group: set[int]) -> set[int]:
    """Those of the group that are alive."""
    alive = set()
    for pid in group:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        alive |= {pid} if state not in "ZX" else set()
    return alive


def below(pid: int) -> set[int]:
    """All processes that descend from it."""
    found = {int(p) for t in Path(f"/proc/{pid}/task").glob("*/children") for p in t.read_text().split()}
    return found.union(*map(below, found)) if found else found


@pytest.mark.slow
def test_before_a_job_is_forked_nothing_but_imports_has_happened():
    found = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, env=os.environ)
    unused, threads = json.loads(found.stdout)
    assert unused, "TensorFlow has no context yet"
    assert not [name for name in threads if "tf_" in name or "grpc" in name or "tensor" in name.lower()]


@pytest.mark.slow
def test_a_job_comes_to_the_bytes_of_a_command_of_its_own(recsys, one_nursery, tmp_path):
    assert recsys("train", "-m", *TINY, f"run_dir={tmp_path / 'job'}").code == 0
    assert recsys("train", *TINY, f"run_dir={tmp_path / 'alone'}").code == 0
    names = ["test.json", "test_per_user.npz", "checkpoints/epoch-000004.npz"]
    for name in [n for n in names if (tmp_path / "alone" / n).exists()]:
        assert (tmp_path / "job" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes(), name
    assert "enmf on synthetic" in (tmp_path / "job" / "log.txt").read_text()
    assert record_of(tmp_path / "job")[JOB_HASH] == record_of(tmp_path / "alone")[JOB_HASH]


@pytest.mark.slow
def test_a_killed_parent_leaves_no_orphan_and_the_next_goes_on(recsys, one_nursery, tmp_path):
    words = [f"runs_dir={tmp_path / 'runs'}", "seed=0"]
    command = [sys.executable, "-m", "recsys_cli", "train", "-m", *LONG, *words]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (log,) = until(lambda: [p for p in (tmp_path / "runs").glob("*/metrics.jsonl") if p.stat().st_size])
    mine = below(parent.pid)
    assert len(mine) == 2, "the server and the job"
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: not processes(mine))
    assert record_of(log.parent)["status"] == "interrupted", "it has saved and stopped"

    stopped = until(lambda: log.read_text().count("\n"))
    again = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: log.read_text().count("\n") > stopped)
    again.send_signal(signal.SIGINT)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 130 and "interrupted" in out, err
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [log.parent.name], "the same run, and no locks"
    assert "resuming" in (log.parent / "log.txt").read_text()


@pytest.mark.slow
def test_a_killed_server_takes_its_jobs_with_it(tmp_path):
    command = [sys.executable, "-m", "recsys_cli", "train", "-m", *LONG, f"runs_dir={tmp_path / 'runs'}", "seed=0"]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    (log,) = until(lambda: [p for p in (tmp_path / "runs").glob("*/metrics.jsonl") if p.stat().st_size])
    mine = below(parent.pid)
    (server,) = {int(p) for p in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()}
    os.kill(server, signal.SIGKILL)
    _, err = parent.communicate(timeout=60)
    assert parent.returncode == 1 and "the process that starts jobs was killed" in err
    until(lambda: not processes(mine))
    assert record_of(log.parent)["status"] == "interrupted"
