"""`recsys unlearn`: makes a run forget rows, shows beforehand what that costs, and
proves afterwards that it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from omegaconf import DictConfig

from data_prep.errors import UserError
from data_prep.settings import MANDATORY, Settings, field

if TYPE_CHECKING:
    from recsys_cli.unlearning.generation import Rows
    from recsys_cli.unlearning.intake import Intake
    from recsys_cli.unlearning.matching import Match
    from recsys_cli.unlearning.requests import Request


@dataclass(frozen=True)
class UnlearnSettings(Settings):
    run: str = field(MANDATORY, "the run directory")
    forget: str | None = field(None, "a CSV of raw ids: user,item (pairs), user (all data of users) or item")
    missing: str = field(
        "refuse",
        "rows that match nothing in the data; ignore: go on without them, and say so",
        choices=("refuse", "ignore"),
    )
    plan: bool = field(False, "show what it would cost, change nothing")
    later: bool = field(False, "keep the request, to be carried out together with others")
    discard: bool = field(False, "drop what is pending")
    repartition: bool = field(False, "share the remaining rows out anew, and train every shard again")
    compare: str | None = field(
        None, "train one model on all remaining rows as well, for its cost and metrics", choices=("retrain",)
    )
    audit: bool = field(False, "membership test before, after, and on a model trained from scratch without the rows")
    verify: bool = field(False, "check ledger, rows and files, and train again to compare the bytes")
    verify_shards: str = field(
        "touched",
        "which are trained again; touched: by the last requests, and the aggregation; one: drawn at random",
        choices=("touched", "one", "all"),
    )
    receipt: str | None = field(None, "with forget: check that the request of this receipt was carried out")
    ledger: str | None = field(None, "with verify: the digest that was shown when the ledger was written")
    report: str | None = field(None, "a file for all numbers", pattern=(r".*\.json", "a file name that ends in .json"))


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.training.fit import Stopped
    from recsys_cli.unlearning.forget_file import read_rows
    from recsys_cli.unlearning.opening import open_unlearnable
    from recsys_cli.unlearning.report import check_report

    if config.receipt and not config.forget:
        raise UserError(f"receipt={config.receipt} is checked against the file of its request: add forget=FILE.")
    if config.verify and (config.plan or config.later):
        raise UserError(
            f"{'plan' if config.plan else 'later'}=true forgets nothing now, so verify=true has nothing to check: leave "
            "out one of the two."
        )
    opened = open_unlearnable(config.run)
    if config.report:
        check_report(config.report)
    file = read_rows(config.forget) if config.forget else None
    try:
        if config.receipt or (config.verify and not (file or config.repartition or config.discard)):
            return _verify(config, opened, [file] if file else [])
        return _unlearn(config, opened, file)
    except Stopped as stopped:
        print(f"stopped by {stopped}: the run is whole, and what was said above to be done is done")
        return 128 + stopped.signum


class Work(NamedTuple):
    """requests: to be carried out. match: of the file, if there is one. new: what became of it, if it asks for
    anything. unproven: match, where rows of the file are not there and nobody knows why."""

    requests: list[Request]
    match: Match | None
    new: Intake | None
    unproven: Match | None


def _unlearn(config, opened, file) -> int:
    from recsys_cli.unlearning.generation import Rows
    from recsys_cli.unlearning.ledger import read_ledger
    from recsys_cli.unlearning.opening import refuse_other_config
    from recsys_cli.unlearning.report import asked_facts, matched_lines, write_report
    from recsys_cli.unlearning.requests import drop_pending, keep_pending, pending, still_to_do
    from recsys_cli.unlearning.state import tidy

    run, trained, generations = opened
    refuse_other_config(run.path, generations.current)
    rows = Rows.read(generations.current)
    found = [] if config.discard else pending(run.path)
    waiting = still_to_do(found, read_ledger(generations.current), rows.dataset)
    if completed := tidy(run, generations):
        print(f"{completed} requests had been carried out by a call that was cut off; what it left behind is removed")
    done = [(request.kind, request.rows) for request in found if request not in waiting]
    work = _collect(config, file, rows, waiting, repeated=file in done)
    if work.unproven and not work.new and config.verify and config.missing == "refuse":
        return _verify(config, opened, [file], work.unproven)  # to look whether rows are gone

    def discard() -> None:
        if config.discard and not config.plan:
            generations.sweep(unfinished=True)
            print(f"pending requests discarded: {drop_pending(run.path)}")

    if not work.requests and not config.repartition:
        discard()
        if not (file or config.discard or completed):
            raise UserError(
                f"no requests are pending in {config.run}: name rows with forget=FILE, "
                "or check the run with verify=true."
            )
        print("\n".join([*matched_lines(work.unproven), "nothing is left to forget"]))
        if config.report:
            write_report(config.report, {**asked_facts(work.match), "training_pairs": 0, "held_out_pairs": 0})
        return _verify(config, opened, [file] if file else [], work.unproven) if config.verify else 0

    from recsys_cli.unlearning.cost import ways
    from recsys_cli.unlearning.forget import make_plan
    from recsys_cli.unlearning.membership import full_seconds, pairs_to_test
    from recsys_cli.unlearning.report import plan_facts, plan_lines, way_lines

    plan = make_plan(trained, rows, work.requests, generations.current, repartition=config.repartition)
    audited = config.audit and len(pairs_to_test(rows, plan)) > 0
    retraining = full_seconds(trained, generations.current) if audited else None
    if config.plan or config.later:
        lines = plan_lines(plan, len(work.requests), trained.unlearning.shards, retraining, work.match)
        print("\n".join(lines), flush=True)
        if config.plan:
            compared = ways(trained, rows, plan, generations.current)
            print("\n".join(way_lines(compared)), flush=True)
        if config.report:
            facts = asked_facts(work.match) | plan_facts(plan, retraining)
            write_report(config.report, facts | {"ways": [way._asdict() for way in compared]} if config.plan else facts)
    if config.plan:
        return 0
    discard()
    if work.new and work.new.receipt:
        keep_pending(run.path, work.new.request)
        print(
            f"receipt {work.new.receipt}: keep it; recsys unlearn run={config.run} forget={config.forget} "
            f"receipt={work.new.receipt} shows later that the request was carried out",
            flush=True,
        )
    if config.later:
        print(f"carry them out with: recsys unlearn run={config.run}")
        return 0
    return _carry_out(config, opened, file, rows, work, plan)


def _collect(config, file, rows: Rows, waiting: list[Request], *, repeated: bool) -> Work:
    """waiting: the requests kept in the run. repeated: the file asks for what a call that was cut off has done."""
    from recsys_cli.unlearning.intake import take_in
    from recsys_cli.unlearning.matching import match

    if not file:
        return Work(waiting, None, None, None)
    found = match(file, rows.dataset)
    unproven = found if found.unmatched and not repeated else None
    if unproven and not found.matched and config.verify and not config.repartition and not config.plan:
        return Work([], found, None, unproven)  # to look whether rows are gone is no order to carry out others
    ignore = config.missing == "ignore" or repeated
    new = take_in(config.forget, found, rows, waiting, ignore_missing=ignore)
    return Work(waiting + ([new.request] if new and new.receipt else []), found, new, unproven)


def _carry_out(config, opened, file, rows: Rows, work: Work, plan) -> int:
    from recsys_cli.training.fit import Stopped
    from recsys_cli.unlearning.forget import carry_out
    from recsys_cli.unlearning.forget_file import together
    from recsys_cli.unlearning.membership import ask
    from recsys_cli.unlearning.report import means_of

    run, trained, generations = opened
    before = means_of(generations.current)
    question = ask(trained, rows, plan, generations.current) if config.audit else None
    asked = together([(request.kind, request.rows) for request in work.requests] + ([file] if file else []))
    try:
        outcome = carry_out(run, generations, trained, rows, work.requests, plan, repartition=config.repartition)
    except Stopped as stopped:
        print(
            f"stopped by {stopped}; the run is as before and the requests are pending: recsys unlearn run={config.run}"
        )
        return 128 + stopped.signum
    except UserError as error:
        raise UserError(f"{error} The run is as before; the requests stay pending (discard=true drops them).") from None
    failed = _report(config, opened, work, plan, before, question, outcome, asked)
    return max(_verify(config, opened, asked, work.unproven) if config.verify else 0, failed)


def _report(config, opened, work: Work, plan, before, question, outcome, asked) -> int:
    """1 where the audit failed."""
    from recsys_cli.text import some
    from recsys_cli.unlearning.compare import differences, retrain
    from recsys_cli.unlearning.membership import answer, answer_lines, full_seconds
    from recsys_cli.unlearning.report import (
        asked_facts,
        done_lines,
        elsewhere,
        facts_of,
        matched_lines,
        metrics_lines,
        write_report,
    )

    run, trained, generations = opened
    facts = asked_facts(work.match) | facts_of(plan, outcome, before, trained.unlearning.shards)
    print("\n".join([*matched_lines(work.match), *done_lines(facts)]), flush=True)
    if config.compare:
        again = retrain(run.path, trained, outcome.rows.dataset)
        facts["retrained"] = {
            "seconds": round(again.seconds, 2),
            "metrics": again.result.means,
            "difference": differences(outcome.built.result, again.result, trained),
        }
        print(f"full retraining took {again.seconds:.1f} s")
    print(metrics_lines(facts), flush=True)
    facts["elsewhere"] = elsewhere(trained, asked, config.forget)
    if facts["elsewhere"]:
        print(f"outside of the run, these are yours and may still hold the rows: {some(facts['elsewhere'])}")
    if question:
        if question.model:
            seconds = full_seconds(trained, generations.current)
            print(f"audit: trains all shards from scratch without the rows, about {seconds:.0f} s", flush=True)
        facts["audit"] = answer(run.path, trained, question, outcome)
        print("\n".join(answer_lines(facts["audit"])))
    if config.report:
        write_report(config.report, facts)
    return int(bool(question and facts["audit"]["failed"]))


def _verify(config, opened, contents, unproven: Match | None = None) -> int:
    """Prints every check; 1 where one failed."""
    from recsys_cli.unlearning.verify import Asked, checks

    asked = Asked(
        contents, unproven, config.missing == "ignore", config.receipt, config.ledger, shards=config.verify_shards
    )
    failed = 0
    for check in checks(opened.run.path, opened.config, asked):
        failed += check.problem is not None
        more = f": {check.problem}" if check.problem else f" ({check.note})" if check.note else ""
        print(f"{'FAILED' if check.problem else 'ok':<8}{check.what}{more}", flush=True)
    print(f"{failed} check{'s' * (failed > 1)} failed" if failed else "all checks passed")
    return 1 if failed else 0
