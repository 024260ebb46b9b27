"""RO-Crate 1.1 of a folder with runs in it: https://w3id.org/ro/crate/1.1 (Soiland-Reyes et al. 2022)."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_prep.files import read_file
from recsys_cli.runs.finished import Finished

NAME = "ro-crate-metadata.json"
TYPES = {".jsonl": "application/jsonl", ".npz": "application/zip", ".yaml": "application/yaml"}
FILES = ("config.yaml", "record.json", "metrics.jsonl", "test.json", "test_per_user.npz", "validation.json")

Entity = dict[str, Any]


def files_of(run: Path, folder: str = "") -> dict[str, bytes]:
    """The files of a run that go along, by their places in the crate."""
    return {folder + name: read_file(run / name) for name in FILES if (run / name).is_file()}


def ro_crate(name: str, about: str, files: Mapping[str, bytes], runs: Mapping[str, Finished]) -> dict[str, Any]:
    """files: all of the crate, by their places in it. runs: by the folder of their files, such as runs/a/, or ""."""
    entities: dict[str, Entity] = {}
    for folder, run in runs.items():
        entities |= {entity["@id"]: entity for entity in _training(folder, run, files)}
    parts = [_file(place, payload) for place, payload in files.items()]
    of_kind = {
        kind: [{"@id": i} for i, e in entities.items() if e["@type"] == kind]
        for kind in ("CreateAction", "PropertyValue")
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": name,
        "description": about,
        "datePublished": max((str(run.record.get("finished")) for run in runs.values()), default=None),
        "hasPart": [{"@id": part["@id"]} for part in parts],
        "mentions": of_kind["CreateAction"],
        "variableMeasured": of_kind["PropertyValue"],
    }
    described = {
        "@id": NAME,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [described, root, *entities.values(), *parts],
    }


def _training(folder: str, run: Finished, files: Mapping[str, bytes]) -> list[Entity]:
    """The training of a run, the program and the data that it took, and what it measured."""
    record, made_with = run.record, run.record.get("environment", {})
    software = {
        "@id": f"#recsys-{str(made_with.get('code'))[:16]}",
        "@type": "SoftwareApplication",
        "name": "recsys",
        "softwareVersion": made_with.get("recsys"),
        "identifier": f"sha256 of the sources: {made_with.get('code')}",
        "softwareRequirements": [f"{k} {made_with[k]}" for k in ("python", "tensorflow", "numpy") if k in made_with],
    }
    data = {
        "@id": f"#data-{str(record.get('data_hash'))[:16]}",
        "@type": "Dataset",
        "name": run.config.data.name,
        "identifier": f"content {record.get('data_hash')}",
    }
    metrics = [
        {"@id": f"#{folder}{metric}", "@type": "PropertyValue", "name": metric, "value": value["mean"]}
        for metric, value in run.result["metrics"].items()
    ]
    own = [place for place in files if place.removeprefix(folder) in FILES and place.startswith(folder)]
    config = f"{folder}config.yaml"
    action = {
        "@id": f"#{folder}training",
        "@type": "CreateAction",
        "name": f"training of {run.config.model.name} on {run.config.data.name}, seed {run.config.seed}, and evaluation",
        "startTime": record.get("started"),
        "endTime": record.get("finished"),
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "instrument": {"@id": software["@id"]},
        "object": [*({"@id": place} for place in own if place == config), {"@id": data["@id"]}],
        "result": [*({"@id": place} for place in own if place != config), *({"@id": m["@id"]} for m in metrics)],
    }
    return [action, software, data, *metrics]


def _file(place: str, payload: bytes) -> Entity:
    kind = TYPES.get(Path(place).suffix) or mimetypes.guess_type(place)[0]
    digest = hashlib.sha256(payload).hexdigest()
    return {"@id": place, "@type": "File", "contentSize": len(payload), "encodingFormat": kind, "sha256": digest}
