"""`recsys sweep` from its words to its files."""

from __future__ import annotations

import csv
import re
import threading
from pathlib import Path

import pytest

from data_prep.errors import UserError
from recsys_cli.jobs import display
from recsys_cli.sweeps.curve import best_of, given_up_at
from recsys_cli.sweeps.settings import SearchSettings
from recsys_cli.sweeps.space import Dimension
from recsys_cli.sweeps.study import Study
from tests.commands.conftest import TINY
from tests.sweeps.conftest import Killed

SPACE = ["sweep.space.loss.negative_weight=[0.2,0.5,1.0]", "sweep.space.model.dropout=[0.0,0.3,0.6,0.9]"]
WORDS = ["model=enmf", "trainer.epochs=20", *SPACE, "optimizer.learning_rate=0.05", "sweep.startup=3", "budget=6"]


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "trials.csv").open()))


def files(folder: Path) -> list[bytes]:
    names = ["trials.csv", "tuned/swept-enmf-non_sampling-synthetic.yaml", "report.html"]
    here = str(folder).encode()
    return [(folder / name).read_bytes().replace(here, b"HERE") for name in names]


def test_a_sweep_says_what_it_does_and_gives_what_train_takes(recsys, trainer, tmp_path):
    result = recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 's'}")
    assert result.code == 0 and len(trainer.trained) == 6, result.err
    assert "model.dropout=[0.0,0.3,0.6,0.9]" in result.out and "optimizer.learning_rate=[" not in result.out
    assert "6 of 6 trials to do" in result.out and "TPE (Optuna) after 3 random ones" in result.out
    found = rows(tmp_path / "s")
    best = max((row for row in found if row["state"] == "complete"), key=lambda row: float(row["value"]))
    words = re.search(r"^  recsys (train .*)$", result.out, re.MULTILINE)[1].split()
    shown = recsys(*words, "--cfg", "job").out
    assert f"negative_weight: {best['loss.negative_weight']}\n" in shown and "epochs: 20\n" in shown
    assert f"dropout: {best['model.dropout']}\n" in shown and "learning_rate: 0.05\n" in shown
    page = (tmp_path / "s" / "report.html").read_text()
    assert "loss.negative_weight=[0.2,0.5,1.0]" in page and page.count("<figure>") == 2 and words[-1] in page

    again = recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 's'}")
    assert again.code == 0 and len(trainer.trained) == 6 and "0 of 6 trials to do" in again.out
    assert recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 's'}", "budget=8").code == 0 and len(trainer.trained) == 8


@pytest.mark.slow
def test_killed_anywhere_it_comes_to_the_same_files_and_repeats_nothing(recsys, trainer, tmp_path):
    assert recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 'whole'}").code == 0
    before, trainer.trained = trainer.trained, []
    for ended in (0, 2, 1):
        trainer.kill_after = ended
        try:
            recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 'killed'}")
        except Killed:
            trainer.running.clear()
    trainer.kill_after = None
    assert recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 'killed'}").code == 0
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert list(dict.fromkeys(trainer.trained)) == before
    again = [name for name in before if trainer.trained.count(name) > 1]
    assert len(again) <= 3, "only what was not finished is gone on with"


@pytest.mark.slow
def test_a_trial_that_finished_unheard_is_not_trained_again(recsys, trainer, tmp_path, monkeypatch):
    from recsys_cli.sweeps.search import Search

    def killed(self, trial, event):
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Search, "_end", killed)
        recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 's'}")
    assert trainer.trained == ["enmf-0000"]
    assert recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 's'}").code == 0
    assert trainer.trained.count("enmf-0000") == 1
    assert len(rows(tmp_path / "s")) == 6 and "open" not in [row["state"] for row in rows(tmp_path / "s")]


@pytest.mark.slow
def test_failed_trials_are_listed_and_trained_again_on_request(recsys, trainer, tmp_path):
    trainer.fails = lambda config: config.model.dropout == 0.3
    words = [*WORDS, "sweep.method=grid", "budget=12", "sweep.prune=false", f"sweep_dir={tmp_path / 's'}"]
    result = recsys("sweep", *words)
    assert result.code == 0 and result.out.count("failed: error: the loss became nan") == 3
    assert "retry=true" in result.out and [r["state"] for r in rows(tmp_path / "s")].count("failed") == 3
    trainer.fails = lambda config: False
    assert recsys("sweep", *words).code == 0 and len(trainer.trained) == 12
    assert recsys("sweep", *words, "retry=true").code == 0 and len(trainer.trained) == 15
    found = rows(tmp_path / "s")
    assert [row["state"] for row in found] == ["complete"] * 12 and [r["trial"] for r in found] == list(
        map(str, range(12))
    )
    trainer.fails = lambda config: True
    assert recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 'none'}").code == 2


@pytest.mark.slow
def test_every_model_gets_the_same_number_of_trials_and_the_page_states_the_rule(recsys, trainer, tmp_path):
    words = ["models=[enmf,wmf]", "budget=5", "trainer.epochs=20", f"sweep_dir={tmp_path / 's'}", "sweep.prune=false"]
    result = recsys("sweep", *words)
    assert result.code == 0, result.err
    assert [row["model"] for row in rows(tmp_path / "s")] == ["enmf"] * 5 + ["wmf"] * 5
    page = (tmp_path / "s" / "report.html").read_text()
    assert page.count("5 trials, chosen by TPE") == 2 and page.count("loss.negative_weight=[0.005") == 2
    assert "holds another sweep" in recsys("sweep", *words, "seed=1").err


@pytest.mark.slow
def test_how_long_it_takes_is_found_by_a_few_epochs_beforehand(recsys, trainer, tmp_path, monkeypatch):
    words = ["trainer.epochs=50" if word.startswith("trainer") else word for word in WORDS]
    result = recsys("sweep", *words, f"sweep_dir={tmp_path / 's'}", "plan=true")
    assert result.code == 0 and trainer.trained == [], "the folder is not there, and a plan makes nothing"
    monkeypatch.setattr(display, "LINES_EVERY", -1)
    result = recsys("sweep", *words, f"sweep_dir={tmp_path / 's'}")
    assert trainer.trained[:2] == ["enmf", "enmf-0000"] and "6 of 6 trials to do: at most about 30 s" in result.out
    assert "core hours" in result.out
    assert re.search(r"^jobs: 0/6 ended, \d+ s, about 30 s left$", result.err, re.MULTILINE), "of all that are to come"


@pytest.mark.slow
def test_a_damaged_study_is_said_and_what_was_trained_is_kept(recsys, trainer, tmp_path):
    folder = tmp_path / "s"
    assert recsys("sweep", *WORDS, f"sweep_dir={folder}").code == 0
    before = files(folder)
    (folder / "enmf" / "study.db").write_bytes(b"no database at all " * 100)
    result = recsys("sweep", *WORDS, f"sweep_dir={folder}")
    assert result.code == 2 and "study.db" in result.err and "move it aside" in result.err
    (folder / "enmf" / "study.db").rename(folder / "aside")
    trainer.trained.clear()
    assert recsys("sweep", *WORDS, f"sweep_dir={folder}").code == 0 and not trainer.trained
    assert files(folder) == before
    (folder / "sweep.json").write_text("{")
    assert "sweep.json is damaged" in recsys("sweep", *WORDS, f"sweep_dir={folder}").err


def test_where_nothing_can_be_written_it_says_so(recsys, trainer, tmp_path):
    (tmp_path / "s").touch()
    assert "Choose another sweep_dir" in recsys("sweep", *WORDS, f"sweep_dir={tmp_path / 's' / 'inner'}").err


@pytest.mark.parametrize(
    "words, part",
    [
        (["evaluation.test=true"], "never opens the test part"),
        (["run_dir=x"], "sweep_dir=..."),
        (["resume=x"], "goes on where it was"),
        (["unlearning=sisa"], "tune without it"),
        (["models=[enmf]", "model=enmf"], "not both"),
        (["models=[enmf,nothing]"], "unknown choice 'nothing'"),
        (["model=popularity"], "nothing to search: it has no settings"),
        (["sweep.method=gird"], "Did you mean 'grid'"),
        (["sweep.metod=grid"], "unknown key 'sweep.metod'"),
        (["trainer.epoch=4"], "Did you mean 'trainer.epochs'"),
        (["jops=2"], "Did you mean 'jobs'"),
        (["budget=none"], "budget"),
        (["model=ease", "sweep.method=grid"], "takes every combination"),
        (["seed=1,2"], "asks for several runs"),
        (["--multirun"], "leave out --multirun"),
    ],
)
def test_what_is_refused_before_anything_is_made(recsys, trainer, tmp_path, monkeypatch, words, part):
    monkeypatch.chdir(tmp_path)
    result = recsys("sweep", *words)
    assert result.code == 2 and part in result.err and result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_validation_part_is_cut_where_the_data_have_none(recsys, trainer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = recsys("sweep", "model=enmf", "data=beibei", "plan=true", "budget=7")
    assert result.code == 0 and "7 trials" in result.out and "data.validation=leave_one_out" in result.out
    assert list(tmp_path.iterdir()) == []


def test_two_processes_share_the_trials_of_one_study(tmp_path):
    pytest.importorskip("optuna")
    space = [Dimension("seed", "choice", tuple(range(20)))]
    begun = []

    def work():
        study = Study(tmp_path, lower=False)
        while trial := study.begin(lambda before: {"seed": len(before)} if len(before) < 12 else None, space):
            begun.append(trial.number)
            study.end(trial.number, "COMPLETE", 0.1 * trial.number, {1: 0.1})

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(begun) == list(range(12)) and len(Study(tmp_path, lower=False).trials()) == 12
    assert not Study(tmp_path, lower=False).end(3, "FAIL", None, {}), "it has ended already"


def test_the_median_rule():
    search = SearchSettings(prune_after=3, prune_from=0.5)
    others = [{10: 0.1, 20: 0.4, 40: 0.5}, {10: 0.3, 20: 0.2, 40: 0.6}, {10: 0.2, 20: 0.2, 40: 0.7}]
    assert given_up_at({10: 0.0, 20: 0.29, 40: 0.9}, others, search, 40, False) == 20, "0.3 is the median by then"
    assert given_up_at({10: 0.3, 20: 0.1, 40: 0.0}, others, search, 40, False) is None, "its best so far counts"
    assert given_up_at({20: 0.0}, others[:2], search, 40, False) is None
    assert given_up_at({20: 0.35}, others, search, 40, True) == 20, "where less is better"
    assert given_up_at({20: 0.0}, others, SearchSettings(prune=False), 40, False) is None
    assert best_of({10: 0.2, 20: 0.3, 30: 0.3}, False) == (20, 0.3) and best_of({10: 0.2, 20: 0.3}, True) == (10, 0.2)


@pytest.mark.slow
def test_a_sweep_that_trains(recsys, one_nursery, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setenv("RECSYS_CONFIG_DIR", "")
    words = [
        *(w for w in TINY if not w.startswith(("model.", "tensorboard"))),
        "sweep.space.model.embedding_size=[4,8]",
        "budget=2",
    ]
    words += [
        "sweep.method=grid",
        "model=enmf",
        "loss.negative_weight=0.1",
        "model.dropout=0.2",
        "optimizer.learning_rate=0.05",
    ]
    result = recsys("sweep", *words, f"sweep_dir={tmp_path / 's'}")
    assert result.code == 0, result.err
    runs = sorted((tmp_path / "s" / "runs").iterdir())
    assert [run.name for run in runs] == ["enmf-0000", "enmf-0001"]
    assert not list((tmp_path / "s").rglob("test*")), "nothing of the test part"


def test_where_test_stays_closed_the_data_set_has_no_test_part(recsys, tmp_path, monkeypatch):
    seen = []

    def selection(config, dataset):
        seen.append((dataset.test, dataset.test_negatives, dataset.valid is None))
        raise UserError("enough")

    monkeypatch.setattr("recsys_cli.training.selection.Selection", selection)
    recsys("train", *TINY, "evaluation.test=false", f"runs_dir={tmp_path}")
    assert seen == [(None, None, False)]
