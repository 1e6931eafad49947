"""Error messages of tarn put: they name the file of the user, and say what to do."""

import datetime
import gzip

import pytest
from harness.put_files import write
from harness.tool import ok, refused

UTF16 = "a,b\n1,2\n".encode("utf-16")
INTERNALS = ("Error:", "/tarn-put", "Possible ", "Candidates", "csv_rows", "delimiter = ", "/stdin")


@pytest.mark.parametrize(
    "content, options, said",
    [
        # Files without rows.
        ("\n", [], ['"a.csv" has only blank lines']),
        ("\r\n\r\n", [], ['"a.csv" has only blank lines']),
        ("\ufeff", [], ['"a.csv" has only blank lines']),
        ("a,b\n", [], ['"a.csv" has no rows']),
        ("a,b\n1,2\n", ["--with", "skip=5"], ["after the 5 lines that --with skip=5 skips"]),
        # Lines and encodings.
        ("a\n1,2\n3,4\n", [], ["line 2: 2 fields where line 1 has 1", "--delimiter"]),
        (UTF16, ["--encoding", "utf-8"], ["the byte order mark of UTF-16", "leave out --encoding"]),
        (UTF16[2:], [], ["seems to be UTF-16", "--encoding utf-16le"]),
        (
            "é,b\n1,2\n3\n".encode("latin-1"),
            ["--encoding", "latin-1"],
            ['"a.csv", line 3: 1 field'],
        ),
        ("é,b\n1,2\n3\n".encode("utf-16"), [], ['"a.csv", line 3: 1 field']),
        # Options.
        ("a,b\n1,2\n", ["--with", "nosuch=1"], ["--with nosuch: ", "no such option"]),
        ("a,b\n1,2\n", ["--with", "quote=ab"], ["quote", "1 byte"]),
        ("a,b\n1,2\n", ["--with", "types={'a': 'INT'}"], ["use --type COLUMN=TYPE"]),
        ("a,b\n1,2\n", ["--with", "decimal_separator=xx"], ["must be one character"]),
        ("a,b\n1,2\n", ["--with", "store_rejects=true"], ["no table of rejected lines"]),
        ("a,b\n1,2\n", ["--with", "names=x"], ["must be a list, as in", "names=['id', 'name']"]),
        ("d\n01/02/2026\n", ["--type", "d=DATE"], ['"01/02/2026" is no DATE: set the format']),
        ("a,b\n1,2\n", ["--with", "ignore_errors=maybe"], ["'maybe'"]),
        ("a,b\n1,2\n3\n", ["--with", "strict_mode=false"], ["line 3", "null_padding=true"]),
        ("a,b\n1,2\n", ["--with", "max_line_size=3", "--with", "comment=#"], ["line 1", "3 bytes"]),
        # Types.
        ("a,b\n1,x\n", ["--type", "b=BIGINT"], ['"a.csv", line 2: column "b": "x" is no BIGINT']),
        # Types whose texts DuckDB casts.
        *(
            (
                f'a,b\n1,{good}\n2,\n3,"{bad}"\n',
                ["--type", f"b={type}"],
                [f'line 4: column "b": "{bad[:90]}'],
            )
            for type, good, bad in [
                ("INTERVAL", "3 days", "3 dais"),
                ("BLOB", "ab", "\\x"),
                ("ENUM('x')", "x", "y"),
                ("BIGINT[]", "[1]", "[1, x]"),
                ("STRUCT(x INT)", "{'x': 1}", "{'x': y}"),
                ("MAP(VARCHAR, INT)", "{a=1}", "{a=b}"),
                ("TIMESTAMP_S", "2026-01-31 10:00:00", "2026-01-32 10:00:00"),
                ("JSON", "{}", "{"),
                ("ENUM('x')", "x", "y" * 500),
            ]
        ),
    ],
)
def test_message_about_csv(folder, put, content, options, said):
    write(folder, "a.csv", content)
    done = put("a.csv", "--as", "t", *options)
    refused(done, *said)
    assert not [part for part in INTERNALS if part in done.stderr]


@pytest.mark.parametrize("type, option", [("DATE", "dateformat"), ("TIMESTAMP", "timestampformat")])
@pytest.mark.parametrize(
    "name, content, line",
    [
        ("a.csv", "d,x\n01/02/2026,1\n,2\n12/31/2025,3\n", 4),
        ("a.csv", "d,x\n12/31/2025,3\n01/02/2026,1\n", 2),
        ("a.json", '{"d":"01/02/2026"}\n{"d":null}\n{"d":"12/31/2025"}\n', 3),
    ],
)
def test_line_of_a_date_in_another_format(folder, put, name, content, line, type, option):
    write(folder, name, content)
    done = put(name, "--as", "t", "--type", f"d={type}", "--with", f"{option}=%d/%m/%Y")
    said = f'"{name}", line {line}: column "d": "12/31/2025" is no {type} in the format %d/%m/%Y'
    refused(done, said, f"--with {option}")


def test_dates_in_a_given_format_after_empty_fields(folder, put, rows):
    write(folder, "a.csv", "d,x\n" + ",1\n" * 30_000 + "31/12/2025,2\n")
    ok(put("a.csv", "--as", "t", "--type", "d=DATE", "--with", "dateformat=%d/%m/%Y"))
    assert rows("t")[0][-1] == [datetime.date(2025, 12, 31), 2]


@pytest.mark.parametrize("type", ["INTERVAL", "ENUM('3 days')", "BIGINT[]"])
def test_line_of_a_json_string_that_a_type_refuses(folder, put, type):
    good = "[1]" if type == "BIGINT[]" else "3 days"
    write(
        folder, "a.json", f'{{"b":"{good}"}}\n{{"b":null}}\n\n{{"b":"3 dais"}}\n{{"b":"3 dais"}}\n'
    )
    refused(
        put("a.json", "--as", "t", "--type", f"b={type}"),
        '"a.json", line 4: column "b": "3 dais" is no',
    )


@pytest.mark.parametrize(
    "content, options, said",
    [
        (b"", ["--format", "csv"], ['"stdin" is empty']),
        (b"a\n", ["--format", "csv"], ['"stdin" has no rows']),
        (b"a,b\n1\n", [], ['"stdin", line 2: 1 field']),
        (b"\xe9,b\n1\n", [], ['"stdin", line 1: the byte 0xE9']),
        ("é,b\n1\n".encode("utf-16"), [], ['"stdin", line 2: 1 field']),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-6], [], ['"stdin" is cut off']),
        (b'{"a":1}\n{"a":', ["--format", "json"], ['"stdin", line 2: ']),
    ],
)
def test_message_about_stdin(put, content, options, said):
    done = put("-", "--as", "t", *options, input=content, text=False)
    error = done.stderr.decode()
    assert done.returncode == 1
    assert all(part in error for part in said), error
    assert not [part for part in INTERNALS if part in error]


def test_list_of_names(folder, put, rows):
    write(folder, "a.csv", "1,2\n3,4\n")
    ok(put("a.csv", "--as", "t", "--no-header", "--with", "names=['id', 'name']"))
    assert rows("t")[0] == [[1, 2], [3, 4]]


def test_long_lines_are_cut_in_messages(folder, put):
    write(folder, "a.csv", "a,b\n1," + "x" * 3_000_000 + "\n")
    done = put("a.csv", "--as", "t", "--with", "comment=#")
    assert done.returncode == 1
    assert len(done.stderr) < 1000


def test_no_note_about_the_type_of_a_column_with_a_given_type(folder, put):
    write(folder, "a.json", '{"n": 1}\n{"n": 12345678901234567.89}\n')
    assert "column" in put("a.json", "--as", "t").stderr
    done = put("a.json", "--as", "u", "--type", "n=VARCHAR")
    ok(done)
    assert done.stderr == ""


# --- values and tables that need much memory


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_value_of_200_mb(folder, put, ending):
    text = "x" * 200_000_000
    content = f"a,b\n1,{text}\n" if ending == "csv" else f'{{"a":1,"b":"{text}"}}'
    ok(put(write(folder, f"a.{ending}", content), "--as", "t"))


@pytest.mark.parametrize("options", [[], ["--with", "comment=#"]])
def test_many_text_columns(folder, put, options):
    columns = range(1000)
    lines = [",".join(f"c{n}" for n in columns)]
    lines += [",".join(f"text {n} {row}" for n in columns) for row in range(20)]
    ok(put(write(folder, "a.csv", "\n".join(lines)), "--as", "t", *options))
