"""`recsys compare`: runs side by side, tested over the same users and over seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import UserError
from data_prep.files import check_writable, write_file
from data_prep.settings import Settings, field

PAGE = (r".*\.html?", "a file name that ends in .html")


@dataclass(frozen=True)
class CompareSettings(Settings):
    result: str = field("test", "validation, or the name of what recsys evaluate kept in each run")
    metrics: list[str] | None = field(None, "null: all that the rows have in common")
    all_pairs: bool = field(False, "test every two rows; false: each with the first that is named")
    test: str = field(
        "randomisation", "whose p values are corrected for their number", choices=("randomisation", "t", "wilcoxon")
    )
    resamples: int = field(10000, "of the randomisation test", low=99)
    seed: int = field(0, "of resampling", low=0)
    out: str | None = field(None, "a page to write as well", pattern=PAGE)
    json: bool = field(False, "write plain values, for programs (also --json)")


def main(argv: list[str]) -> int:
    from recsys_cli.config.words import refuse_key, settings_and_words

    config, words = settings_and_words("compare", argv)
    if config is None:
        return 0
    words = [word.removeprefix("run=") for word in words]  # as other commands take it
    paths = [Path(word).expanduser() for word in words]
    for path, word in zip(paths, words):
        if not path.exists():
            refuse_key("compare", word)
            raise UserError(
                f"{word} does not exist: name run directories, folders of them, or files of values per user."
            )
    if config.out:
        check_writable(config.out, "out")

    from recsys_cli.reports.comparison import compare
    from recsys_cli.reports.comparison_text import as_plain, as_text, legend
    from recsys_cli.runs.found import named_runs

    found = compare(
        named_runs(path for path in paths if path.is_dir()),
        [path for path in paths if path.is_file()],
        result=config.result,
        metrics=config.metrics,
        all_pairs=config.all_pairs,
        resamples=config.resamples,
        seed=config.seed,
    )
    if config.json:
        print(json.dumps(as_plain(found), indent=1))
    else:
        print(
            "\n".join(
                [as_text(found, config.test), "", *legend(found, config.test), *map("note: {}".format, found.notes)]
            )
        )
    if config.out:
        from recsys_cli.reports.comparison_page import comparison_page

        write_file(config.out, comparison_page(found, config.test, " ".join(["recsys compare", *argv])).encode())
        if not config.json:
            print(f"page: {config.out}")
    return 0
