"""`recsys unlearn map`: every place that holds what comes from the people of a run, and what is done about it."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig

from data_prep.settings import MANDATORY, Settings, field

CSV = (r".*\.csv", "a file name that ends in .csv")


@dataclass(frozen=True)
class MapSettings(Settings):
    run: str = field(MANDATORY, "a run directory, also of a run that cannot forget")
    forget: str | None = field(None, "the CSV file of a request: say of each place whether it has any of its rows")
    folders: list[str] | None = field(
        None, "where other runs, exports and tables are looked for; null: the folder that the run lies in"
    )
    out: str | None = field(None, "a table of all places", pattern=CSV)


def main(config: DictConfig) -> int:
    from pathlib import Path

    from recsys_cli.training.device import import_tensorflow

    import_tensorflow()  # first, and so without its greetings
    from data_prep.files import check_writable, write_file
    from recsys_cli.datamap.held import looked_up
    from recsys_cli.datamap.inside import inside
    from recsys_cli.datamap.outside import derived, sources
    from recsys_cli.datamap.written import as_csv, as_text
    from recsys_cli.runs.config import read_settings
    from recsys_cli.runs.record import read_record
    from recsys_cli.unlearning.copies import rows_and_ledger
    from recsys_cli.unlearning.forget_file import read_rows

    if config.out:
        check_writable(config.out, "out")
    content = read_rows(config.forget) if config.forget else None
    run = Path(config.run).expanduser()
    # Also of a version whose runs cannot be taken up any more: they hold people's rows too.
    settings = read_settings(run)
    dataset, ledger = rows_and_ledger(run, settings)
    folders = config.folders if config.folders is not None else [run.resolve().parent]
    found = [
        *inside(run, ledger),
        *sources(settings),
        *derived(run, settings, read_record(run), [Path(f).expanduser() for f in folders]),
    ]
    if content:
        found = looked_up(found, content, dataset)
    print(as_text(found, run, content is not None))
    print("looked for other runs, exports and tables in " + ", ".join(map(str, folders)))
    print("not seen: backups, other machines, other caches, and what was sent elsewhere")
    if config.out:
        write_file(config.out, as_csv(found))
        print(f"table: {config.out}")
    holding = sum(place.named is True for place in found)
    if content:
        print(f"{holding} places have rows that were asked for" if holding else "no place that was looked up has them")
    return 1 if holding else 0
