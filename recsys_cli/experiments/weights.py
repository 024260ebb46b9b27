"""Thesis table 4.7: what five users of a trained model learn from. The users of the thesis are not known."""

from __future__ import annotations

import csv
from pathlib import Path

from recsys_cli.experiments.document import Document, Part, Table, sentence
from recsys_cli.experiments.followups import attention_file
from recsys_cli.experiments.ledger import Ledger
from recsys_cli.experiments.made import Made
from recsys_cli.experiments.parts import data_part, deviations_part, missing_part
from recsys_cli.experiments.plan import Plan
from recsys_cli.experiments.published import Published

CASES = 5
COLUMNS = {"items": "train_user_item_interactions", "friends": "train_user_user_links"}  # ours -> published


def weights(plan: Plan, numbers: Published, ledger: Ledger) -> Made:
    experiment, parts, lines = plan.experiment, [], []
    metrics = experiment.settings.metrics
    printed: dict[str, dict[str, str]] = {}
    for number in numbers.numbers:
        printed.setdefault(number.model, {})[number.metric] = f"{number.value:g}"
    for job in plan.jobs:
        if job.found and attention_file(job).is_file():
            cases = _cases(attention_file(job))
            rows = [
                [f"case {n}", user["user"], *(user.get(m, "-") for m in metrics)] for n, user in enumerate(cases, 1)
            ]
            parts.append(Part(job.source.title, [Table(["case", "user", *metrics], rows, RULE)]))
            lines += [
                {
                    "data": job.source.title,
                    "row": f"case {n}",
                    "user": user["user"],
                    "metric": m,
                    "ours": user.get(m, ""),
                }
                for n, user in enumerate(cases, 1)
                for m in metrics
            ]
    rows = [[case, *(values.get(m, "-") for m in metrics)] for case, values in printed.items()]
    parts.append(Part("Published", [Table(["case", *metrics], rows)] if rows else []))
    parts += [data_part(plan), deviations_part(experiment, ledger), missing_part(plan)]
    title = f"Table {experiment.name}: {experiment.settings.title}"
    document = Document(title, sentence(experiment.settings.protocol), [part for part in parts if part.blocks])
    return Made(document, lines)


RULE = "Of the users with friends, those with the fewest and the most items, and at the quartiles between."


def _cases(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as stream:
        users = [row for row in csv.DictReader(stream) if int(row.get("friends") or 0)]
    users.sort(key=lambda row: (int(row["items"]), row["user"]))
    places = [round(n * (len(users) - 1) / (CASES - 1)) for n in range(CASES)] if users else []
    return [{COLUMNS.get(k, k): _short(v) for k, v in users[place].items()} for place in places]


def _short(value: str) -> str:
    return f"{float(value):.4f}" if "." in value else value
