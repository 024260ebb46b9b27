"""Machine-readable companions of a report: RO-Crate 1.1 of a run, Croissant 1.0 of its data.

RO-Crate: https://w3id.org/ro/crate/1.1 (Soiland-Reyes et al. 2022). Croissant: http://mlcommons.org/croissant/1.0
(Akhtar et al. 2024). Only what is known stands in them: a licence that nobody stated is not made up.
"""

from __future__ import annotations

import csv
import hashlib
import mimetypes
from pathlib import Path
from typing import Any

from data_prep.files import read_file
from recsys_cli.config.library import PACKAGE
from recsys_cli.runs.finished import Finished

TYPES = {
    ".jsonl": "application/jsonl",
    ".npz": "application/zip",
    ".yaml": "application/yaml",
    ".npy": "application/x-npy",
}
FILES = ("config.yaml", "record.json", "metrics.jsonl", "test.json", "test_per_user.npz", "validation.json")
ACTION, SOFTWARE, DATA = "#training", "#recsys", "#data"


def ro_crate(run: Finished, name: str) -> dict[str, Any]:
    """Of the files of a run, which lie beside it."""
    files = [_file(run.path, file) for file in FILES if (run.path / file).is_file()]
    made = [{"@id": file["@id"]} for file in files if file["@id"] != "config.yaml"]
    record, made_with = run.record, run.record.get("environment", {})
    metrics = [
        {"@id": f"#{metric}", "@type": "PropertyValue", "name": metric, "value": value["mean"]}
        for metric, value in run.result["metrics"].items()
    ]
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": name,
            "description": f"One training of {run.config.model.name} on {run.config.data.name}, seed {run.config.seed}.",
            "datePublished": record.get("finished"),
            "hasPart": [{"@id": file["@id"]} for file in files],
            "mentions": {"@id": ACTION},
            "variableMeasured": [{"@id": metric["@id"]} for metric in metrics],
        },
        {
            "@id": ACTION,
            "@type": "CreateAction",
            "name": "training and evaluation",
            "startTime": record.get("started"),
            "endTime": record.get("finished"),
            "actionStatus": "http://schema.org/CompletedActionStatus",
            "instrument": {"@id": SOFTWARE},
            "object": [{"@id": "config.yaml"}, {"@id": DATA}],
            "result": made,
        },
        {
            "@id": SOFTWARE,
            "@type": "SoftwareApplication",
            "name": "recsys",
            "softwareVersion": made_with.get("recsys"),
            "identifier": f"sha256 of the sources: {made_with.get('code')}",
            "softwareRequirements": [
                f"{k} {made_with[k]}" for k in ("python", "tensorflow", "numpy") if k in made_with
            ],
        },
        {
            "@id": DATA,
            "@type": "Dataset",
            "name": run.config.data.name,
            "identifier": f"content {record.get('data_hash')}",
        },
        *files,
        *metrics,
    ]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def croissant(manifest: dict[str, Any]) -> dict[str, Any]:
    """Of a prepared data set: its source files, its arrays, and what these hold."""
    known = _origins(manifest["name"])
    sources = [
        {
            "@type": "cr:FileObject",
            "@id": f"source/{s['file']}",
            "name": s["file"],
            "description": f"raw file, role {s.get('role', 'unknown')}",
            "contentSize": f"{s['bytes']} B",
            "sha256": s["sha256"],
            "encodingFormat": mimetypes.guess_type(s["file"])[0] or "text/plain",
            "contentUrl": known.get(s["file"], s["file"]),  # the name alone where nobody has said where it comes from
        }
        for s in manifest.get("sources", [])
    ]
    arrays = [
        {
            "@type": "cr:FileObject",
            "@id": f"array/{name}",
            "name": name,
            "description": f"prepared array, {entry['dtype']} {entry['shape']}",
            "contentUrl": entry["file"],
            "sha256": entry["sha256"],
            "encodingFormat": TYPES[".npy"],
        }
        for name, entry in manifest["arrays"].items()
    ]
    counts = manifest["statistics"]
    told = [f"{counts['users']:,} users, {counts['items']:,} items"]
    told += [f"{count:,} training pairs of {behaviour}" for behaviour, count in counts["train"].items()]
    told += [f"{counts[part]['pairs']:,} {part} pairs" for part in ("valid", "test") if part in counts]
    return {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo",
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": manifest["name"],
        "description": "; ".join([*told, *manifest.get("warnings", []), *manifest.get("notes", [])]),
        "identifier": f"content {manifest['content_hash']}",
        "distribution": [*sources, *arrays],
    }


def _file(run: Path, name: str) -> dict[str, Any]:
    payload = read_file(run / name)
    kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
    digest = hashlib.sha256(payload).hexdigest()
    return {"@id": name, "@type": "File", "contentSize": len(payload), "encodingFormat": kind, "sha256": digest}


def _origins(name: str) -> dict[str, str]:
    """Where the raw files of a known data set come from, by file."""
    with open(PACKAGE.parent / "data_prep" / "upstream.csv", newline="") as stream:
        return {
            row["file"]: f"https://raw.githubusercontent.com/{row['repository']}/{row['commit']}/{row['path']}"
            for row in csv.DictReader(stream)
            if row["dataset"] == name and row["repository"]
        }
