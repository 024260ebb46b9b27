from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from recsys_cli.config.compose import compose
from recsys_cli.config.library import flatten, library
from recsys_cli.reports.checklist import answers, as_markdown
from recsys_cli.reports.claim import script
from recsys_cli.reports.crate import files_of, ro_crate
from recsys_cli.reports.croissant import croissant
from recsys_cli.reports.defaults import command, differences, shell
from recsys_cli.reports.deviations import about_model
from recsys_cli.reports.run_facts import gather
from recsys_cli.runs.config import read_settings, settings_of
from tests.pages.test_pages import checked
from tests.reports.conftest import edit

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def facts(trained_once):
    return gather(trained_once)


@pytest.mark.slow
def test_one_run_has_a_page(recsys, trained_once, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "page.html"
    result = recsys("report", f"run={trained_once}", f"out={out}")
    assert result.code == 0 and result.out.endswith(f"page: {out}\n") and "note:" not in result.out, result.err
    found = checked(out.read_text())
    words = "".join(found.text)
    for title in (
        "Result",
        "While training",
        "Users",
        "Items",
        "Beyond accuracy",
        "Settings",
        "Model",
        "Data",
        "Make it again",
    ):
        assert f"{title}" in words
    assert "Novelty@5" in words and "Diversity@10" in words and "Deviations from thesis" in words
    assert "padding row" in words and "model.embedding_size" in words and found.tags.count("svg") >= 5


def test_what_cannot_be_had_is_said_and_the_rest_is_there(recsys, made, tmp_path):
    run, out = made("a", model__name=HOSTILE), tmp_path / "page.html"
    shutil.rmtree(run / "checkpoints")
    (run / "test_per_user.npz").unlink()
    edit(run / "record.json", environment={"python": HOSTILE}, data_hash="0" * 64)
    result = recsys("report", f"run={run}", f"out={out}")
    assert result.code == 0 and "lists of items are not looked at" in result.out, result.err
    assert "Values per user were not kept" in result.out
    words = "".join(checked(out.read_text()).text)
    assert HOSTILE in words and "Beyond accuracy" not in words


def test_a_folder_has_a_page_with_rows_by_settings_and_all_that_failed(recsys, made, tmp_path):
    pytest.importorskip("matplotlib")
    made("a")
    made("b", seed=1, shift=0.2)
    made("c", model__dropout=0.1)
    edit(made("d", seed=2) / "record.json", status="failed", error=HOSTILE)
    other = made("e")
    edit(other / "record.json", data_hash="f" * 64)
    out = tmp_path / "page.html"
    result = recsys("report", f"run={other.parent}", f"out={out}")
    assert result.code == 0 and result.out.startswith("5 runs"), result.err
    words = "".join(checked(out.read_text()).text)
    assert "4 finished, 1 failed" in words and "enmf dropout=0.1" in words and HOSTILE in words
    assert "synthetic ffffffff" in words


def test_nothing_waits_for_tensorflow_that_does_not_score():
    modules = (
        "run_facts",
        "run_page",
        "folder_page",
        "comparison",
        "comparison_page",
        "listing",
        "filters",
        "claim",
        "crate",
        "croissant",
        "artefact",
    )
    code = (
        "import sys; import "
        + ", ".join(f"recsys_cli.reports.{m}" for m in modules)
        + "; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_words_that_cannot_be(recsys, made, tmp_path):
    run = made("a")
    assert "ends in .html" in recsys("report", f"run={run}", "out=page.txt").err
    assert "name a run, a folder of runs or a table" in recsys("report").err
    assert (
        "is of one run or a table"
        in recsys("report", f"run={run.parent}", "artefact=true", f"out={tmp_path / 'p.html'}").err
    )
    assert "no result other.json" in recsys("report", f"run={run}", "result=other", "lists=false").err
    assert "does not exist" in recsys("report", "run=/nowhere").err
    edit(run / "record.json", status="interrupted")
    assert f"resume={run}" in recsys("report", f"run={run}", "lists=false").err


def test_the_command_of_a_run_gives_its_settings(facts):
    words = command(facts.settings)
    assert words[:2] == ["recsys", "train"] and "~tuned" in words
    again = flatten(settings_of(compose("train", words[2:], library())))
    without = {"run_dir", "runs_dir", "data.cache_dir", "data.raw_dir"}
    kept = {k: v for k, v in flatten(facts.settings).items() if k not in without}
    assert {k: again.get(k) for k in kept} == kept


def test_texts_in_a_command_are_quoted_for_hydra_and_for_the_shell(made):
    run = made("a", data__target="it's; $(rm -rf x) [a,b]", data__split_time="null")
    words = command(read_settings(run))
    line = shell(words)
    printed = subprocess.run(
        ["bash", "-c", "recsys() { printf '%s\\n' \"$@\"; }; " + line], capture_output=True, text=True
    )
    assert printed.stdout.splitlines() == words[1:] and not printed.stderr
    assert "data.target='it\\'s; $(rm -rf x) [a,b]'" in words and "data.split_time='null'" in words


def test_what_is_tuned_is_told_from_what_was_chosen(recsys, tmp_path):
    result = recsys("train", "model=enmf", "data=synthetic", "model.init_scale=0.02", "--cfg", "job", "--resolve")
    found = {d.key: d.tuned for d in differences(yaml.safe_load(result.out))}
    assert found["model.init_scale"] is False and any(found.values()) and "model.embedding_size" not in found


def test_models_say_what_they_are_and_strangers_are_not_looked_for():
    about = about_model("recsys_cli.models.ehcf.EHCF")
    assert "eq. 4.10" in about.text and len(about.deviations) == 4 and about.deviations[0].startswith("Thesis: L2")
    assert about_model("mine.Model") is None and about_model("recsys_cli.models..secret.X") is None


def test_a_claim_is_checked_by_its_script(facts, tmp_path):
    """The command is replaced by one that puts a result there: what it gives is looked at."""
    text = script(facts)
    (tmp_path / "claim.sh").write_text(text)
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "recsys"
    fake.write_text(
        '#!/bin/bash\nfor w in "$@"; do case $w in run_dir=*)\n'
        'd="${w#*=}"; mkdir -p "$d"; cp "$RESULT" "$d/test.json";; esac; done\n'
    )
    fake.chmod(0o755)

    def outcome(scale: float) -> int:
        content = json.loads((facts.run.path / "test.json").read_text())
        for value in content["metrics"].values():
            value["mean"] *= scale
        (tmp_path / "result.json").write_text(json.dumps(content))
        env = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "RESULT": str(tmp_path / "result.json")}
        return subprocess.run(
            ["bash", tmp_path / "claim.sh", tmp_path / "out"], env=env, capture_output=True
        ).returncode

    assert (outcome(1), outcome(1.02), outcome(1.04)) == (0, 0, 1)
    assert "# Time there:" in text and "NDCG@5" in text


def test_the_checklist_answers_from_the_record_and_says_what_is_left_to_do(facts):
    text = as_markdown(answers(facts))
    assert (
        facts.run.record["data_hash"] in text
        and "| Licence of the code | MIT |" in text
        and "to do: other seeds" in text
    )
    assert all(line.count("|") - line.count("\\|") == 4 for line in text.splitlines() if line.startswith("|"))


def test_crate_and_croissant_name_files_by_their_checksums(facts):
    import hashlib

    crate = ro_crate("x", "about", files_of(facts.run.path, "runs/a/"), {"runs/a/": facts.run})
    entities = {e["@id"]: e for e in crate["@graph"]}
    assert entities["./"]["@type"] == "Dataset" and entities["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    for part in entities["./"]["hasPart"]:
        payload = (facts.run.path / part["@id"].removeprefix("runs/a/")).read_bytes()
        assert entities[part["@id"]]["sha256"] == hashlib.sha256(payload).hexdigest()
    references = [
        r["@id"]
        for e in crate["@graph"]
        for v in e.values()
        for r in (v if isinstance(v, list) else [v])
        if isinstance(r, dict)
    ]
    assert {r for r in references if not r.startswith("http")} <= set(entities)
    card = croissant(facts.manifest)
    assert card["@type"] == "sc:Dataset" and "60 users" in card["description"] and len(card["distribution"]) > 3
    assert all(len(f["sha256"]) == 64 for f in card["distribution"])
    known = croissant(
        facts.manifest | {"name": "ciao", "sources": [{"file": "train.csv", "bytes": 3, "sha256": "a" * 64}]}
    )
    assert known["distribution"][0]["contentUrl"].startswith("https://raw.githubusercontent.com/chenchongthu/EATNN/")


def test_an_artefact_is_a_folder_with_all_of_it(recsys, trained_once, tmp_path):
    out = tmp_path / "enmf.html"
    result = recsys("report", f"run={trained_once}", f"out={out}", "artefact=true", "lists=false")
    folder = tmp_path / "enmf-artefact"
    assert result.code == 0 and f"artefact: {folder}" in result.out, result.err
    names = {path.name for path in folder.iterdir()}
    expected = {
        "report.html",
        "checklist.md",
        "claim.sh",
        "croissant.json",
        "ro-crate-metadata.json",
        "config.yaml",
        "test.json",
    }
    assert expected <= names and (folder / "report.html").read_bytes() == out.read_bytes()
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())
    assert all((folder / part["@id"]).is_file() for part in crate["@graph"][1]["hasPart"])
    assert "exists" in recsys("report", f"run={trained_once}", f"out={out}", "artefact=true", "lists=false").err
    assert Path(out).is_file()
