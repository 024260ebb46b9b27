"""What a person is told: the cost beforehand, what was done, and what else still holds the rows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import write_file
from recsys_cli.runs.environment import code_hash
from recsys_cli.text import format_table
from recsys_cli.unlearning.cost import Way
from recsys_cli.unlearning.forget import Outcome, Plan
from recsys_cli.unlearning.forget_file import Content
from recsys_cli.unlearning.matching import Match
from recsys_cli.unlearning.search import prepared_with
from recsys_cli.unlearning.state import declaration


def plan_lines(plan: Plan, n_requests: int, n_shards: int, retraining: float | None, match: Match | None) -> list[str]:
    seconds = f"{plan.shard_seconds:.1f} s for the shards, {plan.aggregation_seconds:.1f} s for the aggregation"
    lines = [
        f"{n_requests} pending request{'s' * (n_requests != 1)}: {int(plan.removed.sum()):,} training pairs, "
        f"{plan.held_out:,} held-out pairs"
    ]
    if not plan.whole:
        lines += [
            f"they touch {len(plan.touched)} of {n_shards} shards ({_numbers(plan.touched)})",
            f"about {seconds}, by the record of the run, and the start of the program",
        ]
    if retraining is not None:
        lines.append(f"audit=true adds a full retraining of all shards: about {retraining:.1f} s, by the same record")
    return [*matched_lines(match), *lines]


def way_lines(ways: Sequence[Way]) -> list[str]:
    """ways: exact ones, the cheapest first."""
    return [f"the cheapest exact way: {ways[0]}", *(f"    {way}" for way in ways[1:])]


def plan_facts(plan: Plan, retraining: float | None) -> dict[str, Any]:
    """The same for programs; seconds are estimates."""
    return {
        "training_pairs": int(plan.removed.sum()),
        "held_out_pairs": plan.held_out,
        "shards_to_train": plan.touched,
        "shard_seconds": plan.shard_seconds,
        "aggregation_seconds": plan.aggregation_seconds,
        "audit_seconds": retraining,
    }


def matched_lines(match: Match | None) -> list[str]:
    """What of the file is in the data; the last word on rows that are passed over."""
    if match is None:
        return []
    lines = [f"matched: {len(match.matched):,} of the {match.n_rows:,} {match.kind} in the file"]
    if match.unmatched:
        lines.append(f"NOT matched and passed over (missing=ignore): {match.sentence()}")
    return lines


def asked_facts(match: Match | None) -> dict[str, Any]:
    """The same for programs."""
    if match is None:
        return {}
    counts = {"rows": match.n_rows, "matched": len(match.matched), "unmatched": len(match.unmatched)}
    return {"asked": {"kind": match.kind, **counts, "unmatched_rows": match.hints}}


def means_of(generation: Path) -> dict[str, float]:
    """Metrics of a state; none where its test.json is damaged, which must not keep anybody from forgetting."""
    try:
        metrics = json.loads((generation / "test.json").read_text())["metrics"]
        return {name: value["mean"] for name, value in metrics.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def facts_of(plan: Plan, outcome: Outcome, before: Mapping[str, float], n_shards: int) -> dict[str, Any]:
    """before: metrics of the state before. All numbers of the report, for programs."""
    built, ledger = outcome.built, outcome.ledger
    return {
        "way": ("training" if built.trained else "counts") if plan.whole else "shards",
        "generation": ledger["generation"],
        "training_pairs": int(plan.removed.sum()),
        "held_out_pairs": plan.held_out,
        "shards": n_shards,
        "shards_trained": built.trained,
        "shard_seconds": round(built.shard_seconds, 2),
        "aggregation_seconds": round(built.aggregation_seconds, 2),
        "shards_of_another_version": sum(s["code"] != code_hash() for s in ledger["shards"]),
        "partition": declaration(ledger["partition"], ledger["generation"]),
        "metrics_before": dict(before),
        "metrics_after": built.result.means,
    }


def done_lines(facts: Mapping[str, Any]) -> list[str]:
    trained, older = facts["shards_trained"], facts["shards_of_another_version"]
    done = {
        "counts": "the rows were taken out of the counts of the model, exactly, and it was solved from them",
        "training": "the model was trained again",
        "shards": f"shards trained again: {len(trained)} of {facts['shards']} ({_numbers(trained)})",
    }[facts["way"]]
    aggregation = f"; aggregation in {facts['aggregation_seconds']:.1f} s" if facts["way"] == "shards" else ""
    lines = [
        f"forgotten: {facts['training_pairs']:,} training pairs and {facts['held_out_pairs']:,} held-out pairs",
        f"{done} in {facts['shard_seconds']:.{1 if trained else 2}f} s{aggregation}",
        facts["partition"],
    ]
    if older and facts["way"] == "shards":
        lines.append(
            f"{older} untouched shards were trained by another version of this "
            "program: training everything from scratch may differ from them"
        )
    return lines


def metrics_lines(facts: Mapping[str, Any]) -> str:
    """Before, after and, where they were made, full retraining and the difference to it."""
    header, rows = ["test", "before", "after"], []
    if "retrained" in facts:
        header += ["retrained", "after - retrained"]
    for name, after in facts["metrics_after"].items():
        row = [name, f"{facts['metrics_before'].get(name, float('nan')):.4f}", f"{after:.4f}"]
        if "retrained" in facts:
            other = facts["retrained"]
            mean, low, high = other["difference"].get(name, (after - other["metrics"][name],) * 3)
            row += [f"{other['metrics'][name]:.4f}", f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"]
        rows.append(row)
    return format_table(header, rows)


def elsewhere(config, asked: Sequence[Content], file: str | None) -> list[str]:
    """What may hold the rows outside of the run, and is the user's to delete: raw files and vectors of the run, and
    prepared data sets that do hold them, or that cannot be read; and the file that asked for it.

    asked: what was to be forgotten. file: its path, if there was one.
    """
    from data_prep.options import cache_directory, read_options
    from data_prep.sources import raw_status

    options = read_options(config.data)
    try:
        places = [str(path) for _, path, _ in raw_status(config.data) if path]
    except UserError:  # they are gone
        places = []
    places += map(str, prepared_with(cache_directory(options) / "prepared", options["name"], asked))
    vectors = config.unlearning.partition_vectors
    return places + ([vectors] if vectors not in ("trained", "random") else []) + ([file] if file else [])


def check_report(path: str | Path) -> None:
    """Before anything is done, whether the report can be written afterwards."""
    path = Path(path)
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise UserError(
            f"report={path} cannot be written, nothing changed: name a file in a folder that exists and "
            "that you may write to."
        )


def write_report(path: str | Path, facts: Mapping[str, Any]) -> None:
    write_file(Path(path), (json.dumps(facts, indent=1, default=float) + "\n").encode())


def _numbers(shards: list[int]) -> str:
    shown = ", ".join(map(str, shards[:12]))
    return (shown + ", ..." if len(shards) > 12 else shown) or "none"
