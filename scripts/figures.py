"""Lines from finished runs, as CSV and, where matplotlib is installed, as a plot.

    python scripts/figures.py epochs --metric HR@100 --out results/figures/figure_4_8_beibei runs/figure_4_8
    python scripts/figures.py activity --metric HR@100 --bounds 8 12 16 20 --out results/figures/figure_4_9_beibei runs/t411b
    python scripts/figures.py settings --metric HR@100 --by loss.negative_weight --out results/figures/c0 runs/c0
    python scripts/figures.py grid --metric HR@100 --by model.task_weights.cart --rows model.task_weights.view --out ...

epochs: what the runs measured while they trained (trainer.eval_every). activity: users grouped by their number of
training pairs of the target behaviour. settings: the final result against one setting. grid: a heat map of the final
result over two settings. Lines are named by model, and runs that differ in the seed only are averaged.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from data_prep.ids import places
from recsys_cli.evaluation.summary import load_per_user
from recsys_cli.runs.directory import state_folder
from recsys_cli.runs.finished import Finished, finished
from recsys_cli.runs.metrics_log import METRICS, read_epochs
from scripts.tabulate import label_of

Points = dict[str, dict[str, list[float]]]  # line -> place on the axis -> a value per seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=tuple(READERS))
    parser.add_argument("folders", nargs="+", type=Path, help="folders of run directories")
    parser.add_argument("--metric", required=True)
    parser.add_argument(
        "--bounds", nargs="*", type=int, default=[], help="highest number of pairs of each group but the last"
    )
    parser.add_argument("--by", help="the setting on the axis")
    parser.add_argument("--rows", help="the setting of the other axis of a grid")
    parser.add_argument(
        "--per-line", nargs="*", default=[], metavar="KEY", help="settings whose values go into the names"
    )
    parser.add_argument("--out", type=Path, required=True, help="path without ending")
    args = parser.parse_args()
    if (args.kind in ("settings", "grid") and not args.by) or (args.kind == "grid" and not args.rows):
        parser.error(f"{args.kind} needs --by KEY" + " and --rows KEY" * (args.kind == "grid"))
    points: Points = defaultdict(lambda: defaultdict(list))
    for run in finished(args.folders):
        config = run.config
        name = (
            str(OmegaConf.select(config, args.rows)) if args.kind == "grid" else label_of(config, None, args.per_line)
        )
        line = points[name]
        for place, value in READERS[args.kind](run, config, args):
            line[place].append(value)
    axis = {"epochs": "epoch", "activity": "training pairs of the user"}.get(args.kind, args.by)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with open(args.out.with_suffix(".csv"), "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([args.rows or "line", axis, args.metric, "runs"])
        writer.writerows(
            [line, place, f"{np.mean(values):.5f}", len(values)]
            for line, found in points.items()
            for place, values in found.items()
        )
    draw(points, axis, args.metric, args.rows, args.out.with_suffix(".png"))


def over_epochs(run: Finished, config, args):
    for entry in read_epochs(run.path / METRICS):
        if args.metric in entry:
            yield str(entry["epoch"]), entry[args.metric]


def over_activity(run: Finished, config, args):
    from recsys_cli.runs.dataset import dataset_of

    raw, metrics = load_per_user((state_folder(run.path) or run.path) / "test_per_user.npz")
    values = metrics[args.metric]
    dataset = dataset_of(config, run.record["data_hash"])
    users = places(raw, dataset.user_ids)
    if (users < 0).any():
        sys.exit(f"{run.path}: test_per_user.npz names users that its data do not have: evaluate or train it again")
    counts = dataset.target_train.row_lengths[users]
    group = np.searchsorted(args.bounds, counts)
    bounds = [0, *args.bounds]
    names = [f"{low + 1}-{high}" for low, high in zip(bounds, bounds[1:])] + [f">{bounds[-1]}"]
    for number, name in enumerate(names):
        if (group == number).any():
            yield f"{name} ({np.count_nonzero(group == number):,} users)", float(values[group == number].mean())


def over_settings(run: Finished, config, args):
    yield str(OmegaConf.select(config, args.by)), run.result["metrics"][args.metric]["mean"]


READERS = {"epochs": over_epochs, "activity": over_activity, "settings": over_settings, "grid": over_settings}


def draw(points: Points, axis: str, metric: str, rows: str | None, path: Path) -> None:
    """Lines, or where `rows` names what tells them apart, a heat map."""
    try:
        import matplotlib
    except ImportError:
        print(f"matplotlib is not installed: no {path}")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.6, 4.2))
    if rows:
        draw_grid(points, axes, figure, metric)
    else:
        draw_lines(points, axes)
        axes.grid(True, alpha=0.3)
        axes.legend(**({"loc": "center left", "bbox_to_anchor": (1, 0.5)} if len(points) > 5 else {}))
    axes.set(xlabel=axis, ylabel=rows or metric)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def draw_lines(points: Points, axes) -> None:
    """The highest line first, as a reader meets them."""
    last = {line: np.mean(list(found.values())[-1]) for line, found in points.items()}
    for number, line in enumerate(sorted(points, key=last.get, reverse=True)):
        found = points[line]
        places = [float(place) if is_number(place) else place.replace(" (", "\n(") for place in found]
        order = np.argsort(places) if all(map(is_number, found)) else range(len(places))
        axes.plot(
            [places[n] for n in order],
            [np.mean(list(found.values())[n]) for n in order],
            marker="o",
            label=line,
            color=f"C{number}",
            linestyle="-" if number < 10 else "--",
        )


def draw_grid(points: Points, axes, figure, metric: str) -> None:
    lines = sorted(points, key=float)
    places = sorted({place for found in points.values() for place in found}, key=float)
    cells = np.array([[np.mean(points[line].get(place, [np.nan])) for place in places] for line in lines])
    image = axes.imshow(cells, origin="lower", aspect="auto")
    axes.set_xticks(range(len(places)), places)
    axes.set_yticks(range(len(lines)), lines)
    for (row, column), value in np.ndenumerate(cells):
        if not np.isnan(value):
            axes.text(
                column,
                row,
                f"{value:.3f}",
                ha="center",
                va="center",
                color="white" if value < np.nanmean(cells) else "black",
            )
    figure.colorbar(image, label=metric)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    main()
