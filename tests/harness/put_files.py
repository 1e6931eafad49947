"""Files for `tarn put`, and what it makes of them."""

from pathlib import Path

import pyarrow
import pyarrow.parquet


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pyarrow_of(path: Path) -> pyarrow.Table:
    return pyarrow.parquet.read_table(path)
