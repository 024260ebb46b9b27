from __future__ import annotations

import subprocess

import pytest

from recsys_cli.completion import BASH, complete


def query(recsys, line: str) -> list[str]:
    result = recsys("completion", "query", line)
    assert (result.code, result.err) == (0, "")
    return result.out.split()


@pytest.mark.parametrize(
    "line, expected",
    [
        ("recsys tra", ["train"]),
        ("recsys completion ", ["bash", "fish", "zsh"]),
        ("recsys train loss=b", ["loss=bce", "loss=bpr"]),
        ("recsys train loss.batch=", ["loss.batch=alternating", "loss.batch=items", "loss.batch=users"]),
        ("recsys train trainer.progress=", ["trainer.progress=false", "trainer.progress=true"]),
        ("recsys train trainer.ep", ["trainer.epochs="]),
        ("recsys train see", ["seed="]),
        ("recsys train trai", ["trainer.", "trainer="]),
        ("recsys train --cf", ["--cfg"]),
        ("recsys train --cfg ", ["job"]),
        ("recsys train 'seed=1' devi", ["device.", "device="]),
        ("recsys train run_dir='x trainer.ep", ["trainer.epochs="]),
        ("recsys evaluate split=", ["split=test", "split=validation"]),
        ("recsys nonsense mo", []),
        ("recsys train --config-dir /no/such/folder seed", ["seed="]),
    ],
)
def test_query(recsys, line, expected):
    assert query(recsys, line) == expected


def test_keys_follow_the_choices_on_the_line(recsys):
    def keys(line: str) -> list[str]:
        return query(recsys, "recsys train " + line)

    assert keys("optimizer=adam optimizer.b") == ["optimizer.beta_1=", "optimizer.beta_2="]
    assert keys("optimizer.b") == []
    assert keys("loss.negative_w") == ["loss.negative_weight="]
    assert keys("model=bpr loss.negative_w") == []
    assert keys("model=bpr loss=non_sampling loss.negative_w") == ["loss.negative_weight="]


def test_own_configs_and_runs_are_offered(recsys, own_configs, tmp_path, monkeypatch):
    own = own_configs({"model/mine.yaml": "name: mine\n"})
    assert "model=mine" in query(recsys, f"recsys train --config-dir {own} model=")
    (tmp_path / "runs" / "2024-enmf").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert complete(["evaluate"], "run=") == ["run=runs/2024-enmf"]
    assert complete(["train"], "resume=runs/2") == ["resume=runs/2024-enmf"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_ask_back(recsys, shell):
    assert "recsys completion query" in recsys("completion", shell).out


def test_help(recsys):
    result = recsys("completion", "--help")
    assert result.code == 0 and "recsys completion bash >> ~/.bashrc" in result.out


@pytest.mark.parametrize("words", [[], ["csh"], ["bash", "zsh"]])
def test_other_shells_are_refused(refused, words):
    assert "bash, zsh or fish" in refused("completion", *words)


@pytest.mark.parametrize(
    "line, answer, replies",
    [
        ("recsys tr", "train", "<train >"),
        ("recsys train model=e", "model=enmf", "<enmf >"),
        ("recsys train tra", "trainer.", "<trainer.>"),
    ],
)
def test_bash_gets_only_what_is_still_to_be_typed(line, answer, replies):
    """bash splits words at "="; a stand-in for recsys gives the whole word back."""
    script = f"{BASH}\nrecsys() {{ echo '{answer}'; }}\nCOMP_LINE='{line}'; COMP_POINT={len(line)}\n_recsys\n"
    script += "printf '<%s>' \"${COMPREPLY[@]}\""
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert result.stdout == replies
