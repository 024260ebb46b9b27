"""A script that makes a result again and says whether it came out as claimed."""

from __future__ import annotations

import json
import shlex
from typing import Any

from recsys_cli.reports.defaults import command, shell
from recsys_cli.reports.run_facts import RunFacts
from recsys_cli.text import duration

TOLERANCE = 0.03  # relative; on the same machine and versions the bytes are the same
SPLITS = ("test", "validation")
CHECK = """\
import json, sys
claimed = json.loads(sys.argv[1])
found = json.load(open(sys.argv[2]))["metrics"]
wrong = 0
for name, value in claimed.items():
    here = found[name]["mean"]
    far = abs(here - value) > {tolerance} * abs(value)
    wrong += far
    print(f"{{name:<14}} claimed {{value:.4f}}  here {{here:.4f}}  {{'NOT within' if far else 'within'}} {tolerance:.0%}")
sys.exit(bool(wrong))
"""


def script(found: RunFacts) -> str:
    """For bash. Exit code 0: every metric is within the tolerance."""
    run, metrics = found.run, {name: value["mean"] for name, value in found.metrics.items()}
    record: dict[str, Any] = run.record
    model, data, split = one_line(run.config.model.name), one_line(run.config.data.name), run.result.get("split")
    lines = [
        "#!/usr/bin/env bash",
        f"# {model} on {data}, seed {int(run.config.seed)}:",
        *(f"#   {one_line(name)} {value:.4f}" for name, value in metrics.items()),
        f"# Tolerance {TOLERANCE:.0%} of each value: other processors and versions round otherwise. On the machine and",
        "# with the versions of record.json the result has the same bytes.",
        f"# Time there: {duration(record.get('training_seconds', 0) + record.get('evaluation_seconds', 0))} with "
        f"{record.get('environment', {}).get('cores', '?')} cores; memory {record.get('peak_memory_mb', 0):,.0f} MB. Data: "
        f"content {str(record.get('data_hash'))[:16]} (recsys prepare data={data}).",
        "set -euo pipefail",
        'out="${1:-made-again}"',
        f'{shell(command(found.settings))} run_dir="$out"',
        f"claimed={shlex.quote(json.dumps(metrics))}",
        f'python3 - "$claimed" "$out/{split if split in SPLITS else "test"}.json" <<\'EOF\'',
        CHECK.format(tolerance=TOLERANCE) + "EOF",
    ]
    return "\n".join(lines) + "\n"


def one_line(value: Any) -> str:
    """What a stranger's config says, in a comment that it cannot end."""
    return "".join(c if c.isprintable() else "?" for c in str(value))
