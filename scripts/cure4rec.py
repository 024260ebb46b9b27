"""The table of unlearning on MovieLens-100K with the public forget sets of CURE4Rec (NeurIPS 2024), by one command.

    python scripts/cure4rec.py --data DIR [--sets core_5 edge_5 ...] [--model wmf] [--methods sisa ...] --out OUT

DIR holds train.csv.gz, test.csv.gz and unlearn_set/ as in github.com/xiye7lai/CURE4Rec, data/ml-100k, each file gzipped.
Trains a run for each method that shards, has each forget set forgotten at once on copies (`recsys unlearn stream`), beside
one model trained on the rest, and writes OUT/cure4rec.csv and OUT/cure4rec.md. What is there is not done again.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

METHODS = ("sisa", "grapheraser", "receraser")
SETS = tuple(f"{kind}_{share}" for kind in ("core", "edge") for share in (5, 10, 15, 20))
SETTINGS = [
    "data=csv", "data.name=ml-100k_cure4rec", "data.columns={user:uid,item:iid}", "data.split=given",
    "loss.negative_weight=0.2", "trainer.batch_size=256", "trainer.epochs=100", "trainer.progress=false",
    "evaluation.k=[10,20]", "device=cpu",
]  # fmt: skip
COLUMNS = ["HR@10", "NDCG@10", "NDCG@10 (active)", "NDCG@10 (less active)", "NDCG@10 less retrained", "seconds_total"]


def main() -> None:
    args = arguments()
    data, out = Path(args.data), Path(args.out)
    files = [f"data.path={data / 'train.csv.gz'}", f"data.test_path={data / 'test.csv.gz'}"]
    runs = [out / "runs" / f"{args.model}-{method}" for method in args.methods]
    for run, method in zip(runs, args.methods):
        if not (run / "current").exists():
            start = [f"resume={run}"] if (run / "config.yaml").exists() else [f"run_dir={run}"]
            recsys("train", f"model={args.model}", f"unlearning={method}", *SETTINGS, *files, *start)
    for name in args.sets:
        kind, _, share = name.partition("_")
        asked = data / "unlearn_set" / f"{kind}_data_{share}.csv.gz"
        words = [f"run={runs[0]}", f"beside=[{','.join(map(str, runs[1:]))}]", f"requests={asked}", "every=0"]
        if not (out / name / "stream.html").exists():
            recsys("unlearn", "stream", *words, "batches=[1000000]", "points=[100]", f"out={out / name}", "device=cpu")
    write(out, [name for name in SETS if (out / name / "stream.csv").exists()], args.note)


def recsys(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "recsys_cli", *words], check=True)


def write(out: Path, names: list[str], note: str = "") -> None:
    """All forget sets that are done, as one table. note: below it."""
    rows = []
    for name in names:
        with (out / name / "stream.csv").open() as stream:
            rows += [{"forget set": name.replace("_", " ") + " %"} | row for row in csv.DictReader(stream)]
    if not rows:
        return
    keys = list(dict.fromkeys(key for row in rows for key in row))
    with (out / "cure4rec.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, keys, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    shown = ["forget set", "way", "users forgotten", *COLUMNS[:4], "less retrained (95 %)", "seconds", "shards"]
    lines = [f"| {' | '.join(shown)} |", "|" + "---|" * len(shown)]
    lines += [f"| {' | '.join(cells(row))} |" for row in rows]
    (out / "cure4rec.md").write_text("\n".join([*lines, *(["", note] if note else [])]) + "\n")


def cells(row: dict[str, str]) -> list[str]:
    """One row of the table to read."""
    name = "NDCG@10 less retrained"
    less = [row.get(key) for key in (name, f"{name} low", f"{name} high")]
    difference = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*map(float, less)) if all(less) else ""
    means = [f"{float(row[column]):.4f}" if row.get(column) else "" for column in COLUMNS[:4]]
    seconds = f"{float(row['seconds_total']):.1f}"
    return [row["forget set"], row["way"], row["requests"], *means, difference, seconds, row["shards_per_batch"]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="the folder of CURE4Rec's ml-100k")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS, help="forget sets; all by default")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help="choices of unlearning=")
    parser.add_argument("--model", default="wmf", help="of recsys train")
    parser.add_argument("--note", default="", help="of the machine, such as that it was busy; stands below the table")
    parser.add_argument("--out", required=True, help="a folder for runs, streams and the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
