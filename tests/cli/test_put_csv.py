"""tarn put of CSV: each line has as many fields as the first one, in all kinds of files."""

import gzip
import json
import random
import time

import pytest
from harness.put_files import pyarrow_of, write
from harness.tool import ok, refused


@pytest.fixture
def table(folder, put):
    """Puts a CSV file, and reads the dataset."""

    def call(content: str | bytes, *options: str, name: str = "a.csv"):
        ok(put(write(folder, name, content), "--as", "t", "--replace", *options))
        return pyarrow_of(folder / "served" / "t")

    return call


def values(table) -> list[list]:
    return [list(row.values()) for row in table.to_pylist()]


# --- lines with a different number of fields


@pytest.mark.parametrize(
    "content, line, said",
    [
        ("id,name,note\n1,Ann,\n2,Doe, John,\n3,Bo,\n", 3, ["4 fields", "2,Doe, John,", "quotes"]),
        ("a,b\n1,2\n3,4,\n", 3, ["3 fields"]),
        ("a,b\n1,2,\n3,4,\n", 2, ["3 fields"]),
        ("a,b\n1,2\n3\n4,5,6\n", 3, ["1 field", "null_padding=true"]),
        ("a,b\n1,2\n\n3\n", 4, ["1 field"]),
        ('a,b\n"x\ny",2\n3\n', 4, ["1 field"]),
        ("a\tb\n" + "1\t2\n" * 30_000 + "3\n", 30_002, ["1 field"]),
        ("a,b\r\n1,2\r\n3\r\n", 3, ["1 field"]),
        ("a,b\n1,2\n3,4,5\n" + "1,2,3\n" * 100, 3, ["3 fields"]),
    ],
)
def test_line_with_another_number_of_fields_is_reported(folder, put, content, line, said):
    done = put(write(folder, "a.csv", content), "--as", "t")
    refused(done, f"line {line}: ", "where line 1 has", *said)
    assert "skip=" not in done.stderr
    assert not (folder / "served" / "t").exists()


@pytest.mark.parametrize("head", ["Report of March\n\n", "Report\nof March\n", "\n\nReport\n"])
def test_header_that_is_clearly_further_down(folder, put, head, rows):
    lines = head.count("\n")
    path = write(folder, "a.csv", head + "a,b\n1,2\n3,4\n")
    refused(put(path, "--as", "t"), f'line {lines + 1}: "a,b"', f"--with skip={lines}")
    ok(put(path, "--as", "t", "--with", f"skip={lines}"))
    assert rows("t")[0] == [[1, 2], [3, 4]]


def test_missing_fields_as_null(table):
    assert values(table('a,b\n1,2\n3\n"x\ny",4\n', "--with", "null_padding=true")) == [
        ["1", 2],
        ["3", None],
        ["x\ny", 4],
    ]


# --- quotes


def test_badly_quoted_row_among_quoted_ones_is_reported(folder, put):
    content = '"a","b"\n"1","x"\n"2","y" z\n"3","w"\n'
    refused(put(write(folder, "a.csv", content), "--as", "t"), "line 3", "after a closing quote")


@pytest.mark.parametrize(
    "content, line",
    [
        ('id,p\n1,"x"\n2,"y"z\n', 3),
        ('id,p\n1,"say ""hi"""\n2,"y"z\n', 3),
        ('id,p\n1,"x"\n2,"y\n', 3),
        ('id,p\n1,"a\\"b"\n2,"d""e"\n', 2),
    ],
)
def test_badly_quoted_row_after_an_unquoted_header_is_reported(folder, put, content, line):
    done = put(write(folder, "a.csv", content), "--as", "t")
    refused(done, f"line {line}: ", "make quotes ordinary characters: --with quote=")


@pytest.mark.parametrize(
    "content, expected",
    [
        ('id,p\n1,5" pipe\n2,"y"z\n', [[1, '5" pipe'], [2, '"y"z']]),
        ('id\tp\n1\t"Rome"\n2\t"Hi" she said\n', [[1, '"Rome"'], [2, '"Hi" she said']]),
    ],
)
def test_quotes_of_files_without_quoted_values_are_characters(table, content, expected):
    assert values(table(content)) == expected


@pytest.mark.parametrize(
    "options, said",
    [
        (["--with", "skip=1", "--with", "skip=0"], ["skip", "given twice"]),
        (["--with", "sep=;", "--with", "delim=,"], ["delim", "given twice"]),
        (["--delimiter", ";", "--with", "delim=,"], ["--delimiter", "one of them"]),
        (["--no-header", "--with", "header=true"], ["--no-header", "one of them"]),
        (["--with", "header=maybe"], ["header=maybe", "true or false"]),
        (["--with", "skip=x"], ["skip=x", "number of lines"]),
        (["--with", "skip=-1"], ["skip=-1", "number of lines"]),
        (["--with", "skip=99999999999999999999"], ["number of lines"]),
    ],
)
def test_contradictory_options_are_refused(folder, put, options, said):
    refused(put(write(folder, "a.csv", "a,b\n1,2\n3,4\n5,6\n"), "--as", "t", *options), *said)


def test_quote_without_an_end_is_reported(folder, put):
    content = '"a","b"\n"1","x"\n"2","y\n"3","w"\n'
    refused(put(write(folder, "a.csv", content), "--as", "t"), "line 3")


# --- line ends, lengths, characters


@pytest.mark.parametrize(
    "content",
    [
        b'a,b\r\n1,2\n3,4\r\n"x\ny",5\n',
        b'a,b\n1,2\r\n3,4\r"x\ny",5\r\n',
        b'a,b\r1,2\r3,4\r"x\ny",5\r',
        b'a,b\r\n1,2\r\n3,4\r\n"x\ny",5',
    ],
)
def test_line_ends_of_all_kinds(table, content):
    assert values(table(content)) == [["1", 2], ["3", 4], ["x\ny", 5]]


def test_first_line_of_a_file_with_mixed_line_ends(folder, put, rows):
    """DuckDB does not report whether the file has a header."""
    ok(put(write(folder, "a.csv", "1,x\n2,y\r\n"), "--as", "t"))
    assert rows("t")[0] == [[1, "x"], [2, "y"]]
    done = put(write(folder, "b.csv", "n,x\n2,y\r\n"), "--as", "u")
    assert "the first line is taken for the names of the columns" in done.stderr
    assert rows("u")[0] == [[2, "y"]]


def test_large_file_of_values_with_many_lines(table):
    source = random.Random(1)
    texts = [
        "\n".join('of "text"' * source.randint(0, 9) for _ in range(source.randint(1, 20)))
        for _ in range(30_000)
    ]
    lines = [f'{n},"{text.replace(chr(34), chr(34) * 2)}",{n}\n' for n, text in enumerate(texts)]
    found = table("id,text,n\n" + "".join(lines))
    assert found["id"].to_pylist() == list(range(len(texts)))
    assert [text or "" for text in found["text"].to_pylist()] == texts


# ingest/limits.h: kBlockBytes, and DuckDB's buffer for a line.
BLOCK = 256 * 1024
LINE = 2_000_000


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("size", [100, BLOCK - 7, BLOCK, LINE - 3, LINE + 1])
def test_quoted_lines_across_the_edges_of_buffers(table, size, line_end):
    """DuckDB's parallel reader failed for such files in the past."""
    piece = f'say ""so"",{line_end}'
    body = (piece * (size // len(piece) + 1))[:size].rstrip('"') + "x"
    count = max(3, 24_000_000 // size)
    rows = (f'{n},"{body}{n}",{n}{line_end}' for n in range(count))
    found = table(f"id,text,n{line_end}" + "".join(rows))
    assert found["id"].to_pylist() == list(range(count))
    plain = body.replace('""', '"')
    assert all(text == f"{plain}{n}" for n, text in enumerate(found["text"].to_pylist()))


def test_quoted_lines_at_each_position_around_the_edge_of_a_block(table):
    """The quote, the doubled quote and each byte of the line end are on the edge once."""
    for shift in range(12):
        first = "x" * (BLOCK - 20 + shift)
        content = f'a,b\r\n{first},"y\r\n""z"""\r\n"","w\n"\r\n'
        assert values(table(content)) == [[first, 'y\r\n"z"'], [None, "w\n"]]


@pytest.mark.parametrize(
    "content, names, rows",
    [
        ("\n\na 1\nb 2\n", ["a 1"], [["b 2"]]),
        ("\r\n\r\na,b\r\n1,2\r\n", ["a", "b"], [[1, 2]]),
        ("a\r\r\nb\r\r\nc", ["a"], [[None], ["b"], [None], ["c"]]),
        ('\na,b\r\n"x\ny",""""\n1,\r', ["a", "b"], [["x\ny", '"'], ["1", None]]),
        ("\na;b\r1;2,5\n", ["a", "b"], [[1, "2,5"]]),
    ],
)
def test_blank_lines_and_line_ends_that_duckdb_misreads(table, content, names, rows):
    found = table(content, "--with", "header=true")
    assert (found.column_names, values(found)) == (names, rows)


def test_value_longer_than_a_buffer(table):
    long = "x" * 5_000_000
    assert values(table(f"a,b\n1,{long}\n2,y\n")) == [[1, long], [2, "y"]]


def test_nul_in_a_name(table):
    assert table("a\0b,c\n1,2\n").column_names == ["a_b", "c"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_in_names_after_a_byte_order_mark(table, line_end):
    """DuckDB ends the names at the line end, and takes the rest of them for a row."""
    text = f'"a{line_end}b";c{line_end}1;"x{line_end};""y"{line_end}2;z{line_end}'
    found = table(text.encode("utf-8-sig"), "--delimiter", ";", "--with", "header=true")
    assert found.column_names == [f"a{line_end}b", "c"]
    assert values(found) == [[1, f'x{line_end};"y'], [2, "z"]]


def test_compressed_file_that_is_rewritten(table):
    """Neither its name nor the option has the compression of the new file."""
    content = gzip.compress(b"a,b\r\n1,2\n")
    options = ["--with", "header=true"]
    for name in ("a.csv", "a.csv.gz"):
        assert values(table(content, *options, name=name)) == [[1, 2]]
        assert values(table(content, *options, "--with", "compression=gzip", name=name)) == [[1, 2]]


def test_names_keep_the_characters_that_are_quotes_elsewhere(table):
    """DuckDB takes the apostrophes of these names for quotes."""
    found = table("'1','world'\n" + "1,world\n" * 3, "--with", "header=true")
    assert found.column_names == ["'1'", "'world'"]


def test_missing_and_duplicate_names(table):
    assert table("a,,A\n1,2,3\n").column_names == ["a", "column1", "A_1"]


@pytest.mark.parametrize("rows", [4, 3000])
def test_time_is_linear_in_the_number_of_columns(table, rows):
    count = 10_000 if rows == 4 else 100
    lines = [",".join(f"c{n}" for n in range(count))]
    lines += [",".join(f"text {row}" for _ in range(count)) for row in range(rows)]
    start = time.monotonic()
    found = table("\n".join(lines))
    assert time.monotonic() - start < 30
    assert (found.num_columns, found.num_rows) == (count, rows)


def test_more_columns_than_a_dataset_may_have(folder, put):
    many = {f"c{n}": n for n in range(5001)}
    for name, content in (
        ("a.csv", ",".join(f"c{n}" for n in range(10_001)) + "\n" + "1," * 10_000 + "1\n"),
        ("a.json", json.dumps({f"c{n}": n for n in range(10_001)})),
        ("b.json", json.dumps({"o": many, "p": many})),
    ):
        refused(put(write(folder, name, content), "--as", "t"), "10000")


# --- encodings


@pytest.mark.parametrize("name", ["utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_byte_order_mark_determines_the_encoding(table, name, pack):
    mark = b"\xfe\xff" if name == "utf-16-be" else b""
    content = pack(mark + "naïve;b\r\né;2\r\n".encode(name))
    found = table(content, name="a.csv" if pack is bytes else "a.csv.gz")
    assert (found.column_names, values(found)) == (["naïve", "b"], [["é", 2]])


@pytest.mark.parametrize(
    "option, name",
    [
        ("latin-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("CP1252", "cp1252"),
        ("utf-16le", "utf-16le"),
    ],
)
def test_encoding_option(folder, put, rows, option, name):
    text = "name\nzoé\n" + ("" if name == "latin-1" else "€\n")
    path = write(folder, "a.csv", text.encode(name))
    ok(put(path, "--as", "t", "--encoding", option))
    assert rows("t")[0] == [[line] for line in text.split()[1:]]
    content = '{"name":"zoé"}\n'.encode(name)
    ok(put(write(folder, "a.json", content), "--as", "u", "--encoding", option))
    assert rows("u")[0] == [["zoé"]]


def test_byte_of_another_encoding_is_reported(folder, put):
    path = write(folder, "a.csv", b"name,n\nzoe,1\nzo\xe9,1\n")
    refused(
        put(path, "--as", "t"), "line 3: the byte 0xE9 at position 3 is not UTF-8", "--encoding"
    )
    refused(put(path, "--as", "t", "--encoding", "klingon"), "--encoding klingon", "latin-1")
    path = write(folder, "b.csv", b"name\n\x81\n")
    refused(put(path, "--as", "t", "--encoding", "windows-1252"), "line 2", "0x81")
    path = write(folder, "c.csv", "name\nx\n".encode("utf-16") + b"x")
    refused(put(path, "--as", "t"), "c.csv")


# --- several files


def test_files_in_several_dialects(folder, put, rows):
    first = write(folder, "a.csv", "id,name,day\n1,Ann,2026-01-02\n")
    second = write(folder, "b.csv", 'ID;day;more\r\n2;"2026-01-03";x\r\n')
    ok(put(first, second, "--as", "t"))
    found, types = rows("t")
    assert [[str(value) for value in row] for row in found] == [
        ["1", "Ann", "2026-01-02", "None"],
        ["2", "None", "2026-01-03", "x"],
    ]
    assert types[0] == "int64" and types[2] == "date32[day]"


def test_files_with_dates_in_different_formats(folder, put, rows):
    ok(put(write(folder, "a.csv", "d,iso\n31/12/2025,2026-01-02\n,2026-01-03\n"), "--as", "t"))
    found, types = rows("t")
    assert types == ["date32[day]", "date32[day]"]
    assert [str(value) for value in found[0]] == ["2025-12-31", "2026-01-02"]
    assert found[1][0] is None
