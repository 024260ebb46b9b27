"""What there is to know of a prepared data set, from its manifest."""

from __future__ import annotations

from typing import Any

from data_prep.settings import shown
from data_prep.statistics import counts
from recsys_cli.pages.html import Html
from recsys_cli.pages.page import bullets, details, facts, heading, paragraph, table

NOT_SHOWN = ("files", "published", "notes", "name")


def data_card(manifest: dict[str, Any]) -> list[Html]:
    published = dict(manifest.get("published", {}))
    title = str(published.pop("table", "published"))
    rows = [
        [name, f"{count:,}", _count(published.pop(name, None)), remark]
        for name, count, remark in counts(manifest["statistics"], manifest["target"])
    ]
    rows += [[name, "-", _count(count), "not in this data set"] for name, count in published.items()]
    options = {
        k: shown(v) for k, v in manifest.get("options", {}).items() if v not in (None, [], {}) and k not in NOT_SHOWN
    }
    sources = [[s["file"], s.get("role", ""), f"{s['bytes']:,}", s["sha256"]] for s in manifest.get("sources", [])]
    files = (
        table(["file", "role", "bytes", "SHA-256"], sources, texts=[1, 3])
        if sources
        else paragraph("Generated, no files.")
    )
    return [
        facts({"data set": manifest["name"], "content": manifest["content_hash"], "target": manifest["target"]}),
        table(["", "here", title, ""], rows, texts=[3]),
        *[paragraph(text, mark="warning") for text in manifest.get("warnings", [])],
        bullets(manifest.get("notes", [])),
        heading("Sources"),
        files,
        details("how it was prepared", facts(options)),
    ]


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
