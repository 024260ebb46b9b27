"""One run as one HTML page."""

from __future__ import annotations

from typing import Any

import yaml

from data_prep.settings import shown
from recsys_cli.pages.figures import Series, lines
from recsys_cli.pages.html import Html
from recsys_cli.pages.page import (
    Cell,
    bullets,
    code,
    details,
    facts,
    figure,
    figures,
    heading,
    listing,
    page,
    paragraph,
    section,
    table,
)
from recsys_cli.reports.curves import NOT_METRICS, epochs_of
from recsys_cli.reports.data_card import data_card
from recsys_cli.reports.defaults import command, differences, shell
from recsys_cli.reports.deviations import about_model
from recsys_cli.reports.run_facts import RunFacts, distinct
from recsys_cli.reports.run_groups import beyond_accuracy, by_items, by_users
from recsys_cli.statistics.spread import PERCENTILES, percentiles
from recsys_cli.text import duration

TOLD = {"status": "status", "started": "started", "finished": "finished", "epoch": "epoch that is scored"}
MOST_CURVES = 4


def run_page(found: RunFacts, made_by: str) -> str:
    """made_by: the command."""
    config = found.run.config
    return page(
        f"{config.model.name} on {config.data.name}",
        section("Result", *_result(found)),
        *_while_training(found),
        *_section("Users", by_users(found)),
        *_section("Items", by_items(found)),
        *_section("Beyond accuracy", beyond_accuracy(found)),
        section("Settings", *_settings(found)),
        section("Time, memory, environment", *_cost(found)),
        *_section("Model", _model(found)),
        *_section("Data", data_card(found.manifest) if found.manifest else []),
        section("Make it again", listing(shell(command(found.settings)))),
        about=f"run {found.run.path.name}, seed {config.seed}",
        footer=paragraph("Made by ", code(made_by)),
    )


def _section(title: str, blocks: list[Html]) -> list[Html]:
    return [section(title, *blocks)] if blocks else []


def _result(found: RunFacts) -> list[Html]:
    result = found.run.result
    protocol = result.get("protocol", {})
    rows = []
    for name, value in found.metrics.items():
        low, high = value.get("low"), value.get("high")
        interval = "" if low is None or high is None else f"{low:.4f} to {high:.4f}"
        rows.append([name, Cell(f"{value['mean']:.4f}"), interval])
    blocks = [
        paragraph(
            f"{result.get('users', 0):,} users with {result.get('pairs', 0):,} held-out pairs of {result.get('split')}; "
            + "; ".join(f"{k} {shown(v)}" for k, v in protocol.items())
            + "."
        ),
        table(["metric", "mean", "95 % interval over users"], rows),
    ]
    if protocol.get("select") == "best_test_epoch":
        blocks.insert(
            0, paragraph("The epoch was chosen on the test part: these numbers are optimistic.", mark="warning")
        )
    if best := found.run.record.get("best_validation"):
        blocks.append(paragraph(f"Best on validation: {best['metric']} {best['value']:.4f} in epoch {best['epoch']}."))
    if told := {name: found.per_user[name] for name in distinct(found.per_user)}:
        spread = [[k, *(f"{v:.4f}" for v in percentiles(values))] for k, values in told.items()]
        blocks += [heading("Over users"), table(["percentile of users", *(f"{p} %" for p in PERCENTILES)], spread)]
    return [*blocks, bullets(found.missing)]


def _while_training(found: RunFacts) -> list[Html]:
    log = epochs_of(found.run.path)
    if len(log) < 2:
        return []
    names = list(dict.fromkeys(k for entry in log for k in entry if k not in ("epoch", "seconds")))
    drawn = []
    for name in sorted(names, key=lambda n: (n not in NOT_METRICS, not n.startswith("NDCG")))[:MOST_CURVES]:
        there = [entry for entry in log if name in entry]
        label = "loss" if name in NOT_METRICS else name
        drawn.append(
            figure(lines([Series(label, [e["epoch"] for e in there], [e[name] for e in there])], "epoch", label))
        )
    return [section("While training", figures(*drawn), paragraph("Metrics: on the validation part.", mark="soft"))]


def _settings(found: RunFacts) -> list[Html]:
    rows = [
        [d.key, shown(d.value), "" if d.default is None else shown(d.default), "tuned" if d.tuned else ""]
        for d in differences(found.settings)
    ]
    title = "What differs from the defaults of the choices; tuned: a value of configs/tuned."
    return [
        table(["setting", "here", "default", ""], rows, title, texts=[1, 2, 3]),
        details("all settings", listing(yaml.safe_dump(found.settings, sort_keys=False, allow_unicode=True))),
    ]


def _cost(found: RunFacts) -> list[Html]:
    record = found.run.record
    told: dict[str, Any] = {name: record[key] for key, name in TOLD.items() if record.get(key) is not None}
    if (seconds := record.get("training_seconds")) is not None:
        told["training"] = f"{duration(seconds)} ({seconds:,.1f} s)"
    if (each := record.get("seconds_per_epoch")) is not None:
        told["an epoch (median)"] = f"{each:.4f} s"
    if (last := record.get("evaluation_seconds")) is not None:
        told["evaluation"] = f"{last:.3f} s"
    if (peak := record.get("peak_memory_mb")) is not None:
        told["peak memory"] = f"{peak:,.0f} MB"
    if found.parameters:
        told["parameters"] = f"{found.parameters:,}"
    told |= {k: record[k] for k in ("config_hash", "data_hash", "resumed_with_other") if record.get(k)}
    return [facts(told), heading("Environment"), facts(record.get("environment", {}))]


def _model(found: RunFacts) -> list[Html]:
    about = about_model(str(found.run.config.model.get("_target_", "")))
    if about is None:
        return []
    deviations = [heading("Deviations from thesis and authors' code"), bullets(about.deviations)]
    return [listing(about.text), *(deviations if about.deviations else [])]
