"""Parquet: columns of whole numbers are numbers, columns of text are text, as the file declares them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.ids import Texts

MAGIC = b"PAR1"
ENDINGS = (".parquet", ".pq")


def is_parquet(content: bytes, file: str) -> bool:
    """By its first bytes or, so that a damaged one is not taken for text, by the ending of its name."""
    return content[:4] == MAGIC or file.lower().endswith(ENDINGS)


class Parquet:
    """A table in a Parquet file."""

    def __init__(self, content: bytes, file: str):
        """Raises UserError where the file is damaged, or pyarrow is not installed."""
        if not find_spec("pyarrow"):
            raise UserError(f"{file} is a Parquet file: install pyarrow to read it, or convert it to CSV.")
        import pyarrow.parquet

        self.file = file
        try:
            self._file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
            self.names = [str(name) for name in self._file.schema_arrow.names]
        except (ValueError, OSError, RuntimeError) as error:
            raise self._damaged(error) from None
        if not self._file.metadata.num_rows:
            raise UserError(f"{file} has no rows.")

    def line_of(self, row: int) -> int:
        return row + 1

    def read(self, texts: Sequence[int], values: Sequence[int] = ()) -> dict[int, Any]:
        """Columns by place: int64 arrays or Texts, as the file declares them; values as pandas Series."""
        try:
            groups = range(self._file.num_row_groups)
            table = self._file.read_row_groups(groups, columns=[self.names[place] for place in {*texts, *values}])
            found = {place: table.column(self.names[place]).to_pandas() for place in values}
            return found | {place: self._column(table.column(self.names[place]), place) for place in texts}
        except (ValueError, OSError, RuntimeError) as error:
            raise self._damaged(error) from None

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
