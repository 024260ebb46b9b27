"""What an audit found, and whether it can be believed: the test has to see a model that did not forget."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from recsys_cli.audits.attack import People, Power, auc_of, people, power, ratios
from recsys_cli.audits.canaries import Canaries
from recsys_cli.audits.trainings import Said
from recsys_cli.evaluation.summary import Interval
from recsys_cli.statistics.distributions import t_quantile

PASSED, FAILED, BLIND = "passed", "FAILED", "WITHOUT POWER"


class Audit(NamedTuple):
    """target, control: pairs to be forgotten against pairs that never were. references: how well the test tells what each
    reference was trained on, by the others. floor: the AUCs of models that never saw the pairs; bound: what another such
    model stays below (97.5 %). persons: of the run; of_control: of the model that did not forget."""

    outcome: str
    sentence: str
    target: Power
    control: Power
    references: Power
    floor: list[float]
    bound: float
    persons: People
    of_control: People


def judge(canaries: Canaries, said: Said, n_items: int, seed: int) -> Audit:
    users, asked = canaries.keys // n_items, canaries.asked

    def values(scores: np.ndarray) -> np.ndarray:
        return ratios(scores, said.references, said.known)

    target, control = (power(values(scores), asked, users, seed) for scores in (said.target, said.control))
    never = np.stack([values(scores) for scores in said.floor])
    floor = [auc_of(row, asked) for row in never]
    persons, of_control = (
        people(values(scores)[asked], never[:, asked], users[asked]) for scores in (said.target, said.control)
    )
    bound = floor_bound(floor)
    found = Audit("", "", target, control, _told_apart(said, users, seed), floor, bound, persons, of_control)
    outcome, sentence = _verdict(found, canaries)
    return found._replace(outcome=outcome, sentence=sentence)


def floor_bound(aucs: list[float]) -> float:
    """What one more model like these stays below, by Student's t for a new observation; not below chance."""
    m = len(aucs)
    reach = t_quantile(m - 1) * math.sqrt(1 + 1 / m) * float(np.std(aucs, ddof=1))
    return max(0.5, float(np.mean(aucs)) + reach)


def _told_apart(said: Said, users: np.ndarray, seed: int) -> Power:
    """Each reference by the others, over all pairs of all of them."""
    found = []
    for j in range(len(said.references)):
        others = np.arange(len(said.references)) != j
        found.append(ratios(said.references[j], said.references[others], said.known[others]))
    return power(np.concatenate(found), said.known.ravel(), np.tile(users, len(found)), seed)


def _verdict(found: Audit, canaries: Canaries) -> tuple[str, str]:
    seen = f"the model that did not forget has {shown(found.control.auc)}"
    limit = f"models that never saw the pairs stay below {found.bound:.4f}"
    if canaries.present:
        return FAILED, f"{canaries.present:,} of the pairs are in the training data of the run: nothing was forgotten"
    if found.control.auc.low <= found.bound:
        return BLIND, (
            f"the positive control did not fire: {seen}, and {limit}. This audit says nothing of the run: test more pairs, "
            "or take more models and retrainings"
        )
    if found.target.auc.low > found.bound:
        return FAILED, f"the run still knows the pairs: AUC {shown(found.target.auc)}, while {limit}"
    return PASSED, f"AUC {shown(found.target.auc)}; {limit}, and {seen}"


def shown(interval: Interval) -> str:
    return f"{interval.mean:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
