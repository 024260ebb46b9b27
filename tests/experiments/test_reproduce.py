"""A table from nothing, in one call; what is there is found again, and what differs does not get into one table."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import pytest

from recsys_cli import cli
from recsys_cli.experiments import making
from tests.experiments.conftest import TINY, read_csv

pytestmark = [pytest.mark.usefixtures("one_nursery"), pytest.mark.slow]


def trained(out: str) -> int:
    return len(re.findall(r"^\[\d+/\d+\]  finished", out, re.MULTILINE))


class Killed(BaseException):
    """Nothing in the program catches it."""


def stop_after(number: int, monkeypatch) -> None:
    """The call ends, as if it was killed, when so many runs have ended."""

    class Ending(making.Display):
        def __call__(self, event):
            super().__call__(event)
            if event.kind == "ended" and event.number == number - 1:
                raise Killed

    monkeypatch.setattr(making, "Display", Ending)


def test_a_table_from_nothing_and_again(place, recsys, monkeypatch, capsys):
    place.table()
    planned = recsys("reproduce", "table=tiny", "plan=true")
    assert planned.code == 0 and "5 runs, 0 of them there already, 5 to do" in planned.out
    assert "without Dreams: model=model_of_dreams does not exist yet" in planned.out
    assert not (place.path / "runs").exists() and not (place.path / "results").exists()

    with monkeypatch.context() as patched, pytest.raises(Killed):
        stop_after(2, patched)
        cli.main(["reproduce", "table=tiny"])
    capsys.readouterr()
    made = recsys("reproduce", "table=tiny", "jobs=2")
    assert made.code == 0 and "5 runs, 2 of them there already, 3 to do" in made.out and trained(made.out) == 3
    lines = read_csv(place.path / "results" / "tables" / "tiny.csv")
    by_cell = {(line["row"], line["metric"]): line for line in lines}
    assert by_cell["ENMF", "HR@5"]["seeds"] == "2" and by_cell["MP", "HR@5"]["seeds"] == "1"
    runs = [path for path in (place.path / "runs").iterdir() if path.name.startswith("enmf")]
    means = [json.loads((run / "test.json").read_text())["metrics"]["HR@5"]["mean"] for run in runs]
    assert float(by_cell["ENMF", "HR@5"]["ours"]) == pytest.approx(sum(means) / 2, rel=1e-4)
    html = (place.path / "results" / "tables" / "tiny.html").read_text()
    assert "<script" not in html and str(place.path) not in html and "ENMF" in html

    # The same run twice is no second seed, and what is there is not made again.
    files = {path: path.read_bytes() for path in (place.path / "results" / "tables").iterdir()}
    shutil.copytree(runs[0], place.path / "runs" / "more" / "again")
    again = recsys("reproduce", "table=tiny")
    assert "5 runs, 5 of them there already, 0 to do" in again.out and trained(again.out) == 0
    assert {path: path.read_bytes() for path in files} == files
    shutil.rmtree(place.path / "runs" / "more")

    # Finished runs are found wherever they lie below runs_dir, and trusted only by their record.
    os.rename(place.path / "runs", place.path / "elsewhere")
    os.makedirs(place.path / "runs" / "a")
    os.rename(place.path / "elsewhere", place.path / "runs" / "a" / "b")
    record = next((place.path / "runs" / "a" / "b").glob("popularity*")) / "record.json"
    whole = record.read_text()
    record.write_text(whole[: len(whole) // 2])
    found = recsys("reproduce", "table=tiny", "plan=true")
    assert "4 of them there already, 1 to do" in found.out and "record.json is damaged" in " ".join(found.out.split())
    record.write_text(json.dumps(json.loads(whole) | {"bearing": "of another version"}))
    found = recsys("reproduce", "table=tiny", "plan=true")
    assert "1 finished runs are of another version" in found.out and "1 to do" in found.out


def test_only_what_is_asked_for_is_made(place, recsys):
    place.table()
    assert recsys("reproduce", "table=tiny", "models=[MP]").code == 0
    lines = read_csv(place.path / "results" / "tables" / "tiny.csv")
    assert {line["row"] for line in lines} == {"MP"}
    check_artefact(place, recsys, lines)
    counted = recsys("reproduce", "table=3.2", "data=ciao")
    assert counted.code == 2 and "trains nothing: leave out data and models" in counted.err
    nothing = recsys("report", "table=tiny", "runs_dir=nowhere", "artefact=true")
    assert nothing.code == 2 and "no run of table=tiny lies below nowhere" in nothing.err
    refused = recsys("reproduce", "table=tiny", "models=enfm")
    assert refused.code == 2 and "models=enfm: no run of it is to be made here. Did you mean 'enmf'?" in refused.err


def check_artefact(place, recsys, lines):
    """All that a reviewer asks for; the script's own part is run on what was made, and on what came out otherwise."""
    assert recsys("report", "table=tiny", "out=page.html", "artefact=true").out.endswith("artefact: page-artefact\n")
    folder = place.path / "page-artefact"
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    parts = [part["@id"] for part in crate[1]["hasPart"]]
    (run,) = (folder / "runs").iterdir()
    assert all((folder / part).is_file() for part in parts) and f"runs/{run.name}/test.json" in parts
    assert (folder / "croissant-synthetic.json").is_file() and "| Seeds | 1 of each row" in (
        folder / "checklist.md"
    ).read_text()
    for scale, code in ((1.0, 0), (1.02, 0), (1.1, 1)):
        fake = place.path / "bin" / "recsys"
        fake.parent.mkdir(exist_ok=True)
        again = "data,row,metric,ours\n" + "".join(
            f"{line['data']},{line['row']},{line['metric']},{scale * float(line['ours'])}\n" for line in lines
        )
        fake.write_text(
            f"#!/bin/bash\n[ $2 = table=tiny ] || exit 9\nmkdir -p new/tables\ncat > new/tables/tiny.csv <<E\n{again}E\n"
        )
        fake.chmod(0o755)
        env = {"PATH": f"{fake.parent}:/usr/bin:/bin", "RECSYS_CONFIG_DIR": "own"}
        done = subprocess.run(["bash", folder / "claim.sh", "new"], env=env, capture_output=True, text=True)
        assert done.returncode == code and f"{len(lines)} of {len(lines)} cells compared" in done.stdout, done.stderr


def test_rows_ranked_otherwise_do_not_stand_in_one_table(place, recsys):
    place.table("mixed", TINY.replace("model: bpr}", "model: bpr, words: [evaluation.exclude=train]}"))
    result = recsys("reproduce", "table=mixed", "plan=true")
    assert result.code == 2 and "rows that are ranked in different ways do not stand in one table" in result.err
    place.table("other", TINY.replace("model: bpr}", "model: bpr, words: [data.seed=5]}"))
    result = recsys("reproduce", "table=other", "plan=true")
    assert result.code == 2 and "rows with different data do not stand in one table" in result.err


def test_results_that_cannot_be_written_are_refused_before_anything_is_trained(place, recsys):
    place.table()
    (place.path / "results").write_text("a file")
    result = recsys("reproduce", "table=tiny")
    assert result.code == 2 and "Choose another place with output=" in result.err
    assert not (place.path / "runs").exists()
