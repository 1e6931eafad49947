"""Hostile SQL, and harmless SQL that looks similar: each statement gets its verdict, and nothing
changes. The statements are in refused.toml and allowed.toml. The test compares the bucket, the
files of the daemons and the catalogue before and after. A server beside the store counts
forbidden connections, and a file has text that must not appear."""

import contextlib
import hashlib
import secrets
import socket
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from harness.client import Answer
from harness.engine import failures
from harness.lake import Lake
from harness.programs import extension
from harness.store import BUCKET
from harness.waiting import wait_until

_HERE = Path(__file__).parent
_REFUSED = tomllib.loads((_HERE / "refused.toml").read_text())["group"]
_ALLOWED = tomllib.loads((_HERE / "allowed.toml").read_text())["sql"]

_TRIPS = """
    SELECT i AS id, ['Oslo', 'Rome', 'Lima'][i] AS city, price: (i * 1.5)::DECIMAL(9, 2),
        TIMESTAMP '2026-01-01' + to_days(i::INT) AS started, ['a', 'b'] AS tags, '{"a": 1}' AS doc,
        {'lat': 1.5, 'lon': i} AS place
    FROM range(1, 4) t(i)"""
_QUOTES = """
    SELECT TIMESTAMP '2026-01-01' + to_days(i::INT) AS started, ['Oslo', 'Rome'][i] AS city,
        i * 10.0 AS quote
    FROM range(1, 3) t(i)"""


class Listener:
    """Counts connections and sends nothing."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                connection.close()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


class World:
    """A lake, and the state that must not change."""

    def __init__(self, lake: Lake, listener: Listener) -> None:
        self.lake = lake
        self.listener = listener
        self.secret_words = secrets.token_hex(16)
        outside = lake.folder / "outside"
        outside.mkdir()
        self.canary = outside / "canary.csv"
        self.canary.write_text(f"a,b\n{self.secret_words},1\n")
        self.home = lake.folder
        temp = lake.folder / "temp"
        temp.mkdir()
        lake.set("queryd", temp_directory=str(temp))
        lake.start()
        lake.add("trips", _TRIPS)
        lake.add("quotes", _QUOTES, key="quotes.parquet")
        for name in ("trips", "quotes"):
            wait_until(lambda name=name: lake.select_all(name).status == 200, f"{name} is there")

    def text(self, template: str) -> str:
        values = {
            "@BUCKET@": f"s3://{BUCKET}/{self.lake.files.prefix}",
            "@CANARY@": str(self.canary),
            "@OUT@": str(self.canary.parent / "out"),
            "@HTTP@": self.listener.url,
        }
        for name, value in values.items():
            template = template.replace(name, value)
        return template

    def ask(self, template: str) -> Answer:
        answer = self.lake.query.sql(self.text(template))
        assert self.secret_words not in answer.text
        return answer

    def picture(self) -> dict[str, object]:
        pages = self.lake.files.store.client.get_paginator("list_objects_v2")
        objects = [item for page in pages.paginate(Bucket=BUCKET) for item in page["Contents"]]
        buckets = self.lake.files.store.client.list_buckets()["Buckets"]
        rows = self.lake.query.sql
        return {
            "buckets": [bucket["Name"] for bucket in buckets],
            "objects": {item["Key"]: (item["ETag"], item["LastModified"]) for item in objects},
            "files": dict(_files(self.home)),
            "catalogue": self.lake.catalog.list(),
            "views": rows(
                "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
            ).rows(),
            "tables": rows("SELECT * FROM information_schema.tables ORDER BY ALL").rows(),
            "functions": rows("SELECT count(*) FROM duckdb_functions()").rows(),
            "databases": rows("SELECT * FROM duckdb_databases() ORDER BY ALL").rows(),
            "schemas": rows("SELECT * FROM duckdb_schemas() ORDER BY ALL").rows(),
            "types": rows("SELECT count(*) FROM duckdb_types()").rows(),
            "sequences": rows("SELECT * FROM duckdb_sequences()").rows(),
            # Queries cannot read settings, so these results depend on some of them.
            "settings": rows(
                "SELECT '2026-01-01 00:00:00'::TIMESTAMPTZ::VARCHAR, 1 / 2, 'a' < 'B', "
                "current_schema(), (SELECT list(x) FROM (VALUES (1), (NULL)) t(x) ORDER BY ALL)"
            ).rows(),
            "rows": self.lake.select_all("trips").rows(),
            "failures": failures(self.lake.query),
            "connections": self.listener.connections,
        }


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Returns all files except for logs and the database of the catalogue, which is compared by
    content."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.suffix in (".err", ".out") or relative.parts[0] == "catalog":
            continue
        yield (
            str(relative),
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )


@pytest.fixture(scope="module")
def world(module_lake) -> Iterator[World]:
    listener = Listener()
    try:
        world = World(module_lake, listener)
        before = world.picture()
        yield world
        after = world.picture()
        for what, was in before.items():
            assert after[what] == was, what
        assert after["connections"] == 0
        assert after["failures"] == 0
    finally:
        listener.close()


def _expect_refusal(world: World, template: str, message: str) -> None:
    """`message` is the whole error, or its beginning if it ends with "…"."""
    text = world.ask(template).expect_error(400, "query: " + message)
    whole = message.startswith("not allowed: ") and not message.endswith("did you mean ")
    if whole:
        assert text == "query: " + message
    if "Parser Error" not in message:
        assert "LINE 1" not in text, "the error quotes the SQL"


REFUSED = [
    (sql, f"not allowed: {group['kind']}" if "kind" in group else group["error"])
    for group in _REFUSED
    for sql in group["sql"]
]


def test_the_corpus_is_large():
    assert len(REFUSED) >= 400
    assert len(_ALLOWED) >= 130
    assert len({sql for sql, _ in REFUSED} | set(_ALLOWED)) == len(REFUSED) + len(_ALLOWED)


@pytest.mark.parametrize(("sql", "message"), REFUSED, ids=[sql[:60] for sql, _ in REFUSED])
def test_hostile_sql_is_refused(world, sql, message):
    _expect_refusal(world, sql, message)


@pytest.mark.parametrize("sql", _ALLOWED, ids=[sql[:60] for sql in _ALLOWED])
def test_harmless_sql_is_accepted(world, sql):
    answer = world.ask(sql)
    assert answer.status == 200, answer.text
    assert answer.json()["columns"]


# --- all table functions of this DuckDB

_TABLE_FUNCTIONS_ALLOWED = set(
    """
    duckdb_columns duckdb_constraints duckdb_coordinate_systems duckdb_databases
    duckdb_dependencies duckdb_functions duckdb_indexes duckdb_keywords duckdb_schemas
    duckdb_sequences duckdb_tables duckdb_types duckdb_views generate_series icu_calendar_names
    json_each json_tree pg_timezone_names pragma_collations pragma_platform pragma_table_info
    pragma_version range repeat repeat_row summary test_all_types test_vector_types unnest
    """.split()
)
_CHECKED_BY_ARGUMENT = {"query", "query_table"}


def _table_functions() -> list[str]:
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension('httpfs')}'")
    rows = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type IN ('table', 'table_macro') ORDER BY ALL"
    )
    return [name for (name,) in rows.fetchall()]


@pytest.mark.parametrize("name", _table_functions())
def test_each_table_function_by_each_of_its_names(world, name):
    allowed = name in _TABLE_FUNCTIONS_ALLOWED
    for form in (
        name,
        name.upper(),
        f'"{name}"',
        f'"{name.title()}"',
        f"main.{name}",
        f"system.main.{name}",
        f"pg_catalog.{name}",
        f'"system"."main"."{name}"',
    ):
        for call in (f"{form}()", f"{form}('@CANARY@')", f"{form}('@CANARY@', 1)"):
            for sql in (
                f"FROM {call}",
                f"SELECT (SELECT count(*) FROM {call})",
                f"FROM query($q$FROM {call}$q$)",
            ):
                answer = world.ask(sql)
                if allowed:
                    # The call may be an error in DuckDB with these arguments.
                    assert "not allowed" not in answer.text, sql
                    continue
                message = answer.expect_error(400, "query: ")
                if name in _CHECKED_BY_ARGUMENT:
                    assert message.startswith(("query: not allowed: query", "query: Parser Error"))
                else:
                    assert message == f"query: not allowed: table function {name}", sql
        # Without parentheses it is the name of a table.
        bare = world.ask(f"FROM {form}")
        if not allowed:
            message = bare.expect_error(400, "query: ")
            # One of them is a keyword in DuckDB's grammar.
            assert message == f"query: not allowed: table function {name}" or (
                name == "glob" and message.startswith("query: Parser Error: ")
            ), form


def test_deep_or_long_statements_are_harmless(world):
    """The engine keeps running, whether these succeed or fail."""
    for sql in (
        "SELECT " + "(" * 20_000 + "1" + ")" * 20_000,
        "SELECT 1" + " UNION ALL SELECT 1" * 3_000,
        "SELECT " + "NOT " * 15_000 + "true",
        "SELECT " + "-" * 1 + " - ".join(["1"] * 15_000),
        "FROM " + "(FROM " * 5_000 + "trips" + ")" * 5_000,
        "SELECT " + "[" * 20_000 + "]" * 20_000,
        "WITH " + ", ".join(f"a{i} AS (SELECT 1)" for i in range(2_000)) + " SELECT 1",
        "SELECT " + "x" * 60_000 + "(1)",
        "EXPLAIN " * 8_000 + "SELECT 1",
        "FROM query('" * 9 + "SELECT 1" + "')" * 9,
    ):
        answer = world.ask(sql)
        assert answer.status in (200, 400), answer.text[:500]
        assert world.ask("SELECT 1").rows() == [[1]]
