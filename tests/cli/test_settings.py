"""The settings classes and the config files: each thing is said once, and all readers see the same."""

from __future__ import annotations

import re

import pytest
import yaml
from omegaconf import OmegaConf

from data_prep.settings import TARGET, fields_of
from data_prep.settle import settled
from recsys_cli.cli import COMMANDS
from recsys_cli.config import schema
from recsys_cli.config.compose import _hydra_compose, compose
from recsys_cli.config.library import flatten, library, shipped

OURS = library("")
GROUPS = [group for group in OURS.groups() if group != "tuned"]
CHOICES = [(group, choice) for group in GROUPS for choice in OURS.choices(group)]
APPLICATIONS = [name for name, command in COMMANDS.items() if command.has_config]
WHAT_IT_IS = {TARGET, "name", "kind", "scope", "source", "protocol"}  # stated though it may be the default
FILES = sorted(p for p in shipped().rglob("*.yaml") if p.parent.name != "tuned")
OWN = """
from dataclasses import dataclass
import no_such_module
from data_prep.settings import field
from recsys_cli.models.factorization import MatrixFactorization as Base

WAYS = ("up",)
WAYS += ("down",)
SECOND, *_ = no_such_module.numbers()

class Mine(Base):
    @dataclass(frozen=True)
    class Settings(Base.Settings):
        way: str = field("up", f"one of {len(WAYS)}", choices=WAYS)

class Inherits(Mine):
    pass

class Plain:
    pass
"""


def settings_of(group: str, choice: str):
    return schema.class_of(group, OURS._stated(group, choice), OURS.sources)


@pytest.mark.parametrize("group, choice", CHOICES)
def test_every_key_of_a_file_is_a_setting_and_every_setting_a_key(group, choice):
    known = fields_of(settings_of(group, choice))
    assert OURS._stated(group, choice).keys() <= {TARGET, *known}
    assert OURS.group_values(group, choice).keys() - {TARGET} == known.keys()
    assert all(found.help and found.kind for found in known.values())
    assert all(found.kind.accepts(found.default) for found in known.values() if found.default != "???")


@pytest.mark.parametrize("command", APPLICATIONS)
def test_the_settings_of_a_command_stand_in_its_module_alone(command):
    known = schema.fields_of_command(command, OURS.sources)
    assert all(found.help and found.kind for found in known.values())
    assert not set(OURS.load(command)) & set(known)


@pytest.mark.parametrize("group, choice", CHOICES)
def test_a_file_states_what_differs_from_the_defaults(group, choice):
    own = {key: value for key, value in OURS.load(f"{group}/{choice}").items() if key != "defaults"}
    bases = [b for b in OURS.load(f"{group}/{choice}").get("defaults", []) if isinstance(b, str) and b != "_self_"]
    without = {name: found.default for name, found in fields_of(settings_of(group, choice)).items()}
    for base in bases:
        without |= OURS._stated(group, base)
    without |= OURS.load(own["like"]) if "like" in own else {}
    assert not [k for k, v in own.items() if k not in WHAT_IT_IS and without.get(k, "-") == v]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_files_do_not_repeat_what_settings_mean(file):
    """Comments stand on lines of their own and speak of the choice; those of `defaults` of its parts."""
    for line in file.read_text().splitlines():
        key = re.match(r"(\w+):.* # ", line)
        assert not key or key[1] == "defaults" or file.name == "csv.yaml"


@pytest.mark.slow
@pytest.mark.parametrize("command", APPLICATIONS)
def test_the_library_gives_what_hydra_composes(command):
    """Every choice of every group composes. Help and completion go by plain files, the program by Hydra."""
    triples = [{}]
    for group in OURS.defaults(command):
        if group not in ("tuned", "sweep") and (command != "sweep" or group == "model"):  # the rest is that of train
            triples += [{group: choice} for choice in OURS.choices(group)]
    if command == "train":
        triples += [{"model": "bpr", "loss": "softmax", "optimizer": "sgd", "trainer": "default", "data": "csv"}]
        tuned = {"model": "ehcf", "data": "taobao", "tuned": "ehcf-non_sampling-beibei"}
        triples += [{"model": "ehcf", "data": "beibei"}, tuned]
    for picked in triples:
        words = [f"{group}={choice}" for group, choice in picked.items()]
        composed = OmegaConf.to_container(compose(command, words, OURS, partial=True), resolve=False)
        stated = OURS.values(command, picked)
        if "data.source" in stated:  # what follows from other options is no file's
            own = {key.removeprefix("data."): value for key, value in stated.items() if key.startswith("data.")}
            stated |= {f"data.{key}": value for key, value in settled(own).items() if "$" not in str(value)}
        assert stated == flatten(composed), words


@pytest.fixture
def composed_anew():
    """Nothing composed before is taken again, and nothing composed here later."""
    _hydra_compose.cache_clear()
    yield
    _hydra_compose.cache_clear()


def test_a_new_setting_is_a_field_and_nothing_else(config, recsys, refused, tmp_path, monkeypatch, composed_anew):
    (tmp_path / "wider.py").write_text(
        "from dataclasses import dataclass\n"
        "from data_prep.settings import field\n"
        "from recsys_cli.evaluation.protocol import EvaluationSettings\n"
        "@dataclass(frozen=True)\n"
        "class WiderSettings(EvaluationSettings):\n"
        "    depth: int = field(3, 'how far down', low=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(schema.PLACES, "evaluation", {schema.ANY: "wider.WiderSettings"})
    assert config("train", "evaluation.depth=5")["evaluation"]["depth"] == 5
    assert config("evaluate", "run=x")["evaluation"]["depth"] is None
    assert "expected an integer >= 1, received 0" in refused("train", "evaluation.depth=0")
    assert "Did you mean 'evaluation.depth' (default 3)?" in refused("train", "evaluation.dept=5")
    assert "how far down (an integer >= 1)" in " ".join(recsys("train", "--help").out.split())
    assert "evaluation.depth=" in recsys("completion", "query", "recsys train evaluation.de").out


@pytest.fixture
def own_model(own_configs):
    def write(target: str, code: str = OWN, more: str = "") -> str:
        return own_configs({"mine.py": code, "model/mine.yaml": f"name: mine\n_target_: mine.{target}\n{more}"})

    return write


@pytest.mark.parametrize("target", ["Mine", "Inherits"])
def test_settings_of_an_own_model_are_read_without_importing_it(config, refused, own_model, target):
    words = "train", "--config-dir", own_model(target, more="embedding_size: 16\n"), "model=mine"
    found = config(*words)["model"]
    assert (found["way"], found["embedding_size"], found["item_bias"]) == ("up", 16, False)
    assert "one of up, down, received 'upp' (str) from 'model.way=upp'; default up. Did" in refused(
        *words, "model.way=upp"
    )
    assert "unknown key 'model.wya' in 'model.wya=1'. Did you mean 'model.way'" in refused(*words, "model.wya=1")


def test_a_model_without_settings_has_the_kinds_of_its_file(config, refused, own_model):
    words = "train", "--config-dir", own_model("Plain", more="depth: 2\ninit: normal\n"), "model=mine"
    assert config(*words, "model.depth=3")["model"] == {
        "name": "mine",
        TARGET: "mine.Plain",
        "depth": 3,
        "init": "normal",
    }
    assert "expected an integer, received 'a'" in refused(*words, "model.depth=a")
    assert "one of truncated_normal, normal" in refused(*words, "model.init=normall")  # as in every model of ours


@pytest.mark.parametrize(
    "code, part",
    [
        (OWN.replace('field("up"', "field(helper()"), "cannot read Mine.Settings without importing the file"),
        (OWN.replace("    @dataclass(frozen=True)\n", ""), "must be a frozen dataclass"),
        ("def broken(", "mine.py is not Python"),
    ],
)
def test_settings_that_cannot_be_read_are_refused(refused, own_model, code, part):
    message = refused("train", "--config-dir", own_model("Mine", code), "model=mine")
    assert part in message and "mine.py" in message


KINDS = (
    "expected one of factored, pairwise, closed_form, rating, own_rating, or null, received 'factoredd' (str) from "
    "'the chosen model file'"
)


@pytest.mark.parametrize(
    "more, part",
    [
        ("kind: factoredd\n", f"{KINDS}; default null. Did you mean 'factored'?"),
        ("waay: up\n", "unknown key 'model.waay' in the chosen model file. Did you mean 'model.way'"),
    ],
)
def test_an_own_file_is_checked_by_the_settings(refused, own_model, more, part):
    assert part in refused("train", "--config-dir", own_model("Mine", more=more), "model=mine")


def test_what_is_no_choice_is_no_path(tmp_path):
    (tmp_path / "evil.yaml").write_text(yaml.safe_dump({TARGET: "evil.Model"}))
    up = "../" * 20 + str(tmp_path / "evil").lstrip("/")
    assert OURS.path(f"model/{up}") and OURS.group_values("model", up) == {}
    assert not any("evil" in str(v) for v in OURS.values("train", {"model": up}).values())


def test_metrics_may_be_of_ones_own(config, refused):
    words = "evaluation.metrics=[NDCG,my.module.Novelty]"
    assert config("train", words)["evaluation"]["metrics"] == ["NDCG", "my.module.Novelty"]
    assert "or one of your own such as my.module.Novelty" in refused("train", "evaluation.metrics=[Novelty]")


def test_crashes_are_shown_as_hydra_users_expect(recsys, train, monkeypatch, tmp_path):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    train(lambda cfg: 1 / 0)
    assert "Traceback" in recsys("train", f"run_dir={tmp_path}").err
