"""tarn put makes a dataset in the bucket, or in a folder, from files."""

import gzip
import io
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pyarrow.parquet
import pytest
from harness.proxy import TcpProxy
from harness.store import BUCKET, parquet
from harness.terminal import Terminal
from harness.tool import Tool, command, environment, ok, refused
from harness.waiting import wait_until

CSV = "id,name,day\n1,one,2026-01-02\n2,two,2026-01-03\n"


@pytest.fixture
def run(lake) -> Tool:
    """Runs tarn put in a folder with the lakehouse.toml of the lake."""
    lake.write_config()
    return Tool(lake)


@pytest.fixture
def file(lake):
    def write(name: str, content: str | bytes) -> Path:
        path = lake.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def put(run: Tool, *arguments, **options):
    return run("put", "--config", run.lake.write_config(), *arguments, **options)


def keys(lake) -> list[str]:
    listed = lake.files.store.client.list_objects_v2(Bucket=BUCKET)
    return sorted(each["Key"] for each in listed.get("Contents", []))


def manifest(lake, name: str) -> dict:
    answer = lake.catalog.get(f"/catalog/datasets/{name}")
    assert answer.status == 200, answer.text
    return answer.json()


def test_csv_becomes_a_dataset(lake, run, file):
    out = ok(put(run, file("sales.csv", CSV), "--as", "sales"))
    assert out.startswith('"sales": 2 rows in 1 object (')
    assert out.endswith("), 3 columns\n")
    lake.wait_for_rows("sales", [[1, "one", "2026-01-02"], [2, "two", "2026-01-03"]])
    there = manifest(lake, "sales")
    assert there["row_count"] == 2
    assert [(c["name"], c["type"]) for c in there["schema"]] == [
        ("id", "BIGINT"),
        ("name", "VARCHAR"),
        ("day", "DATE"),
    ]
    (object_,) = there["objects"]
    assert object_["key"].startswith("sales/")
    head = lake.files.store.client.head_object(Bucket=BUCKET, Key=object_["key"])
    assert (head["ContentLength"], head["ETag"]) == (object_["size"], object_["etag"])


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.tsv", CSV.replace(",", "\t"), []),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0), []),
        ("a.dat", CSV.replace(",", "|"), ["--format", "csv", "--delimiter", "|"]),
        ("a.csv", CSV.split("\n", 1)[1], ["--no-header"]),
        ("a [1]*.csv", CSV, []),
        (
            "a.json",
            '[{"id":1,"name":"one","day":"2026-01-02"},{"id":2,"name":"two","day":null}]',
            [],
        ),
        ("a.ndjson", '{"id":1}\n{"id":2,"name":"two"}\n', []),
        ("a.parquet", parquet("SELECT range + 1 AS id FROM range(2)"), []),
    ],
)
def test_formats(lake, run, file, name, content, options):
    ok(put(run, file(name, content), "--as", "t", *options))
    wait_until(lambda: lake.select_all("t").status == 200, "the dataset can be queried")
    assert [row[0] for row in lake.select_all("t").rows()] == [1, 2]


def test_parquet_is_stored_unchanged(lake, run, file):
    content = parquet("SELECT 1 AS n")
    ok(put(run, file("a.parquet", content), "--as", "t"))
    (object_,) = manifest(lake, "t")["objects"]
    stored = lake.files.store.client.get_object(Bucket=BUCKET, Key=object_["key"])
    assert stored["Body"].read() == content


def test_stdin(lake, run):
    ok(put(run, "-", "--as", "t", input=CSV))
    lake.wait_for_rows("t", [[1, "one", "2026-01-02"], [2, "two", "2026-01-03"]])


def test_several_files_have_the_columns_of_all(lake, run, file):
    file("a.csv", "id,x\n1,2\n")
    file("b.csv", "id,y\n2,z\n")
    ok(put(run, "a.csv", "b.csv", "--as", "t"))
    wait_until(lambda: lake.select_all("t").status == 200, "the dataset can be queried")
    assert sorted(lake.select_all("t").rows()) == [[1, 2, None], [2, None, "z"]]


def test_last_row_decides_the_type(lake, run, file):
    rows = "".join(f"{i}\n" for i in range(100_000))
    ok(put(run, file("a.csv", f"n\n{rows}none\n"), "--as", "t"))
    assert manifest(lake, "t")["schema"] == [{"name": "n", "type": "VARCHAR"}]


def test_existing_dataset_needs_append_or_replace(lake, run, file):
    path = file("a.csv", CSV)
    ok(put(run, path, "--as", "t"))
    before = manifest(lake, "t")
    refused(put(run, path, "--as", "t"), "--append adds to it, --replace takes its place")
    refused(put(run, path, "--as", "t", "--append", "--replace"), "choose one")
    assert manifest(lake, "t") == before


def test_append(lake, run, file):
    ok(put(run, file("a.csv", CSV), "--as", "t"))
    out = ok(put(run, file("b.csv", "day,id,name\n2026-02-01,3,three\n"), "--as", "t", "--append"))
    assert "1 row in 1 object" in out and out.endswith("more\n")
    there = manifest(lake, "t")
    assert (there["row_count"], len(there["objects"])) == (3, 2)
    wait_until(lambda: len(lake.select_all("t").rows()) == 3, "the rows can be queried")
    refused(put(run, "b.csv", "--as", "t", "--append"), "has these rows already")


def test_append_to_a_dataset_without_a_schema(lake, run, file):
    lake.add("t", "SELECT 1::SMALLINT AS n")
    lake.wait_for_rows("t", [[1]])
    ok(put(run, file("a.csv", "n\n2\n"), "--as", "t", "--append"))
    lake.wait_for_rows("t", [[1], [2]])


def test_append_error_lists_the_columns_that_differ(lake, run, file):
    ok(put(run, file("a.csv", CSV), "--as", "t"))
    before = (manifest(lake, "t"), keys(lake))
    done = put(run, file("b.csv", "id,nmae\n3,x\n"), "--as", "t", "--append")
    refused(done, "the columns are not those of the dataset")
    assert [line.split() for line in done.stderr.splitlines()[3:]] == [
        ["name", "VARCHAR", "missing"],
        ["day", "DATE", "missing"],
        ["nmae", "missing", "VARCHAR"],
    ]
    done = put(run, file("c.csv", "id,name,day\n3,x,soon\n"), "--as", "t", "--append")
    refused(done, '"soon"', "day", "DATE", "VARCHAR")
    assert "LINE 1" not in done.stderr
    assert (manifest(lake, "t"), keys(lake)) == before


def test_append_of_parquet_with_compatible_types(lake, run, file):
    path = file("a.parquet", parquet("SELECT 1::INTEGER AS id, 'x' AS name"))
    ok(put(run, path, "--as", "t"))
    path = file("b.parquet", parquet("SELECT DATE '2026-01-31' AS day, 3000000000 AS ID"))
    ok(put(run, path, "--as", "t", "--append"))
    assert manifest(lake, "t")["schema"] == [
        {"name": "id", "type": "BIGINT"},
        {"name": "name", "type": "VARCHAR"},
        {"name": "day", "type": "DATE"},
    ]
    lake.wait_for_rows("t", [[1, "x", None], [3000000000, None, "2026-01-31"]])
    before = (manifest(lake, "t"), keys(lake))
    path = file("c.parquet", parquet("SELECT '007' AS id"))
    refused(
        put(run, path, "--as", "t", "--append"),
        'column "id" is BIGINT in "the dataset" and VARCHAR in ',
        "no type holds both",
    )
    assert (manifest(lake, "t"), keys(lake)) == before


def test_parquet_files_of_one_put_need_compatible_types(lake, run, file):
    one = file("a.parquet", parquet("SELECT 1::INTEGER AS id"))
    two = file("b.parquet", parquet("SELECT 2::BIGINT AS id, 'x' AS name"))
    ok(put(run, one, two, "--as", "t"))
    lake.wait_for_rows("t", [[1, None], [2, "x"]])
    three = file("c.parquet", parquet("SELECT 2.5::DOUBLE AS id"))
    refused(put(run, one, three, "--as", "u"), "INTEGER", "DOUBLE", "no type holds both")


def test_replace_may_change_the_columns(lake, run, file):
    ok(put(run, file("a.csv", CSV), "--as", "t"))
    ok(put(run, file("b.csv", "id\nx\n"), "--as", "t", "--replace"))
    lake.wait_for_rows("t", [["x"]])
    ok(run("restore", "t", "1"))
    wait_until(lambda: len(lake.select_all("t").rows()) == 2, "the former version is restored")


def test_large_file_is_sent_in_parts_with_progress(lake, run):
    """Random bytes, which Parquet cannot compress: more than one part of 64 MiB."""
    path = lake.folder / "large.parquet"
    table = pyarrow.table({"x": [os.urandom(1_000_000) for _ in range(150)]})
    pyarrow.parquet.write_table(table, path, use_dictionary=False)
    assert path.stat().st_size > 2 * 64 * 1024 * 1024
    argv = command("put", "--config", lake.write_config(), path, "--as", "large")
    with Terminal(argv, environment(lake), str(lake.folder), columns=120) as terminal:
        assert terminal.wait_for_exit(60) == 0
        bars = re.findall(r"sending \[#*-*\] \d+ %  [^\x1b]*", terminal.raw)
    assert any(re.search(r"MB of 150.0 MB, [0-9.]+ MB/s, \d:\d\d left", bar) for bar in bars), bars
    wait_until(lambda: lake.select_all("large").status == 200, "the dataset can be queried")
    sql = "SELECT count(*), sum(octet_length(x)) FROM large"
    assert lake.query.sql(sql).rows() == [[150, 150_000_000]]


def test_existing_object_is_not_sent_again(lake, run, file, make_proxy):
    path = file("a.csv", CSV)
    ok(put(run, path, "--as", "one"))
    assert lake.catalog.delete("one").status == 204
    proxy = make_proxy(lake.settings["s3"]["endpoint"].removeprefix("http://"))
    lake.set("s3", endpoint=proxy.url)
    ok(put(run, path, "--as", "one"))
    assert proxy.count(b"HEAD ") == 1
    assert proxy.count(b"PUT ") == 0


def test_interrupted_put_registers_nothing_and_can_be_repeated(lake, run, file, make_proxy):
    path = file("a.csv", CSV)
    proxy = make_proxy(lake.settings["s3"]["endpoint"].removeprefix("http://"))
    lake.set("s3", endpoint=proxy.url)
    proxy.stall()
    argv = command("put", "--config", lake.write_config(), path, "--as", "t")
    with subprocess.Popen(
        argv, env=environment(lake), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as tool:
        wait_until(lambda: proxy.held() > 0, "tarn put waits for the store")
        tool.send_signal(signal.SIGINT)
        assert tool.wait(20) == 130
        assert tool.stderr.read() == "tarn: stopped; nothing was changed\n"
    assert lake.catalog.get("/catalog/datasets/t").status == 404
    proxy.pass_on()
    ok(put(run, path, "--as", "t"))
    assert manifest(lake, "t")["row_count"] == 2
    assert not list(Path("/tmp").glob(f"tarn-put-*/{path.name}"))


def test_change_by_another_client_is_an_error(lake, run, file, make_proxy):
    path = file("a.csv", CSV)
    ok(put(run, path, "--as", "t"))
    proxy = make_proxy(lake.settings["s3"]["endpoint"].removeprefix("http://"))
    lake.set("s3", endpoint=proxy.url)
    proxy.stall()
    other = file("b.csv", "id,name,day\n3,three,2026-01-04\n")
    argv = command("put", "--config", lake.write_config(), other, "--as", "t", "--append")
    with subprocess.Popen(
        argv, env=environment(lake), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as tool:
        wait_until(lambda: proxy.held() > 0, "tarn put has read the catalogue")
        lake.catalog.put_keys("t", "another")
        proxy.pass_on()
        assert tool.wait(30) == 1
        assert "another client changed" in tool.stderr.read()
    assert [each["key"] for each in manifest(lake, "t")["objects"]] == ["another"]


def test_invalid_input(lake, run, file):
    path = file("a.csv", CSV)
    refused(put(run, "none.csv", "--as", "t"), 'there is no file "none.csv"')
    refused(put(run, file("a.xlsx", "x"), "--as", "t"), '"', "a.xlsx", "--format")
    refused(put(run, path, file("a.json", "{}"), "--as", "t"), "one format at a time")
    refused(put(run, file("broken.parquet", "PAR1"), "--as", "t"), "broken.parquet")
    refused(put(run, path, "--as", "a\nb"), "control character")
    assert lake.catalog.get("/catalog/list").json()["manifests"] == []
    lake.set("s3", secret_access_key="wrong")
    refused(put(run, path, "--as", "t"), "object", "403")


@pytest.mark.parametrize(
    "content, parts",
    [
        ("a,b\n1,2\n3\n4,5,6\n", ["line 3: 1 field where line 1 has 2"]),
        ("Report of March\n\na,b\n1,2\n3,4\n", ["line 3", "--with skip=2"]),
        ("a,b\n" + "1,2\n" * 5 + "3\n", ["line 7: 1 field where", "null_padding"]),
        ("a;b\n" + "1;2\n" * 5 + "3;4;5\n1;2\n", ["line 7: 3 fields where line 1 has 2"]),
        (b"name,n\nzo\xe9,1\n", ["line 2", "not UTF-8", "--encoding"]),
        ("", ["is empty"]),
    ],
)
def test_csv_that_would_lose_values_is_refused(lake, run, file, content, parts):
    refused(put(run, file("bad.csv", content), "--as", "t"), *parts)
    assert lake.catalog.get("/catalog/datasets/t").status == 404


@pytest.mark.parametrize(
    "content, options, rows",
    [
        ("Report of March\n\na,b\n1,2\n", ["skip=2"], [[1, 2]]),
        ("a,b\n1,2\n3\n", ["null_padding=true"], [[1, 2], [3, None]]),
        ("a;b\n2,5;NA\n", ["decimal_separator=,", "nullstr=NA"], [[2.5, None]]),
        (b"name\nzo\xe9\n", ["encoding=latin-1"], [["zoé"]]),
        # These have nothing unusual.
        ("name,city\nx,Oslo\n", [], [["x", "Oslo"]]),
        ("n\r\n1\r\n\r\n", [], [[1], [None]]),
        ('a,b\n"x\ny, z",2\n', [], [["x\ny, z", 2]]),
    ],
)
def test_options_of_read_csv(lake, run, file, content, options, rows):
    given = [part for option in options for part in ("--with", option)]
    ok(put(run, file("odd.csv", content), "--as", "t", *given))
    assert lake.query.sql("FROM t").json()["rows"] == rows


def test_unknown_options_of_read_csv_are_refused(run, file):
    path = file("sales.csv", CSV)
    refused(put(run, path, "--as", "t", "--with", "skip"), "write NAME=VALUE")
    refused(put(run, path, "--as", "t", "--with", "x = 1)--=2"), "write NAME=VALUE")
    refused(put(run, path, "--as", "t", "--with", "colour=red"), "--with colour: ", "no such")


def test_patterns_are_expanded_without_a_shell(lake, run, file):
    file("part-1.csv", "n\n1\n")
    file("part-2.csv", "n\n2\n")
    file("part-[x].csv", "n\n3\n")
    ok(put(run, "part-?.csv", "--as", "t"))
    ok(put(run, "part-[x].csv", "--as", "exactly"))
    assert lake.query.sql("FROM t ORDER BY n").json()["rows"] == [[1], [2]]
    assert lake.query.sql("FROM exactly").json()["rows"] == [[3]]
    refused(put(run, "other-*.csv", "--as", "new"), "there is no file")
    refused(put(run, lake.folder, "--as", "new"), "is a folder", "/*.csv")


def test_missing_bucket_settings_are_explained(lake, run, file):
    refused(
        run("put", file("a.csv", CSV), "--as", "t", "--config", file("empty.toml", "")), "--into"
    )


# --- partitions


def test_append_does_not_take_partitions_from_a_dataset(lake, run, file):
    """Whether the catalogue knows the columns or not."""
    keys = [
        lake.files.put_rows(f"events/day=2026-01-0{n}/a.parquet", f"SELECT {n} AS id")
        for n in (1, 2)
    ]
    for name, fields in (
        ("events", {}),
        ("known", {"schema": [{"name": "id", "type": "INTEGER"}]}),
    ):
        lake.catalog.put_keys(name, *keys, **fields)
        lake.wait_for_rows(name, [[1, "2026-01-01"], [2, "2026-01-02"]])
        more = file("more.csv", "id\n3\n")
        refused(put(run, more, "--as", name, "--append"), '"day"', "under a key with partitions")
        assert [x["key"] for x in lake.catalog.manifest(name).json()["objects"]] == keys


def test_append_into_a_folder_or_bucket_keeps_partitions(lake, run, file):
    folder = lake.folder / "served"
    (folder / "t" / "day=2026-01-01").mkdir(parents=True)
    (folder / "t" / "day=2026-01-01" / "a.parquet").write_bytes(parquet("SELECT 1 AS id"))
    lake.files.put_rows("t/day=2026-01-01/a.parquet", "SELECT 1 AS id")
    more = file("more.csv", "id\n3\n")
    for place in (folder, into(lake)):
        refused(run("put", more, "--as", "t", "--into", place, "--append"), '"day"')
    assert os.listdir(folder / "t") == ["day=2026-01-01"]
    assert len(lake.files.keys()) == 1


# --- a folder of `tarn up`


def test_into_a_folder(lake, run, file):
    folder = lake.folder / "served"
    folder.mkdir()
    path = file("a.csv", CSV)
    ok(run("put", path, "--as", "t", "--into", folder))
    refused(run("put", path, "--as", "t", "--into", folder), "--append")
    ok(
        run(
            "put", file("b.csv", CSV.replace("1,", "7,")), "--as", "t", "--into", folder, "--append"
        )
    )
    assert pyarrow.parquet.read_table(folder / "t").num_rows == 4
    other = file("c.csv", "id\n1\n")
    refused(run("put", other, "--as", "t", "--into", folder, "--append"), "name")
    ok(run("put", path, "--as", "t", "--into", folder, "--replace"))
    assert pyarrow.parquet.read_table(folder / "t").num_rows == 2
    assert os.listdir(folder) == ["t"]
    refused(run("put", path, "--as", ".t", "--into", folder), "begins with")


# --- a bucket of `tarn up`


def into(lake) -> str:
    return f"s3://{BUCKET}/{lake.files.prefix}"


def rows_of(lake, name: str) -> int:
    """Returns all Parquet objects of a dataset in the bucket."""
    read = lake.files.store.client.get_object
    bodies = [
        read(Bucket=BUCKET, Key=key)["Body"].read()
        for key in lake.files.keys()
        if key.startswith(lake.files.key(name)) and key.endswith(".parquet")
    ]
    return sum(pyarrow.parquet.read_table(io.BytesIO(body)).num_rows for body in bodies)


def test_into_a_bucket(lake, run, file):
    path = file("a.csv", CSV)
    out = ok(run("put", path, "--as", "t", "--into", into(lake)))
    assert out.startswith('"t": 2 rows in 1 object (')
    (key,) = lake.files.keys()
    assert re.fullmatch(re.escape(lake.files.key("t/")) + "[0-9a-f]{32}[.]parquet", key)
    refused(run("put", path, "--as", "t", "--into", into(lake)), "--append")
    more = file("b.csv", CSV.replace("1,", "7,"))
    ok(run("put", more, "--as", "t", "--into", into(lake) + "/", "--append"))
    assert len(lake.files.keys()) == 2
    assert rows_of(lake, "t") == 4
    other = file("c.csv", "id\n1\n")
    refused(run("put", other, "--as", "t", "--into", into(lake), "--append"), "name", "missing")
    assert lake.catalog.list()["manifests"] == [], "the object is in no catalogue"


def test_replace_in_a_bucket(lake, run, file):
    for part in range(3):
        lake.files.put_rows(f"t/year=202{part}/x.parquet", "SELECT 1 AS n")
    lake.files.put_rows("t.parquet", "SELECT 1 AS n")
    others = [
        lake.files.put_rows("t2/x.parquet", "SELECT 1 AS n"),
        lake.files.put("t/README.txt", b"kept"),
    ]
    path = file("a.csv", CSV)
    refused(run("put", path, "--as", "t", "--into", into(lake), "--append"), "is one object")
    for _ in range(2):
        ok(run("put", path, "--as", "t", "--into", into(lake), "--replace"))
        (new,) = set(lake.files.keys()) - set(others)
        assert new.startswith(lake.files.key("t/"))
        assert set(others) < set(lake.files.keys())
    assert rows_of(lake, "t/") == 2


def test_append_in_a_bucket_reads_only_a_footer(lake, run, file):
    """Also for a footer that is longer than the first request."""
    columns = ", ".join(f"{n} AS {'c' * 200}{n}" for n in range(1000))
    lake.files.put_rows("t/1.parquet", f"SELECT {columns}")
    same = file("same.parquet", parquet(f"SELECT {columns}"))
    ok(run("put", same, "--as", "t", "--into", into(lake), "--append"))
    assert len(lake.files.keys()) == 2
    lake.files.put("t/1.parquet", b"PAR1 no Parquet")
    refused(run("put", same, "--as", "t", "--into", into(lake), "--append"), "t/1.parquet")


def test_interrupted_put_into_a_bucket_deletes_its_objects(lake, run, file):
    files = [file(f"{n}.parquet", parquet(f"SELECT {n} AS n")) for n in range(20)]
    endpoint = lake.settings["s3"]["endpoint"].removeprefix("http://")
    with TcpProxy(endpoint, delay_s=0.05) as proxy:
        lake.set("s3", endpoint=proxy.url)
        argv = command(
            *("put", "--config", lake.write_config(), "--as", "t", "--into", into(lake)), *files
        )
        with subprocess.Popen(
            argv, env=environment(lake), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as tool:
            wait_until(lambda: proxy.count(b"PUT ") > 4, "tarn put is sending")
            assert lake.files.keys()
            tool.send_signal(signal.SIGINT)
            assert tool.wait(20) == 130
            assert tool.stderr.read() == "tarn: stopped; nothing was changed\n"
    assert lake.files.keys() == []


def test_into_a_bucket_with_invalid_input(lake, run, file):
    path = file("a.csv", CSV)
    refused(run("put", path, "--as", ".t", "--into", into(lake)), "begins with")
    refused(run("put", path, "--as", "a/t", "--into", into(lake)), "without /")
    refused(run("put", path, "--as", "t", "--into", "s3://"), "has no valid bucket name")
    refused(
        run("put", path, "--as", "t", "--into", "s3://no-such-bucket"),
        'create the bucket "no-such-bucket"',
    )
    lake.set("s3", secret_access_key="wrong").write_config()
    refused(run("put", path, "--as", "t", "--into", into(lake)), "credentials: 403")


def test_json_is_the_manifest(lake, run, file):
    out = json.loads(ok(put(run, file("a.csv", CSV), "--as", "t", "--json")))
    assert out == manifest(lake, "t")
