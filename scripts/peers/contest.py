"""Contests with peers on one data set: both sides in one call, each in a process of its own, a table of what came out."""

from __future__ import annotations

import csv
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from recsys_cli.text import format_table
from scripts.peers.contests import CONTESTS, Contest

HERE = Path(__file__).parent
SCRIPTS = {"implicit": "implicit_bench.py", "lenskit": "lenskit_bench.py", "recbole": "recbole_contest.py"}
EQUAL_EPOCHS = 4  # timed with equal settings, after one that compiles


def run(args) -> None:
    """args: of benchmark.py. The table of a data set keeps the rows of contests that are not run again."""
    for data in args.data:
        with tempfile.TemporaryDirectory() as folder:
            _run_on(data, args, Path(folder))


def _run_on(data: str, args, folder: Path) -> None:
    words = [f"data={data}", *args.set]
    wanted = [c for c in CONTESTS if c.peer in args.peers and (args.model is None or c.ours in args.model)]
    name = f"peers_{args.name or data}"
    pairs = folder / "pairs.npz"
    everyone = ours("pairs", words, "--out", str(pairs))["test_users"]
    for contest in wanted:
        row = row_of(contest, *meet(contest, words, pairs, folder, args), everyone, args.clock)
        print(format_table(list(row), [list(row.values())]), flush=True)
        keep(args.out / name, row, args)


def meet(contest: Contest, words: list[str], pairs: Path, folder: Path, args) -> tuple[dict, dict, dict, float]:
    """The peer's facts, ours with equal settings and with our own, and the peer's quality."""
    handed = folder / f"{contest.peer}-{contest.model}.npz"
    peer = theirs(contest, pairs, handed, args)
    target = ours("judge", words, "--handed", str(handed))["quality"]
    model = [*words, f"model={contest.ours}"]
    limits = ("--budget", str(args.budget))
    solved = not peer.get("epochs") or contest.ours == "wmf_als"
    if not peer.get("epochs"):  # nothing to be reached on the way: one fit says all
        equal = ours("fit", [*model, *contest.equal.split()], *limits, "--ranking", contest.ranking)
        return peer, equal, equal, target
    some = [f"trainer.epochs={EQUAL_EPOCHS + 1}"]
    equal = ours("fit", [*model, *contest.equal.split(), *some], *limits)
    own = [*model, *contest.equal.split(), f"trainer.epochs={peer['epochs']}"] if solved else model
    reaching = ours("fit", own, *limits, "--target", repr(target), "--ranking", contest.ranking)
    return peer, equal, reaching, target


def theirs(contest: Contest, pairs: Path, handed: Path, args) -> dict[str, Any]:
    python = Path(args.peer_environments).expanduser() / contest.peer / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} is not there: make it by scripts/peers/install.sh {contest.peer} {python.parents[1]}")
    command = [str(python), str(HERE / SCRIPTS[contest.peer]), "--pairs", str(pairs), "--model", contest.model]
    command += ["--settings", json.dumps(contest.settings), "--out", str(handed), "--budget", str(args.budget)]
    return answer(command)


def ours(what: str, words: list[str], *options: str) -> dict[str, Any]:
    return answer([sys.executable, str(HERE.parent / "ours.py"), what, *options, *words])


def answer(command: list[str]) -> dict[str, Any]:
    """What the process prints as its last line."""
    threads = str(len(os.sched_getaffinity(0)))
    set_up = os.environ | {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": "1",
        "LK_NUM_PROCS": "1",
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=set_up)
    if done.returncode:
        sys.exit(f"failed: {shlex.join(command)}\n{(done.stderr or done.stdout)[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def row_of(
    contest: Contest, peer: dict, equal: dict, own: dict, target: float, everyone: int, clock: str
) -> dict[str, str]:
    """Seconds by the clock that was asked for; a ratio over 1 says that we are ahead."""
    suffix = "_cpu" if clock == "cpu" else ""
    epochs = peer.get("epochs")
    fit = peer[f"fit{suffix}"]
    if epochs:
        per = peer.get(f"epoch{suffix}") or [seconds / epochs for seconds in fit]
        our = equal[f"epochs{suffix}"][1:]
    else:
        per, our = fit, [a + b for a, b in zip(equal[f"building{suffix}"], equal[f"epochs{suffix}"])]
    there = epochs is None or own["reached"] is not None
    to_quality = own[f"building{suffix}"][0] + sum(own[f"epochs{suffix}"]) if epochs else statistics.median(our)
    ranking = [seconds * everyone / peer["ranked"] for seconds in peer[f"ranking{suffix}"]]
    ours_ranking = own[f"ranking{suffix}"]
    return {
        "model": contest.ours,
        "peer": f"{peer['version']} {contest.model}",
        "s of": "an epoch" if epochs else "the fit",
        "ours (min/med/max)": spread(our),
        "peer (min/med/max)": spread(per),
        "peer/ours": ratio(per, our),
        "peer's epochs": str(epochs or ""),
        "peer's NDCG@100": f"{target:.4f}",
        "our NDCG@100": f"{own['quality']:.4f}",
        "our s to peer's": f"{to_quality:.2f}" if there else f"not in {to_quality:.0f}",
        "peer's s": f"{statistics.median(fit):.2f}",
        "peer/ours s": f"{statistics.median(fit) / to_quality:.2f}" if there else "",
        "ranking": contest.ranking,
        "our ranking s": spread(ours_ranking),
        "peer's ranking s": spread(ranking),
        "peer/ours ranking": ratio(ranking, ours_ranking),
        "our MB (of imports)": f"{own['training_mb']:.0f} ({own['imports_mb']:.0f})",
        "peer's MB (of imports)": f"{peer['training_mb']:.0f} ({peer['imports_mb']:.0f})",
        "clock": clock,
        "made": time.strftime("%Y-%m-%d"),
    }


def ratio(theirs: list[float], ours: list[float]) -> str:
    return f"{statistics.median(theirs) / statistics.median(ours):.2f}"


def spread(values: list[float]) -> str:
    return "/".join(f"{v:.3f}" for v in (min(values), statistics.median(values), max(values)))


def keep(path: Path, row: dict[str, str], args) -> None:
    """Puts the row into the table, in the place of an older one of the same contest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table, rows = path.with_suffix(".csv"), []
    if table.exists():
        with open(table, newline="") as stream:
            rows = [r for r in csv.DictReader(stream) if (r["model"], r["peer"]) != (row["model"], row["peer"])]
    rows = sorted([*rows, row], key=lambda r: (r["model"], r["peer"]))
    with open(table, "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerows(rows)
    asked = [*args.peers, *(["--model", *args.model] if args.model else []), "--data", *args.data]
    asked += ["--clock", args.clock, *(["--set", *args.set] if args.set else [])]
    head = (
        f"{platform.processor() or platform.machine()}, {len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} at the end, {args.note or 'clock: ' + args.clock}\n"
        f"the newest rows by: python scripts/benchmark.py --peers {shlex.join(asked)}\n\n"
    )
    path.with_suffix(".txt").write_text(head + format_table(list(row), [list(r.values()) for r in rows]) + "\n")
