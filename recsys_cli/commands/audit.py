"""`recsys unlearn audit`: whether a run still knows pairs, by reference models, with a control that has to be seen."""

from __future__ import annotations

import json
from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.kinds import Kind
from data_prep.settings import MANDATORY, Settings, field

EVEN = Kind("an even integer >= 4", lambda v: type(v) is int and v >= 4 and v % 2 == 0)


@dataclass(frozen=True)
class AuditSettings(Settings):
    run: str = field(MANDATORY, "a run trained with unlearning=...; it stays as it is")
    forget: str = field(MANDATORY, "the CSV file of what was to be forgotten: user,item (pairs), user or item")
    models: int = field(8, "reference models; each tested pair is in the training data of half of them", kind=EVEN)
    retrainings: int = field(3, "models that never saw the pairs, with other seeds: the noise floor", low=2)
    pairs: int = field(1000, "that are tested, at most, beside as many that never were", low=10)
    plan: bool = field(False, "say what it would cost, and train nothing")
    seed: int = field(0, "of what is drawn", low=0)
    out: str = field("audit", "the folder of the results, in which the same command goes on after a kill")


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    import hashlib
    from pathlib import Path

    from data_prep.files import write_file
    from recsys_cli.audits.canaries import choose
    from recsys_cli.audits.trainings import interrogate
    from recsys_cli.audits.verdict import PASSED, judge
    from recsys_cli.audits.written import as_lines, facts_of, people_csv
    from recsys_cli.training.fit import Stopped
    from recsys_cli.unlearning.copies import read_for_audit
    from recsys_cli.unlearning.forget_file import read_rows

    run = read_for_audit(Path(config.run).expanduser())
    content = read_rows(config.forget)
    canaries = choose(run.rows.dataset, content, config.pairs, config.seed)
    trainings = config.models + 1 + config.retrainings
    n = int(canaries.asked.sum())
    print(
        f"{n:,} pairs are tested beside {len(canaries.keys) - n:,} that never were"
        + (f"; {canaries.gone:,} rows are of users or items that the run does not have" if canaries.gone else "")
        + f"\n{trainings} trainings as that of the run, about {trainings * run.seconds:.0f} s by its record",
        flush=True,
    )
    if config.plan:
        return 0
    folder = Path(config.out).expanduser()
    facts = {key: config[key] for key in ("models", "retrainings", "pairs", "seed")}
    facts |= {"runs": {str(Path(config.run).expanduser().resolve()): run.identity}}
    facts |= {"tested": hashlib.sha256(canaries.keys.tobytes()).hexdigest()}
    _claim(folder, facts)
    own = run.config
    own.trainer.progress = False
    try:
        said = interrogate(
            folder, own, run.rows, run.scorer, canaries, config.models, config.retrainings, config.seed, print
        )
    except Stopped as stopped:
        print(f"stopped by {stopped}: the same command goes on")
        return 128 + stopped.signum
    found = judge(canaries, said, run.rows.dataset.n_items, config.seed)
    write_file(folder / "audit.json", (json.dumps(facts_of(found, canaries), indent=1) + "\n").encode())
    write_file(folder / "people.csv", people_csv(found, run.rows.dataset.user_ids))
    print("\n".join(as_lines(found)))
    print(f"in {folder}: audit.json, people.csv")
    return 0 if found.outcome == PASSED else 1


def _claim(folder, facts) -> None:
    """The folder is of this audit, and goes on with it; another one is refused."""
    from data_prep.files import write_file

    file = folder / "asked.json"
    if file.exists():
        if json.loads(file.read_text()) != facts:
            raise UserError(f"out={folder} holds another audit: choose another out, or remove it.")
    elif folder.exists() and any(folder.iterdir()):
        raise UserError(f"out={folder} exists, and is no folder of an audit: choose another out.")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(file, (json.dumps(facts, indent=1) + "\n").encode())
