"""Finished runs beside the published numbers: mean and standard deviation over seeds, as CSV and as text.

    python scripts/tabulate.py --table 3.4 --dataset Movielens --out results/tables/table_3_4_ml-1m runs/table_3_4
    python scripts/tabulate.py --table 4.14 --dataset Beibei --by model.layers --name "GHCF 1=GHCF-1" ...

Runs that differ in more than the seed are rows of their own; --by says by which settings they are told apart. Runs of
different data are refused in one table.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from omegaconf import OmegaConf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from recsys_cli.report import format_table
from recsys_cli.runs.finished import finished

LABELS = {
    "popularity": "MP",
    "item_knn": "ItemKNN",
    "ease": "EASE",
    "bpr": "BPR",
    "wmf": "WMF",
    "wmf_als": "WMF (ALS)",
    "gmf": "GMF",
    "neumf": "NCF",
    "ncf": "NCF",
    "mlp": "MLP",
    "enmf": "ENMF",
    "expomf": "ExpoMF",
    "lightgcn": "LightGCN",
    "cmf": "CMF",
    "mc_bpr": "MC-BPR",
    "nmtr": "NMTR",
    "ehcf": "EHCF",
    "ghcf": "GHCF",
}
SUFFIX = {"users": "-U", "items": "-I", "alternating": "-A"}  # of ENMF, in the tables of thesis chapter 3
METHODS = {"none": "", "retrain": "Retrain", "sisa": "SISA", "grapheraser": "GraphEraser", "receraser": "RecEraser"}
NOT_SETTINGS = ("seed", "run_dir", "runs_dir", "resume", "device", "tensorboard", "data", "evaluation")
NOT_TRAINING = ("progress", "eval_every", "checkpoint_every", "keep_checkpoints")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of run directories")
    parser.add_argument("--table", help="published table, e.g. 3.4; without it only our own numbers")
    parser.add_argument("--dataset", help="data set as the published table names it")
    parser.add_argument(
        "--by", nargs="*", default=[], metavar="KEY", help="settings whose values go into the row names"
    )
    parser.add_argument("--name", nargs="*", default=[], metavar="ROW=NAME", help="other names for rows")
    parser.add_argument("--result", default="test", help="validation, or a name in RUN/evaluations, such as test-again")
    parser.add_argument("--out", type=Path, required=True, help="path without ending; .csv and .txt are written")
    args = parser.parse_args()
    published = read_published(args.table, args.dataset)
    names = dict(name.split("=", 1) for name in args.name)
    rows = []
    for label, runs in sorted(collect(args.folders, args.table, args.by, args.result).items()):
        label = names.get(label, label)
        for metric, first in runs[0]["metrics"].items():
            values = [run["metrics"][metric]["mean"] for run in runs]
            mean = statistics.fmean(values)
            paper = published.get((label.split(" [")[0], metric))
            if metric.startswith("Recall") and first == runs[0]["metrics"].get(metric.replace("Recall", "HR")):
                continue  # one test item a user
            rows.append(
                {
                    "row": label,
                    "metric": metric,
                    "published": "" if paper is None else f"{paper:.4f}",
                    "ours": f"{mean:.4f}",
                    "sd": f"{statistics.stdev(values):.4f}" if len(values) > 1 else "",
                    "difference %": "" if paper is None else f"{100 * (mean / paper - 1):+.1f}",
                    "seeds": str(len(runs)),
                    "s/epoch": f"{statistics.median(r['seconds'] for r in runs):.3f}",
                    "epochs": str(runs[0]["epochs"]),
                    "settings": runs[0]["settings"],
                }
            )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out.with_suffix(".csv"), "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    shown = [{k: v for k, v in row.items() if k != "settings"} for row in rows]
    text = format_table(list(shown[0]), [list(row.values()) for row in shown])
    args.out.with_suffix(".txt").write_text(text + "\n")
    print(text)


def read_published(table: str | None, dataset: str | None) -> dict[tuple[str, str], float]:
    if table is None:
        return {}
    path = Path(__file__).resolve().parents[1] / "results" / "published" / f"table_{table.replace('.', '_')}.csv"
    if not path.exists():
        there = sorted(p.stem.removeprefix("table_").replace("_", ".") for p in path.parent.glob("table_*.csv"))
        sys.exit(f"no published table {table}; there are {', '.join(there)}")
    found = {}
    with open(path, newline="") as stream:
        for r in csv.DictReader(stream):
            if r["dataset"] == dataset:
                for name in (r["model"], f"{r['group']} {r['model']}"):  # in chapter 6 the group is the base model
                    found[name, r["metric"]] = float(r["value"])
    if not found:
        sys.exit(f"--dataset {dataset} is not in {path.name}")
    return found


def collect(folders: list[Path], table: str | None, by: list[str], result: str) -> dict[str, list[dict]]:
    """Finished runs by row label; runs with other settings get a label of their own."""
    groups: dict[tuple[str, str], list[dict]] = defaultdict(list)
    hashes = set()
    for _, config, record, content in finished(folders, result):
        hashes.add(record["data_hash"])
        label = label_of(config, table, by)
        groups[label, settings_of(config)].append(
            {
                "metrics": content["metrics"],
                "seconds": record["seconds_per_epoch"],
                "epochs": record["epoch"],
                "settings": settings_of(config),
            }
        )
    if not groups:
        sys.exit(f"no finished run with {result}.json in {', '.join(map(str, folders))}")
    if len(hashes) > 1:
        sys.exit(f"these runs were made on {len(hashes)} different data sets; one table takes one")
    labels = [label for label, _ in groups]
    return {
        label if labels.count(label) == 1 else f"{label} [{number}]": runs
        for number, ((label, _), runs) in enumerate(groups.items(), 1)
    }


def label_of(config, table: str | None, by: list[str]) -> str:
    """The name of a row: the model as the thesis calls it, the way of unlearning, and the values of the keys `by`."""
    label = LABELS.get(config.model.name, config.model.name)
    if label == "ENMF" and table and table.startswith("3"):
        label += SUFFIX[config.loss.batch]
    method = METHODS[OmegaConf.select(config, "unlearning.name") or "none"]
    return " ".join([label, *filter(None, [method]), *(str(OmegaConf.select(config, key)) for key in by)])


def settings_of(config) -> str:
    kept = {k: v for k, v in OmegaConf.to_container(config).items() if k not in NOT_SETTINGS}
    kept["trainer"] = {k: v for k, v in kept["trainer"].items() if k not in NOT_TRAINING}
    kept["data"] = config.data.name
    return json.dumps(kept, sort_keys=True)


if __name__ == "__main__":
    main()
