"""An audit in words, as numbers for programs, and person by person."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from recsys_cli.audits.attack import LEVEL, People, Power
from recsys_cli.audits.canaries import Canaries
from recsys_cli.audits.verdict import Audit, shown
from recsys_cli.text import format_table


def as_lines(found: Audit) -> list[str]:
    rows = [
        ["the run", shown(found.target.auc), shown(found.target.caught), _share(found.persons)],
        ["control: did not forget", shown(found.control.auc), shown(found.control.caught), _share(found.of_control)],
        ["references, by one another", shown(found.references.auc), shown(found.references.caught), ""],
        ["floor: never saw them", ", ".join(f"{auc:.4f}" for auc in found.floor), "", ""],
    ]
    header = ["model", "membership AUC", "true positives at 1 % false", "persons known"]
    return [format_table(header, rows), f"audit {found.outcome}: {found.sentence}"]


def facts_of(found: Audit, canaries: Canaries) -> dict[str, Any]:
    """Of all numbers but those of single persons."""
    return {
        "outcome": found.outcome,
        "sentence": found.sentence,
        "pairs": int(canaries.asked.sum()),
        "other_pairs": int((~canaries.asked).sum()),
        "in_training_data": canaries.present,
        "not_in_the_run": canaries.gone,
        "target": _power(found.target),
        "control": _power(found.control),
        "references": _power(found.references),
        "floor_auc": found.floor,
        "floor_bound": found.bound,
        "persons": _persons(found.persons),
        "persons_of_control": _persons(found.of_control),
    }


def people_csv(found: Audit, user_ids: np.ndarray) -> bytes:
    """The persons most likely to be known come first. known: corrected p below 5 %."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["user", "pairs", "log_likelihood_ratio", "p", "p_corrected", "known", "known_to_control"])
    persons, control = found.persons, found.of_control
    for n in np.argsort(persons.p, kind="stable"):
        writer.writerow(
            [
                user_ids[persons.users[n]],
                persons.pairs[n],
                f"{persons.ratio[n]:.4f}",
                f"{persons.p[n]:.3g}",
                f"{persons.corrected[n]:.3g}",
                bool(persons.known[n]),
                bool(control.known[n]),
            ]
        )
    return stream.getvalue().encode()


def _power(of: Power) -> dict[str, list[float]]:
    return {"auc": list(of.auc), "true_positives_at_1_percent": list(of.caught)}


def _persons(of: People) -> dict[str, float]:
    return {"tested": len(of.users), "known": int(of.known.sum()), "level": LEVEL}


def _share(of: People) -> str:
    return f"{int(of.known.sum())} of {len(of.users)}"
