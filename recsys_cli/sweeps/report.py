"""What a sweep found: tables for the terminal and for a file, and a page with bounds, rule, importances and all trials."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from data_prep.files import write_file
from recsys_cli.sweeps.search import Search
from recsys_cli.sweeps.study import EPOCH, ERROR, RUN, number_of
from recsys_cli.text import format_table

SHOWN = 10  # trials in the terminal
STATES = {"COMPLETE": "complete", "PRUNED": "given up", "FAIL": "failed", "RUNNING": "open"}
BEST_OF = {"random": "drawn at random", "tpe": "chosen by TPE (Optuna)", "grid": "every combination"}


def best_trial(search: Search, trials: Sequence[Any]) -> Any | None:
    """Of those that are complete, the first of equals."""
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    return (min if search.lower else max)(complete, key=lambda t: t.value, default=None)


def in_order(search: Search, trials: Sequence[Any]) -> list[Any]:
    """The best first, then what was given up, failed or is open."""
    places = list(STATES)
    sign = 1 if search.lower else -1
    return sorted(trials, key=lambda t: (places.index(t.state.name), sign * (t.value or 0.0), number_of(t)))


def rule(search: Search) -> str:
    """How the trials were chosen and judged, in words."""
    s = search.settings
    how = BEST_OF[s.method] + (f" after {s.startup} random ones" if s.method == "tpe" else "")
    pruning = (
        f"given up below the median of at least {s.prune_after} complete trials, from {s.prune_from:.0%} of the epochs on"
        if s.prune
        else "none is given up"
    )
    return (
        f"{search.wanted} trials, {how}, seed {search.seed}; {search.metric} of the validation part "
        f"(data.validation={search.config.data.validation}) at the best epoch of at most {search.config.trainer.epochs}; "
        f"{pruning}"
    )


def table(search: Search, trials: Sequence[Any]) -> str:
    keys = [dimension.key for dimension in search.space]
    rows = [_row(search, trial, keys) for trial in in_order(search, trials)]
    lines = [
        f"{search.model}: {rule(search)}",
        format_table(["trial", "state", search.metric, "epoch", *keys], rows[:SHOWN]),
    ]
    if len(rows) > SHOWN:
        lines.append(f"{len(rows) - SHOWN} more in trials.csv")
    failed = [trial for trial in trials if trial.state.name == "FAIL"]
    lines += [f"trial {number_of(trial)} failed: {trial.user_attrs.get(ERROR)}" for trial in failed]
    lines += ["failed trials are trained again with retry=true"] if failed else []
    return "\n".join(lines)


def _row(search: Search, trial: Any, keys: Sequence[str]) -> list[str]:
    values = [f"{v:.4g}" if isinstance(v := trial.params.get(key), float) else str(v) for key in keys]
    value = f"{trial.value:.4f}" if trial.state.name == "COMPLETE" else "-"
    return [str(number_of(trial)), STATES[trial.state.name], value, str(trial.user_attrs.get(EPOCH, "-")), *values]


def write_trials(searches: Sequence[Search], trials: Sequence[Sequence[Any]]) -> None:
    """trials.csv: all of them, in the order of their numbers; the same bytes however often the sweep was stopped."""
    keys = sorted({dimension.key for search in searches for dimension in search.space})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["model", "trial", "state", "metric", "value", "epoch", *keys, "run", "error"])
    for search, found in zip(searches, trials):
        for t in found:
            about = [search.model, number_of(t), STATES[t.state.name], search.metric, t.value, t.user_attrs.get(EPOCH)]
            values = [t.params.get(key) for key in keys]
            writer.writerow([*about, *values, f"runs/{t.user_attrs[RUN]}", t.user_attrs.get(ERROR)])
    write_file(searches[0].folder / "trials.csv", text.getvalue().encode())


def importances(search: Search, trials: Sequence[Any]) -> dict[str, float]:
    """Share of each key in the spread of the values, by Optuna (PED-ANOVA); {} where there is too little to tell."""
    import optuna

    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len(complete) < 4 or len(search.space) < 2 or len({trial.value for trial in complete}) < 2:
        return {}
    study = optuna.create_study(direction="minimize" if search.lower else "maximize")
    study.add_trials(complete)
    try:
        found = optuna.importance.get_param_importances(
            study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
        )
    except (ValueError, RuntimeError):
        return {}
    return dict(found)


def write_page(searches: Sequence[Search], trials: Sequence[Sequence[Any]], used: Sequence[str]) -> None:
    """report.html. used: the command that takes the tuned file of each model, or ''."""
    from recsys_cli.pages.page import page, paragraph, section, table

    rows = []
    for search, found in zip(searches, trials):
        best = best_trial(search, found)
        value = f"{best.value:.4f}" if best else "-"
        counts = [sum(t.state.name == state for t in found) for state in ("COMPLETE", "PRUNED", "FAIL")]
        settings = ", ".join(f"{k}={v}" for k, v in (best.params if best else {}).items())
        rows.append([search.model, value, settings, *counts])
    data, metric = searches[0].config.data.name, searches[0].metric
    head = ["model", f"best {metric}", "settings", "complete", "given up", "failed"]
    blocks = [
        paragraph("Chosen by validation alone: no trial had a test part."),
        section("Best of each model", table(head, rows, texts=[2])),
        *(_section(search, found, words) for search, found, words in zip(searches, trials, used)),
    ]
    title = f"Sweep of {', '.join(s.model for s in searches)} on {data}"
    write_file(searches[0].folder / "report.html", page(title, *blocks).encode())


def _section(search: Search, trials: Sequence[Any], used: str):
    from recsys_cli.pages import figures
    from recsys_cli.pages.page import bullets, code, figure, paragraph, section, table

    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    keys = [dimension.key for dimension in search.space]
    blocks = [paragraph(rule(search), "."), paragraph("Bounds: "), bullets(code(d) for d in search.space)]
    if used:
        blocks.append(paragraph("The best of them: ", code(used)))
    if weights := importances(search, trials):
        drawn = figures.bars(
            [figures.Series("importance", list(weights), list(weights.values()))],
            "setting",
            "importance",
            horizontal=True,
        )
        blocks.append(figure(drawn, "Share of each setting in the spread between trials (PED-ANOVA)."))
    if len(complete) > 1:
        settings = {key: [trial.params[key] for trial in complete] for key in keys}
        drawn = figures.parallel(settings, [trial.value for trial in complete], search.metric, lower=search.lower)
        blocks.append(figure(drawn, "Every complete trial; the best one stands out."))
    rows = [_row(search, trial, keys) for trial in in_order(search, trials)]
    blocks.append(table(["trial", "state", search.metric, "epoch", *keys], rows, texts=[1]))
    return section(search.model, *blocks)
