"""Files for `tarn put`, and the expected tables."""

from pathlib import Path

import pyarrow
import pyarrow.parquet


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pyarrow_of(path: Path) -> pyarrow.Table:
    return pyarrow.parquet.read_table(path)
