"""What data.split and data.validation may be, and that each has what it needs; no NumPy here, for quick answers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from data_prep.errors import UserError, check_choice

# The names of the rules in splits.py, and one that is another by the data. leave_one_out_last, leave_one_out_random: one of
# each user that has two or more; leave_one_out: the last where times are known, else a random one. last_n: the last
# data.split_n of each user that has more. ratio: a random share of all pairs; ratio_per_user (random) and
# ratio_per_user_last: a share of each user's. time: all at or after data.split_time; time_ratio: the last share in time.
# k_fold: part data.fold of data.folds random ones; row_fold: of consecutive rows. Without times the order of the rows is the
# order in time. Of a repeated pair the latest event counts; with time and time_ratio the earliest.
CUTS: tuple[str, ...] = (
    "leave_one_out",
    "leave_one_out_last",
    "leave_one_out_random",
    "last_n",
    "ratio",
    "ratio_per_user",
)
CUTS += ("ratio_per_user_last", "time", "time_ratio", "k_fold", "row_fold")
FOLDS = ("k_fold", "row_fold")
BY_RATIO = ("ratio", "ratio_per_user", "ratio_per_user_last", "time_ratio")


def check_splits(options: dict[str, Any]) -> None:
    given = {spec.get("validation", "given") for spec in options["files"] if spec["role"] == "valid"}
    has_test = any(spec["role"] == "test" for spec in options["files"])
    check_choice("data.split", options["split"], CUTS + ("given",))
    check_choice("data.validation", options["validation"], ("none", *CUTS, *sorted(given)))
    if has_test and options["split"] != "given":
        raise UserError(f"data.split={options['split']}: this source has its own test part; use given")
    if not has_test and options["split"] == "given":
        raise UserError(
            "data.split=given needs a test part: set data.test_path=..., "
            "or cut one with data.split=leave_one_out_last, leave_one_out_random or ratio"
        )
    for rule, ratio, part in (("split", "test_ratio", "split"), ("validation", "valid_ratio", "valid")):
        if options[rule] in BY_RATIO and not 0 < options[ratio] < 1:
            raise UserError(f"data.{ratio}={options[ratio]}: a share between 0 and 1 is needed")
        _check_amount(options, rule, f"{part}_n", "last_n", "how many interactions of each user, such as 3")
        _check_amount(options, rule, f"{part}_time", "time", "from when on, such as 2024-05-31 or 1717113600")
    if options["validation"] in FOLDS:
        raise UserError(
            f"data.validation={options['validation']}: folds are for data.split; cut validation by another rule, such "
            "as ratio"
        )
    if options["split"] in FOLDS and not 0 <= options["fold"] < options["folds"] >= 2:
        raise UserError(
            f"data.fold={options['fold']}, data.folds={options['folds']}: with 2 or more folds, give one of them, "
            "counted from 0"
        )
    if options["k_core"] > 1 and options["split"] == "given":
        raise UserError(
            f"data.k_core={options['k_core']} would change a given test part: filter the files yourself, "
            "or let data.split cut the test part"
        )


def _check_amount(options: dict[str, Any], rule: str, key: str, wanted: str, what: str) -> None:
    """The key is there with the rule that needs it, and only there."""
    value = options[key]
    if value is not None and options[rule] != wanted:
        raise UserError(f"data.{key}={value} is for data.{rule}={wanted}, and data.{rule} is {options[rule]}")
    if options[rule] == wanted:
        try:
            fits = value is not None and (wanted == "time" or value >= 1) and isinstance(moment(value), int)
        except (TypeError, ValueError, OverflowError):
            fits = False
        if not fits:
            raise UserError(f"data.{rule}={wanted} needs data.{key}={'...' if value is None else value}: {what}")


def moment(said: str | float) -> int:
    """A number as it is, a date such as 2024-05-31 or 2024-05-31T12:00 as seconds since 1970 (UTC where it names no
    zone). ValueError for anything else."""
    try:
        return int(said)
    except ValueError:
        date = datetime.fromisoformat(str(said).strip().removesuffix("Z"))
    return int((date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp())
