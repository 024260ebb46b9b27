"""Parquet: columns of whole numbers are numbers, columns of text are text, as the file declares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from data_prep.delimited import Convert
from data_prep.errors import UserError
from data_prep.ids import Texts
from data_prep.text_blocks import Opened, as_opened

MAGIC = b"PAR1"
ENDINGS = (".parquet", ".pq")


def is_parquet(content: bytes, file: str) -> bool:
    """By its first bytes or, so that a damaged one is not taken for text, by the ending of its name."""
    return content[:4] == MAGIC or file.lower().endswith(ENDINGS)


class Parquet:
    """A table in a Parquet file."""

    def __init__(self, content: bytes | Opened, file: str):
        """Raises UserError where the file is damaged, or pyarrow is not installed."""
        if not find_spec("pyarrow"):
            raise UserError(f"{file} is a Parquet file: install pyarrow to read it, or convert it to CSV.")
        import pyarrow.parquet

        self.file = file
        try:
            self._file = pyarrow.parquet.ParquetFile(as_opened(content)())
            self.names = [str(name) for name in self._file.schema_arrow.names]
        except (ValueError, OSError, RuntimeError) as error:
            raise self._damaged(error) from None
        if not self._file.metadata.num_rows:
            raise UserError(f"{file} has no rows.")

    def line_of(self, row: int) -> int:
        return row + 1

    def read(self, texts: Sequence[int], values: Mapping[int, Convert] | None = None) -> dict[int, Any]:
        """Columns by place: int64 arrays or Texts, as the file declares them, and what `values` makes of others (as for
        Delimited). One column is in memory at a time."""
        try:
            made = {
                place: convert(self._of(place).to_pandas(), self.line_of) for place, convert in (values or {}).items()
            }
            return made | {place: self._column(self._of(place), place) for place in texts}
        except (ValueError, OSError, RuntimeError) as error:
            raise self._damaged(error) from None

    def _of(self, place: int) -> Any:
        groups = range(self._file.num_row_groups)
        return self._file.read_row_groups(groups, columns=[self.names[place]]).column(0)

    def _column(self, column: Any, place: int) -> np.ndarray | Texts:
        import pyarrow as pa

        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_integer(kind) and not column.null_count:
            return column.cast(pa.int64()).to_numpy()
        if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
            encoded = column.cast(pa.large_string()).dictionary_encode().combine_chunks()
            codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
            return Texts(codes, np.array(encoded.dictionary.to_pylist(), object))
        raise UserError(
            f"{self.file}: the column {self.names[place]!r} is of type {kind}, and only whole numbers and text are "
            "read there. Convert the column."
        )

    def _damaged(self, error: Exception) -> UserError:
        return UserError(
            f"{self.file} is not a readable Parquet file: {str(error).rstrip('.')}. Write it again, or give CSV."
        )
