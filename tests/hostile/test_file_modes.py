"""Files with secrets, which only their owner may read."""

import os
import stat


def test_catalogue_is_readable_only_by_its_owner(new_lake):
    former = os.umask(0o022)
    try:
        new_lake.start_catalogd()
        new_lake.catalog.put_keys("a", new_lake.files.put_rows("a.parquet", "SELECT 1 AS n"))
        folder = new_lake.folder / "catalog"

        def modes() -> dict[str, str]:
            return {path.name: stat.filemode(path.stat().st_mode) for path in folder.iterdir()}

        assert modes().keys() >= {"catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"}
        assert set(modes().values()) == {"-rw-------"}
        # Files of a former version, and files that a crash leaves.
        new_lake.catalogd.kill()
        for path in folder.iterdir():
            path.chmod(0o644)
        new_lake.start_catalogd()
        assert {mode for name, mode in modes().items() if name != "catalog.lock"} == {"-rw-------"}
    finally:
        os.umask(former)
