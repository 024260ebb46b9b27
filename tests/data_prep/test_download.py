from __future__ import annotations

import http.server
import threading

import pytest

from data_prep import download as module
from data_prep import sources
from data_prep.errors import UserError
from data_prep.options import read_options
from data_prep.sources import git_blob_sha1, locate

CONTENT = b"0 1 2\n1 3\n"


@pytest.fixture
def server(monkeypatch):
    """A local source; `pages` maps a path to bytes, to an HTTP status, or to None: a broken answer."""
    pages = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            page = pages.get(self.path, 404)
            self.send_response(page if isinstance(page, int) else 200)
            self.send_header("Content-Length", str(len(page) if isinstance(page, bytes) else 1000))
            self.end_headers()
            self.wfile.write(page if isinstance(page, bytes) else b"cut")

        def log_message(self, *args):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(sources, "BASE_URL", f"http://127.0.0.1:{running.server_port}")
    yield pages
    running.shutdown()
    running.server_close()


@pytest.fixture
def options(tmp_path, monkeypatch):
    record = {
        "dataset": "far", "file": "train.txt", "repository": "who/what", "commit": "c0ffee",
        "path": "data/train.txt",
        "git_blob_sha1": git_blob_sha1(CONTENT), "sha256": "", "fetch": "yes", "note": "",
    }  # fmt: skip
    monkeypatch.setattr(sources, "_recorded", lambda name: {"train.txt": record})
    return read_options(
        {
            "name": "far",
            "source": "files",
            "behaviours": ["buy"],
            "split": "ratio",
            "cache_dir": str(tmp_path / "cache"),
            "files": [{"file": "train.txt", "form": "lines", "role": "train"}],
        }
    )


PAGE = "/who/what/c0ffee/data/train.txt"


def kept(tmp_path):
    return [path.name for path in tmp_path.rglob("*") if path.is_file()]


def test_the_checksum_is_that_of_git():
    assert git_blob_sha1(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_downloaded_once_checked_and_kept(server, options, tmp_path):
    server[PAGE] = CONTENT
    assert locate(options)[0][0].content == CONTENT
    server.clear()
    assert locate(options)[0][0].content == CONTENT
    assert kept(tmp_path) == ["train.txt"]


def test_local_files_come_first(server, options, tmp_path):
    (tmp_path / "train.txt").write_bytes(CONTENT)
    assert locate({**options, "raw_dir": str(tmp_path)})[0][0].content == CONTENT


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (CONTENT + b"2 1\n", f"gave another file: expected git_blob_sha1 {git_blob_sha1(CONTENT)}, received"),
        (404, "download of http://127.0.0.1.*train.txt failed: Not Found"),
        (None, "failed"),
    ],
)
def test_a_failed_download_says_what_to_put_where_and_keeps_nothing(server, options, tmp_path, page, message):
    server[PAGE] = page
    with pytest.raises(UserError, match=message) as caught:
        locate(options)
    assert "Put it at <folder>/far/train.txt (or .gz)" in str(caught.value)
    assert "who/what at c0ffee, data/train.txt" in str(caught.value)
    assert kept(tmp_path) == []


def test_no_answer_in_time(server, options, monkeypatch):
    monkeypatch.setattr(
        module.urllib.request, "urlopen", lambda *a, **k: (_ for _ in ()).throw(TimeoutError("timed out"))
    )
    with pytest.raises(UserError, match="timed out"):
        locate(options)


def test_an_unwritable_cache(server, options, tmp_path):
    server[PAGE] = CONTENT
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(UserError, match="train.txt .10 bytes. cannot be written"):
        locate(options)
