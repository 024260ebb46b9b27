"""Croissant 1.0 of a data set: http://mlcommons.org/croissant/1.0 (Akhtar et al. 2024).

Only what is known stands in it: a licence that nobody stated is not made up.
"""

from __future__ import annotations

import csv
import mimetypes
from typing import Any

from recsys_cli.config.library import PACKAGE


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
            "encodingFormat": "application/x-npy",
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


def _origins(name: str) -> dict[str, str]:
    """Where the raw files of a known data set come from, by file."""
    with open(PACKAGE.parent / "data_prep" / "upstream.csv", newline="") as stream:
        return {
            row["file"]: f"https://raw.githubusercontent.com/{row['repository']}/{row['commit']}/{row['path']}"
            for row in csv.DictReader(stream)
            if row["dataset"] == name and row["repository"]
        }
