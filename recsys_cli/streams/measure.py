"""A whole stream: every way of serving it, with every size of a batch, scored at shares of it; goes on after a kill."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_prep.files import make_folder, write_file
from recsys_cli.streams.approximate import METHODS, Settings
from recsys_cli.streams.asked import Stream, asked
from recsys_cli.streams.claim import claim, refuse_unfit
from recsys_cli.streams.clock import Batch, Waiting, arrivals, batches, waiting
from recsys_cli.streams.left import remaining
from recsys_cli.streams.points import Point, kept_point, score_point
from recsys_cli.streams.spam import Attack
from recsys_cli.streams.ways import Approximate, OfRun, Spent, Way, clear, spent_in
from recsys_cli.training.build import build_model
from recsys_cli.training.checkpoint import load, save
from recsys_cli.unlearning.compare import train_model
from recsys_cli.unlearning.copies import Source, read_source

RETRAIN = "retrain"


class Row(NamedTuple):
    """A way with a size of batches, at a share of the stream. n: requests done. spent: on their batches. waited: seconds
    of each request. against: the same point of retraining, where it is another way."""

    way: str
    exact: bool
    batch: int
    share: int
    n: int
    point: Point
    spent: list[Spent]
    waited: np.ndarray
    waiting: Waiting
    against: Point | None


class Measured(NamedTuple):
    stream: Stream
    sources: list[Source]
    rows: list[Row]
    folder: Path


class Plan(NamedTuple):
    """What a stream has before anything is carried out. ends: share -> requests done by then."""

    stream: Stream
    arrived: np.ndarray
    ends: dict[int, int]

    def batches(self, settings, size: int) -> list[Batch]:
        return batches(self.arrived, size, settings.wait, list(self.ends.values()))


def measure(settings, say: Callable[[str], None]) -> Measured:
    """settings: of the command. Raises UserError for a stream that cannot be, Stopped for a signal."""
    sources = [read_source(Path(path).expanduser()) for path in (settings.run, *settings.beside)]
    refuse_unfit(settings, sources)
    source, folder = sources[0], Path(settings.out).expanduser()
    attack = Attack(settings, source.dataset) if settings.requests == "spam" else None
    stream = attack.stream if attack else asked(settings, source.dataset)
    n = len(stream.requests)
    ends = {share: max(1, -(-share * n // 100)) for share in sorted(set(settings.points))}
    plan = Plan(stream, arrivals(n, settings.every, settings.arrivals, settings.seed), ends)
    claim(folder, settings, sources, stream)
    say(f"{n:,} requests: {stream.about}" + _passed_over(stream))
    if attack:
        source = attack.train(folder / "spam", source)
        sources = [source]
    retrained = _retrain(folder, settings, source, plan, say) if RETRAIN in settings.ways else {}
    rows = []
    for size in settings.batches:
        todo = plan.batches(settings, size)
        for share, (point, _) in retrained.items():
            done = [batch for batch in todo if batch.last <= plan.ends[share]]
            spent = [Spent(_at(retrained, plan, batch)) for batch in done]
            rows.append(_row(RETRAIN, True, size, share, plan, point, done, spent, None))
        for name, exact, start in _ways(folder, settings, sources, say):
            found = _serve(
                folder / name / f"batch-{size}", settings, source, plan, todo, start, f"{name}, batches of {size}", say
            )
            for share, (point, spent) in found.items():
                against = retrained[share][0] if retrained else None
                rows.append(_row(name, exact, size, share, plan, point, todo[: len(spent)], spent, against))
    shutil.rmtree(folder / "original", ignore_errors=True)  # it knows what was to be forgotten
    return Measured(stream, sources, rows, folder)


def _ways(folder: Path, settings, sources: Sequence[Source], say) -> Iterator[tuple[str, bool, Callable[[Path], Way]]]:
    """Name, whether it is exact, and what makes it in a folder."""
    if "run" in settings.ways:
        for source, name in zip(sources, names_of(sources)):
            yield name, True, partial(OfRun, run=source.path)
    methods = [way for way in settings.ways if way in METHODS]
    if not methods:
        return
    own = Settings(
        settings.finetune_epochs,
        settings.ascent_steps,
        settings.ascent_rate,
        settings.influence_rounds,
        settings.influence_damping,
    )
    config, dataset, original = _quiet(sources[0]), sources[0].dataset, partial(_original, folder, sources[0], say)
    for method in methods:
        known = {"method": method, "config": config, "dataset": dataset, "original": original, "settings": own}
        yield method, False, partial(Approximate, **known)


def names_of(sources: Sequence[Source]) -> list[str]:
    """The method of each run with its number of shards; with its folder where two have the same."""
    names = [f"{s.config.unlearning.name}-{s.config.unlearning.get('shards', 1)}" for s in sources]
    return [n if names.count(n) == 1 else f"{n}-{s.path.resolve().name}" for n, s in zip(names, sources)]


def _serve(
    folder: Path, settings, source: Source, plan: Plan, todo: Sequence[Batch], start, title: str, say
) -> dict[int, tuple[Point, list[Spent]]]:
    """Batch after batch, and a score at every share. start: makes the way in its folder."""
    make_folder(folder, folder.parents[1])
    points = {share: kept_point(folder, share) for share in plan.ends}
    way: Way | None = None if all(points.values()) else start(folder)
    spent = way.spent if way else spent_in(folder)
    requests = plan.stream.requests
    if isinstance(way, Approximate) and spent:
        way.begin_after(requests[: todo[len(spent) - 1].last])
    for share, end in plan.ends.items():
        here = [batch for batch in todo if batch.last <= end]
        if points[share] is None:
            assert way is not None
            for batch in here[len(spent) :]:
                way.forget(requests[batch.first : batch.last])
                say(
                    f"{title}: {batch.last} of {len(requests)} requests, the last batch in {way.spent[-1].seconds:.2f} s"
                )
            left = remaining(source.dataset, requests[:end])
            points[share] = score_point(
                folder, share, source.config, way.scorer(left), left, plan.stream, end, settings.active
            )
    clear(folder)
    counts = {share: sum(batch.last <= end for batch in todo) for share, end in plan.ends.items()}
    return {share: (point, spent[: counts[share]]) for share, point in points.items() if point is not None}


def _retrain(folder: Path, settings, source: Source, plan: Plan, say) -> dict[int, tuple[Point, float]]:
    """One model trained on what remains, at every share; and the seconds of its training."""
    place, found = make_folder(folder / RETRAIN, folder), {}
    for share, end in plan.ends.items():
        seconds = place / f"seconds-{share}.json"
        if (point := kept_point(place, share)) is None:
            left = remaining(source.dataset, plan.stream.requests[:end])
            began = time.perf_counter()
            model = train_model(
                place / "training", _quiet(source), build_model(source.config.model, left, source.config.seed)
            )
            write_file(seconds, json.dumps(time.perf_counter() - began).encode())
            point = score_point(place, share, source.config, model.scorer(), left, plan.stream, end, settings.active)
            say(f"{RETRAIN} after {end} requests: {json.loads(seconds.read_text()):.1f} s")
        found[share] = point, json.loads(seconds.read_text())
    return found


def _at(retrained: dict[int, tuple[Point, float]], plan: Plan, batch: Batch) -> float:
    """Seconds of a retraining for this batch: those of the next share at which one was done."""
    return next(seconds for share, (_, seconds) in retrained.items() if plan.ends[share] >= batch.last)


def _row(way, exact, size, share, plan: Plan, point, done, spent, against) -> Row:
    waited, summary = waiting(plan.arrived, done, [one.seconds for one in spent])
    return Row(way, exact, size, share, plan.ends[share], point, spent, waited, summary, against)


def _original(folder: Path, source: Source, say) -> Path:
    """The parameters of one model of all data, from which approximate methods start."""
    file = folder / "original" / "parameters.npz"
    if not file.exists():
        make_folder(file.parent, folder)
        say("trains one model on all data, for the approximate methods to start from")
        model = build_model(source.config.model, source.dataset, source.config.seed)
        train_model(file.parent / "training", _quiet(source), model)
        save(file, {name: variable.numpy() for name, variable in model.state().items()}, {})
    load(file)
    return file


def _quiet(source: Source) -> Any:
    source.config.trainer.progress = False
    return source.config


def _passed_over(stream: Stream) -> str:
    return (
        f"; {stream.passed_over:,} rows of the file are not in the data and are passed over"
        if stream.passed_over
        else ""
    )
