"""tarn put loses no value of a file: it stores it, or reports an error."""

import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest
from harness.put_files import pyarrow_of, write
from harness.store import parquet
from harness.tool import ok, refused


def zstd(content: bytes) -> bytes:
    return pyarrow.compress(content, codec="zstd", asbytes=True)


LONG = 30_000  # The number of rows. DuckDB reads the first 20,480 for the types.


# --- compressed files


@pytest.mark.parametrize("ending, pack", [("gz", gzip.compress), ("zst", zstd)])
def test_truncated_or_damaged_compressed_file(folder, put, ending, pack):
    packed = pack("".join(f"{n},{n * 7919 % 1000}\n" for n in range(100_000)).encode())
    for bad, said in ((packed[: len(packed) // 2], "is cut off"), (packed + b"more", "is damaged")):
        refused(put(write(folder, f"a.csv.{ending}", bad), "--as", "t"), f"a.csv.{ending}", said)
        done = put("-", "--as", "t", input=bad, text=False)
        assert done.returncode == 1 and said.encode() in done.stderr
    assert not (folder / "served" / "t").exists()
    ok(put(write(folder, f"a.csv.{ending}", packed), "--as", "t"))
    assert pyarrow_of(folder / "served" / "t").num_rows == 100_000


def test_compressed_file_without_a_matching_name(folder, put, rows):
    content = "".join(f"{n},{n * 7919 % 1000}\n" for n in range(100_000)).encode()
    packed = gzip.compress(content)
    for name in ("a.csv", "A.CSV.GZ"):
        bad = put(write(folder, name, packed[:-100]), "--as", "t", "--replace")
        refused(bad, name, "is cut off")
        ok(put(write(folder, name, packed), "--as", "t", "--replace"))
        assert len(rows("t")[0]) == 100_000
    refused(put(folder / "a.csv", write(folder, "b.csv", content), "--as", "u"), ".gz or .zst")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_compressed_stdin_and_concatenated_parts(put, rows, pack):
    content = pack(b"id,name\n1,one\n") + pack(b"2,two\n")
    ok(put("-", "--as", "t", input=content, text=False))
    assert rows("t")[0] == [[1, "one"], [2, "two"]]


# --- lines and quotes


def test_lines_that_look_like_comments_are_rows(folder, put, rows):
    ok(put(write(folder, "a.csv", "tag,n\nx,1\n#y,2\nz,3\n"), "--as", "t"))
    assert rows("t")[0] == [["x", 1], ["#y", 2], ["z", 3]]
    ok(put(folder / "a.csv", "--as", "u", "--with", "comment=#"))
    assert rows("u")[0] == [["x", 1], ["z", 3]]


def test_quotes_that_appear_late_are_quotes(folder, put, rows):
    late = '1,"a, b"\n2,"say ""yes"""\n3,"two\nlines"\n4,\'x\'\n'
    text = "n,text\n" + "0,plain\n" * LONG + late
    ok(put(write(folder, "a.csv", text), "--as", "t"))
    last = [row for row in rows("t")[0] if row[0] > 0]
    assert last == [[1, "a, b"], [2, 'say "yes"'], [3, "two\nlines"], [4, "'x'"]]


def test_quotes_that_are_only_characters(folder, put, rows):
    ok(put(write(folder, "a.csv", 'n,text\n1,"a" b\n2,"c\n'), "--as", "t"))
    assert rows("t")[0] == [[1, '"a" b'], [2, '"c']]


def test_one_file_with_names_and_one_without(folder, put):
    first = write(folder, "a.csv", "id,n\n1,2\n")
    second = write(folder, "b.csv", "3,4\n5,6\n")
    refused(put(first, second, "--as", "t"), "a.csv", "b.csv", "--with header=true", "--no-header")
    ok(put(first, second, "--as", "t", "--with", "header=true"))


def test_apostrophes_are_text(folder, put, rows):
    ok(put(write(folder, "a.csv", "n,text\n1,'x'\n2,'y'\n"), "--as", "t"))
    assert rows("t")[0] == [[1, "'x'"], [2, "'y'"]]
    quoted = write(folder, "b.csv", "n,text\n1,'x,1'\n2,'y,2'\n")
    refused(put(quoted, "--as", "u"), "apostrophes", "quote='")
    ok(put(quoted, "--as", "u", "--with", "quote='"))
    assert rows("u")[0] == [[1, "x,1"], [2, "y,2"]]


def test_uncertain_header_is_reported(folder, put):
    done = put(write(folder, "a.csv", "2019,2020\n1,2\n"), "--as", "rows")
    assert "the first line is taken for a row: --with header=true" in done.stderr
    done = put(write(folder, "b.csv", "ann,bob\ncarol,dave\n"), "--as", "names")
    assert "the first line is taken for the names of the columns: --no-header" in done.stderr
    done = put(write(folder, "c.csv", "id,name\n1,ann\n"), "--as", "plain")
    assert ok(done) and done.stderr == ""
    refused(put(write(folder, "d.csv", "sep=;\na;b\n1;2\n"), "--as", "excel"), "--with skip=1")


def test_folders_are_not_columns(folder, put, rows):
    inside = folder / "year=2024"
    inside.mkdir()
    for name, content in {
        "a.csv": "n\n1\n",
        "a.json": '{"n": 1}',
        "a.parquet": parquet("SELECT 1 AS n"),
    }.items():
        ok(put(write(inside, name, content), "--as", name.partition(".")[2]))
        assert rows(name.partition(".")[2])[0] == [[1]]


# --- types


@pytest.mark.parametrize(
    "first, last, type_, value",
    [
        ("1", "1.7", "double", 1.7),
        ("1", "007", "string", "007"),
        ("1", "+4712345678", "string", "+4712345678"),
        ("1", "none", "string", "none"),
        ("1", "18446744073709551615", "uint64", 18446744073709551615),
        (
            "1",
            "-123456789012345678901234567890",
            "decimal128(38, 0)",
            -123456789012345678901234567890,
        ),
        ("1.5", "12345678901234567890", "string", "12345678901234567890"),
        ("1.5", "1e3", "double", 1000.0),
        ("true", "1", "string", "1"),
        ("2026-01-01", "2026-01-01 12:00:00", "timestamp[us]", "2026-01-01 12:00:00"),
        ("2026-01-01", "2026-01-01x", "string", "2026-01-01x"),
        ("2026-01-01 00:00:00", "2026-01-01T00:00:00+02:00", "string", "2026-01-01T00:00:00+02:00"),
        (
            "2026-01-01 00:00:00",
            "2026-01-01 00:00:00.123456789",
            "timestamp[ns]",
            "2026-01-01 00:00:00.123456789",
        ),
        ("31/12/2025", "2025-12-30", "string", "2025-12-30"),
        ("1.5", "12345678901234567.89", "string", "12345678901234567.89"),
        ("1.5", "0.1234567890123456", "double", 0.1234567890123456),
        ("1.5", "0.10000000000000001", "string", "0.10000000000000001"),
        ("1.5", "4e-324", "string", "4e-324"),
        ("1.5", "5e-324", "double", 5e-324),
        ("1", " 7", "string", " 7"),
        ("2026-01-01", "2026-01-02 ", "string", "2026-01-02 "),
        ("1.5", "1e400", "string", "1e400"),
        ("2026-01-01", "2026-02-30", "string", "2026-02-30"),
        ("12:00:00", "12:00:00.1234567", "string", "12:00:00.1234567"),
        ("", "7", "int64", 7),
        ("", "2026-01-01", "date32[day]", "2026-01-01"),
        ("", "007", "string", "007"),
        ("abc", "1", "string", "1"),
    ],
)
def test_late_row_changes_the_type(folder, put, rows, first, last, type_, value):
    text = "id,v\n" + "".join(f"{n},{first}\n" for n in range(LONG)) + f"{LONG},{last}\n"
    done = put(write(folder, "a.csv", text), "--as", "t")
    ok(done)
    found, types = rows("t")
    assert len(found) == LONG + 1
    assert types[1] == type_
    last_value = found[-1][1]
    assert (str(last_value) if isinstance(value, str) else last_value) == value
    says = f'column "v" is text, because of values such as "{last}"'
    assert (says in done.stderr) == (type_ == "string" and first != "abc")


@pytest.mark.parametrize(
    "texts, type_",
    [
        (["01/02/2026", "02/03/2026"], "string"),
        (["01/02/2026", "31/03/2026"], "date32[day]"),
        (["01/02/2026", "01/31/2026"], "date32[day]"),
        (["01-02-26", "02-03-26"], "string"),
        (["2026/02/01", "2026/03/01"], "date32[day]"),
    ],
)
def test_dates_of_an_ambiguous_order_are_text(folder, put, rows, texts, type_):
    path = write(folder, "a.csv", "d\n" + "".join(f"{text}\n" for text in texts))
    done = put(path, "--as", "t")
    ok(done)
    assert rows("t")[1] == [type_]
    assert ("may be read in several ways: --with dateformat=" in done.stderr) == (type_ == "string")
    if texts[0] == "01/02/2026" and type_ == "string":
        ok(put(path, "--as", "t", "--replace", "--with", "dateformat=%m/%d/%Y"))
        assert str(rows("t")[0][0][0]) == "2026-01-02"


def test_dates_of_two_orders_in_two_files_are_text(folder, put, rows):
    first = write(folder, "a.csv", "d\n01/13/2026\n")
    second = write(folder, "b.csv", "d\n13/01/2026\n")
    ok(put(first, second, "--as", "t"))
    assert sorted(rows("t")[0]) == [["01/13/2026"], ["13/01/2026"]]


def test_time_with_a_zone_keeps_microseconds_with_a_note(folder, put, rows):
    text = "2026-01-01T00:00:00.123456789Z"
    done = put(write(folder, "a.csv", f"n,at\n1,{text}\n"), "--as", "t")
    ok(done)
    assert rows("t")[1][1] == "timestamp[us, tz=UTC]"
    assert 'column "at" keeps microseconds' in done.stderr
    ok(put(folder / "a.csv", "--as", "u", "--type", "at=VARCHAR"))
    assert rows("u")[0] == [[1, text]]


def test_types_given_by_the_user(folder, put, rows):
    path = write(folder, "a.csv", "zip,price\n1234,1.50\n56,007\n")
    ok(put(path, "--as", "t", "--type", "zip=text", "--type", "PRICE=decimal(10,2)"))
    assert rows("t")[1] == ["string", "decimal128(10, 2)"]
    assert [str(value) for value in rows("t")[0][1]] == ["56", "7.00"]
    refused(
        put(path, "--as", "u", "--type", "price=INTEGER"), 'column "price": "1.50" is no INTEGER'
    )
    refused(put(path, "--as", "u", "--type", "zap=TEXT"), 'did you mean "zip"?')
    refused(put(path, "--as", "u", "--type", "zip=WORD"), "there is no such type")
    refused(put(path, "--as", "u", "--type", "zip"), "write COLUMN=TYPE")
    (folder / "a.parquet").write_bytes(parquet("SELECT 1 AS n"))
    refused(put(folder / "a.parquet", "--as", "u", "--type", "n=TEXT"), "Parquet goes as it is")


# --- appended values must fit the types of the dataset


@pytest.mark.parametrize(
    "type_, text, value",
    [
        ("BIGINT", "007", 7),
        ("INTEGER", "7.0", 7),
        ("DOUBLE", "7", 7.0),
        ("FLOAT", "0.1", pytest.approx(0.1)),
        ("DECIMAL(20,2)", "12345678901234567.89", "12345678901234567.89"),
        ("VARCHAR", "007", "007"),
        ("VARCHAR", "1.50", "1.50"),
        ("TIMESTAMP", "2026-01-02", "2026-01-02 00:00:00"),
        ("DATE", "2026-01-02 00:00:00", "2026-01-02"),
        ("BOOLEAN", "true", True),
        ("DOUBLE", "0.10000000000000001", 0.1),
        ("DOUBLE", "5e-324", 5e-324),
        # The conversion would change these values.
        ("DOUBLE", "1e-400", None),
        ("DOUBLE", "4e-324", None),
        ("DOUBLE", "1.23456789012345678901", None),
        ("FLOAT", "0.123456789", None),
        ("BOOLEAN", "1", None),
        ("BIGINT", "1.7", None),
        ("TINYINT", "300", None),
        ("DOUBLE", "9007199254740993", None),
        ("FLOAT", "16777217", None),
        ("DATE", "01/02/2026", None),
        ("DECIMAL(10,2)", "1.005", None),
        ("DATE", "2026-01-02 12:00:00", None),
        ("DATE", "soon", None),
        ("TIMESTAMP", "2026-01-02T00:00:00+02:00", None),
        ("TIMESTAMPTZ", "2026-01-02 00:00:00", None),
        ("BOOLEAN", "2", None),
    ],
)
def test_append_preserves_or_refuses_values(folder, put, rows, type_, text, value):
    (folder / "served" / "t").mkdir(parents=True)
    there = folder / "served" / "t" / "there.parquet"
    there.write_bytes(parquet(f"SELECT 0 AS id, NULL::{type_} AS v"))
    done = put(write(folder, "a.csv", f"id,v\n1,{text}\n"), "--as", "t", "--append")
    if value is None:
        refused(done, 'a.csv", line 2: column "v": ', f'"{text}" is no')
        assert list((folder / "served" / "t").iterdir()) == [there]
        return
    ok(done)
    (added,) = [row[1] for row in rows("t")[0] if row[0] == 1]
    assert (str(added) if isinstance(value, str) else added) == value


def test_the_first_value_that_a_type_would_change_is_named(folder, put):
    rows = "".join(f"{n},{n % 2}\n" for n in range(LONG))
    path = write(folder, "a.csv", "n,flag\n" + rows)
    refused(put(path, "--as", "t", "--type", "flag=BOOLEAN"), 'line 2: column "flag": "0" is no')
    path = write(folder, "b.csv", "n,x\n1,1.5\n\n2,1e-400\n3,1e-500\n")
    refused(put(path, "--as", "t", "--type", "x=DOUBLE"), 'b.csv", line 4: column "x": "1e-400"')
    lines = '{"x": 1.5}\n{"x": 1.23456789012345678901}\n{"x": 1e-400}\n'
    path = write(folder, "c.ndjson", lines)
    done = put(path, "--as", "t", "--type", "x=DOUBLE")
    refused(done, 'c.ndjson", line 2: column "x": "1.23456789012345678901" is no DOUBLE')
    assert "Error:" not in done.stderr


def test_bits_are_the_digits_of_the_file(folder, put, rows):
    path = write(folder, "a.csv", "v\n101\n0011\n")
    ok(put(path, "--as", "t", "--type", "v=BIT"))
    assert [str(value) for (value,) in rows("t")[0]] == ["101", "0011"]
    refused(put(path, "--as", "u", "--type", "v=BOOLEAN"), 'line 2: column "v": "101" is no')


def test_json_texts_stay_texts_in_a_json_column(folder, put, rows):
    content = '{"v": "1"}\n{"v": "x"}\n{"v": "2026-01-01"}\n'
    ok(put(write(folder, "a.ndjson", content), "--as", "t", "--type", "v=JSON"))
    assert [value for (value,) in rows("t")[0]] == ['"1"', '"x"', '"2026-01-01"']


def test_append_of_json(folder, put, rows):
    ok(put(write(folder, "a.ndjson", '{"n": 1, "tag": "x"}\n'), "--as", "t"))
    ok(put(write(folder, "b.json", '[{"tag": "y", "n": 2.0}]'), "--as", "t", "--append"))
    assert sorted(rows("t")[0]) == [[1, "x"], [2, "y"]]
    refused(
        put(write(folder, "c.json", '{"n": 1.7, "tag": "z"}'), "--as", "t", "--append"), '"1.7"'
    )
    refused(put(write(folder, "d.json", '{"n": 1, "tog": "z"}'), "--as", "t", "--append"), "tog")


def test_json_integers_beyond_bigint(folder, put, rows):
    number = 18446744073709551615
    nested = {"id": number, "in": {"ids": [number]}}
    ok(put(write(folder, "a.json", json.dumps(nested)), "--as", "t"))
    assert rows("t")[0] == [[number, {"ids": [number]}]]


@pytest.mark.parametrize(
    "texts, type_, value",
    [
        (["2026-01-01T10:00:00+02:00"], "timestamp[us, tz=UTC]", "2026-01-01 08:00:00+00:00"),
        (["2026-01-01T10:00:00", "2026-01-01T10:00:00Z"], "string", "2026-01-01T10:00:00"),
        (
            ["550E8400-E29B-41D4-A716-446655440000"],
            "string",
            "550E8400-E29B-41D4-A716-446655440000",
        ),
        (["01-02-2026", "12-31-2026"], "string", "01-02-2026"),
        (["12:30:00.123456789"], "string", "12:30:00.123456789"),
        (["007", "8"], "string", "007"),
        (["2026-01-02"], "date32[day]", "2026-01-02"),
        ([" 2026-01-02"], "string", " 2026-01-02"),
        (["2026-01-01T10:00:00Z "], "string", "2026-01-01T10:00:00Z "),
        (["12:30:00\n"], "string", "12:30:00\n"),
    ],
)
def test_json_strings_keep_their_text(folder, put, rows, texts, type_, value):
    lines = "".join(json.dumps({"n": n, "v": text}) + "\n" for n, text in enumerate(texts))
    ok(put(write(folder, "a.ndjson", lines), "--as", "t"))
    assert rows("t")[1] == ["int64", type_]
    assert str(rows("t")[0][0][1]) == value
    (folder / "served" / "s").mkdir()
    there = folder / "served" / "s" / "there.parquet"
    there.write_bytes(parquet("SELECT -1 AS n, 'x' AS v"))
    ok(put(folder / "a.ndjson", "--as", "s", "--append"))
    assert [row[1] for row in rows("s")[0] if row[0] == 0] == [texts[0]], "text is not converted"


def test_json_numbers_keep_their_digits(folder, put, rows):
    ok(put(write(folder, "a.ndjson", '{"a": 9007199254740993}\n{"a": 1.5}\n'), "--as", "t"))
    assert rows("t")[0] == [["9007199254740993"], ["1.5"]]
    number = 123456789012345678901234567890
    ok(put(write(folder, "b.json", json.dumps({"a": number})), "--as", "u"))
    assert rows("u")[0] == [[number]]
    ok(put(write(folder, "c.json", '{"a": 1e400}'), "--as", "v"))
    assert rows("v")[0] == [["1e400"]]
    nested = '{"b": 1, "a": ["x"]}'
    ok(put(write(folder, "d.json", '{"a": ' + nested + "}"), "--as", "w", "--type", "a=VARCHAR"))
    assert json.loads(rows("w")[0][0][0]) == json.loads(nested)


def test_json_file_together_with_stdin(folder, put):
    path = write(folder, "j.json", '{"a": 1}')
    ok(put("-", path, "--as", "t", input='{"a": 2}'))
    assert sorted(pyarrow_of(folder / "served" / "t")["a"].to_pylist()) == [1, 2]
    refused(put(path, "--as", "u", "--delimiter", ";"), "are for CSV")


def test_json_output_without_a_catalogue(folder, put):
    out = json.loads(ok(put(write(folder, "a.csv", "n\n1\n"), "--as", "t", "--json")))
    assert (out["name"], out["row_count"]) == ("t", 1)
    assert out["schema"] == [{"name": "n", "type": "BIGINT"}]
    (object_,) = out["objects"]
    assert (folder / "served" / object_["key"]).stat().st_size == object_["size"]


def test_late_json_record_changes_types_and_columns(folder, put, rows):
    lines = '{"n": 1}\n' * LONG + '{"n": 1.7, "new": "x"}\n'
    ok(put(write(folder, "a.ndjson", lines), "--as", "t"))
    assert rows("t")[0][-1] == [1.7, "x"]


# --- Parquet that cannot be read


def test_damaged_parquet_values_are_refused(folder, put):
    table = pyarrow.table({"n": range(100_000), "text": [f"text {n}" for n in range(100_000)]})
    path = folder / "a.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=20_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 200] = b"\xff" * 200
    path.write_bytes(content)
    refused(put(path, "--as", "t"), "a.parquet", "cannot be read", "--no-check")
    assert not (folder / "served" / "t").exists()
    ok(put(path, "--as", "t", "--no-check"))


# --- repeated files


def test_the_same_content_twice(folder, put, rows):
    content = parquet("SELECT 1 AS n")
    first, second = write(folder, "a.parquet", content), write(folder, "b.parquet", content)
    refused(put(first, second, "--as", "t"), "a.parquet", "b.parquet", "the same content")
    refused(put(first, first, "--as", "t"), "named twice")
    refused(put(first, folder / "." / "a.parquet", "--as", "t"), "named twice")
    ok(put(first, "--as", "t"))
    refused(put(second, "--as", "t", "--append"), "has these rows already")
    ok(put(second, "--as", "t", "--replace"))
    assert rows("t")[0] == [[1]]


# --- the order of rows


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_rows_keep_their_order_and_the_same_input_gives_the_same_object(folder, put, ending):
    count = 1_000_000
    if ending == "csv":
        lines = "id,x\n" + "".join(f"{n},{n * 7919 % 1000}\n" for n in range(count))
    else:
        lines = "".join(f'{{"id": {n}, "x": {n * 7919 % 1000}}}\n' for n in range(count))
    path = write(folder, f"a.{ending}", lines)
    ok(put(path, "--as", "t"))
    assert pyarrow_of(folder / "served" / "t")["id"].to_pylist() == list(range(count))
    for _ in range(3):
        refused(put(path, "--as", "t", "--append"), "has these rows already")
    assert len(list((folder / "served" / "t").iterdir())) == 1


def test_rows_of_several_files_keep_their_order(folder, put, rows):
    parts = []
    for name in ("b", "a", "c"):
        lines = "".join(f"{name},{n}\n" for n in range(20_000))
        parts.append(write(folder, f"{name}.csv", "file,n\n" + lines))
    ok(put(*parts, "--as", "t"))
    assert rows("t")[0] == [[name, n] for name in ("b", "a", "c") for n in range(20_000)]
