"""`recsys unlearn`: makes a run forget rows, shows beforehand what that costs, and
proves afterwards that it did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import DictConfig

from data_prep.errors import UserError

if TYPE_CHECKING:
    from recsys_cli.unlearning.intake import Intake


def main(config: DictConfig) -> int:
    from recsys_cli.training.device import set_up_device

    set_up_device(config.device)

    from recsys_cli.training.fit import Stopped
    from recsys_cli.unlearning.forget import carry_out, make_plan
    from recsys_cli.unlearning.generation import Rows, open_model
    from recsys_cli.unlearning.ledger import read_ledger
    from recsys_cli.unlearning.opening import open_unlearnable
    from recsys_cli.unlearning.report import check_report, means_of, plan_lines
    from recsys_cli.unlearning.requests import drop_pending, keep_pending, pending, read_rows, together
    from recsys_cli.unlearning.state import tidy

    if config.receipt and not config.forget:
        raise UserError(f"receipt={config.receipt} is checked against the file of its request: add forget=FILE.")
    run, trained, generations = open_unlearnable(config.run)
    if config.report:
        check_report(config.report)
    file = read_rows(config.forget) if config.forget else None
    if config.receipt or (config.verify and not (file or config.repartition or config.discard)):
        return _verify(config, run, trained, [file] if file else [])

    found = [] if config.discard else pending(run.path)
    completed = tidy(run, generations)
    if completed:
        print(f"{completed} requests had been carried out by a call that was cut off; what it left behind is removed")
    rows, ledger = Rows.read(generations.current), read_ledger(generations.current)
    requests, new = _collect(config, file, found, rows.dataset, {request["id"] for request in ledger["requests"]})

    def discard() -> None:
        if config.discard and not config.plan:
            generations.sweep(unfinished=True)
            print(f"pending requests discarded: {drop_pending(run.path)}")

    if not requests and not config.repartition:
        discard()
        if not (file or config.discard or completed):
            raise UserError(
                f"no requests are pending in {config.run}: name rows with forget=FILE, "
                "or check the run with verify=true."
            )
        print("nothing is left to forget")
        return _verify(config, run, trained, [file] if file else []) if config.verify else 0
    plan = make_plan(trained, rows, requests, generations.current, repartition=config.repartition)
    if config.plan or config.later:
        print("\n".join(plan_lines(plan, len(requests), trained.unlearning.shards)))
    if config.plan:
        return 0
    old_model = open_model(generations.current, trained)[1] if config.audit else None
    discard()
    if new and new.receipt:
        keep_pending(run.path, new.request)
        print(
            f"receipt {new.receipt}: keep it; recsys unlearn run={config.run} forget={config.forget} "
            f"receipt={new.receipt} shows later that the request was carried out"
        )
    if config.later:
        print(f"carry them out with: recsys unlearn run={config.run}")
        return 0

    before = means_of(generations.current)
    asked = together([(request.kind, request.rows) for request in requests] + ([file] if file else []))
    try:
        outcome = carry_out(run, generations, trained, rows, requests, plan, repartition=config.repartition)
    except Stopped as stopped:
        print(
            f"stopped by {stopped}; the run is as before and the requests are pending: recsys unlearn run={config.run}"
        )
        return 128 + stopped.signum
    except UserError as error:
        raise UserError(f"{error} The run is as before; the requests stay pending (discard=true drops them).") from None
    _report(config, trained, rows, plan, before, old_model, outcome, asked)
    return _verify(config, run, trained, asked) if config.verify else 0


def _collect(config, file, found, dataset, done: set[str]) -> tuple[list, Intake | None]:
    """The requests to carry out, and what became of the file. found: those kept in the run. done: ids of requests."""
    from recsys_cli.unlearning.intake import take_in
    from recsys_cli.unlearning.requests import unknown_rows

    requests = [request for request in found if request.id not in done]
    if not file:
        return requests, None
    gone = config.verify and unknown_rows(*file, dataset).all()
    if gone and not config.repartition:
        requests = []  # to look whether rows are gone is no order to carry out others
    cut_off = any((request.kind, request.rows) == file for request in found if request.id in done)
    new = take_in(config.forget, file, dataset, requests, ignore_missing=config.missing == "ignore" or gone or cut_off)
    return requests + ([new.request] if new and new.receipt else []), new


def _report(config, trained, rows, plan, before, old_model, outcome, asked) -> None:
    from recsys_cli.unlearning.compare import differences, retrain
    from recsys_cli.unlearning.report import done_lines, elsewhere, facts_of, metrics_lines, write_report

    facts = facts_of(plan, outcome, before, trained.unlearning.shards)
    print("\n".join(done_lines(facts)))
    if config.compare or config.audit:
        again = retrain(trained, outcome.rows.dataset)
        facts["retrained"] = {
            "seconds": round(again.seconds, 2),
            "metrics": again.result.means,
            "difference": differences(outcome.built.result, again.result, trained),
        }
        print(f"full retraining took {again.seconds:.1f} s")
    print(metrics_lines(facts))
    if config.audit:
        facts["audit"] = _audit(trained, rows, plan, old_model, outcome, again)
    facts["elsewhere"] = elsewhere(trained, asked)
    if facts["elsewhere"]:
        print("outside of the run, these are yours and may still hold the rows: " + ", ".join(facts["elsewhere"]))
    if config.report:
        write_report(config.report, facts)


def _audit(trained, rows, plan, old_model, outcome, again) -> dict:
    import numpy as np

    from recsys_cli.unlearning.audit import Subject, audit, verdict

    old, new = rows.dataset, outcome.rows.dataset
    everyone = np.arange(old.n_users), np.arange(old.n_items)
    left = [
        np.flatnonzero(np.isin(before, after))
        for before, after in ((old.user_ids, new.user_ids), (old.item_ids, new.item_ids))
    ]
    keys = np.intersect1d(rows.pairs.keys[plan.removed], old.target_train.keys)
    found = audit(
        old,
        keys,
        {
            "before": Subject(old_model.scorer(), *everyone),
            "after": Subject(outcome.built.model.scorer(), *left),
            "retrained": Subject(again.model.scorer(), *left),
        },
        trained.seed,
    )
    for name, (mean, low, high) in found.items():
        print(f"membership AUC, {name}: {mean:.4f} [{low:.4f}, {high:.4f}]")
    print(verdict(found))
    return {"auc": found, "verdict": verdict(found)}


def _verify(config, run, trained, forgotten) -> int:
    """Prints every check; 1 where one failed."""
    from recsys_cli.unlearning.verify import checks

    failed = 0
    for check in checks(
        run.path,
        trained,
        every_shard=config.verify_shards == "all",
        forgotten=forgotten,
        receipt=config.receipt,
        digest=config.ledger,
    ):
        failed += check.problem is not None
        more = f": {check.problem}" if check.problem else f" ({check.note})" if check.note else ""
        print(f"{'FAILED' if check.problem else 'ok':<8}{check.what}{more}", flush=True)
    print(f"{failed} checks failed" if failed else "everything agrees")
    return 1 if failed else 0
