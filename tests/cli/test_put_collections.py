"""tests/put_collections.py: it finds each kind of outcome, and differences of values."""

import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest
from harness import programs
from harness.put_files import write
from harness.put_reference import csv_difference, json_difference
from harness.put_run import INTERNALS

CSV = 'id,name\n1,"x\ny"\n02,\n'
RIGHT = 'id,name\r\n1,"x\ny"\r\n02,\r\n'


def test_counts(folder):
    write(folder, "a.csv", CSV)
    write(folder, "ragged.csv", "a,b\n1,2\n3\n")
    write(folder, "a.json", '[{"a":1,"b":[1.50,{"c":"é"}]},{"a":null}]')
    write(folder, "cut.json", '[{"a":1}')
    write(folder, "note.md", "# none")
    pyarrow.parquet.write_table(pyarrow.table({"n": [1, 2]}), folder / "a.parquet")
    write(folder, "b.parquet", "PAR1")
    done = subprocess.run(
        [sys.executable, programs.REPO / "tests" / "put_collections.py", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = "6 tried: 3 right, 3 refused, 0 refused badly, 0 wrong"
    assert done.stdout == f"{folder}: {counts}\n", done.stderr


@pytest.mark.parametrize(
    "answer, is_right",
    [
        (RIGHT, True),
        (RIGHT.replace("1,", "1.0,"), True),
        (RIGHT.replace("02,", "2,"), False),
        (RIGHT.replace("x\n", "x"), False),
        (RIGHT.replace("02,", "02,x"), False),
        (RIGHT.replace("id,", "ident,"), False),
        (RIGHT + "3,\r\n", False),
        ("id\r\n1\r\n02\r\n", False),
    ],
)
def test_csv_difference(folder, answer, is_right):
    assert (csv_difference(write(folder, "a.csv", CSV), answer) == "") == is_right


@pytest.mark.parametrize(
    "answer, is_right",
    [
        ('{"a":1,"a_1":"2","o":{"k":[1.5,null]}}', True),
        ('{"a":1,"a_1":"2","o":"{\\"k\\":[1.5,{}]}"}', True),
        ('{"a":1,"a_1":"2","o":{"k":[1.5,null],"x":null}}', True),
        ('{"a":1,"a_1":"3","o":{"k":[1.5,null]}}', False),
        ('{"a":1,"a_1":"2","o":{"k":[1.5]}}', False),
        ('{"a":1,"a_1":"2","o":{"k":[1.5,null],"x":0}}', False),
        ('{"a":1,"o":{"k":[1.5,null]}}', False),
        ('{"a":1,"b":"2","o":{"k":[1.5,null]}}', False),
    ],
)
def test_json_difference(folder, answer, is_right):
    path = write(folder, "a.json", '{"a":1,"a":"2","o":{"k":[1.50,{}]}}')
    status = '{"status":"ok"}'
    assert (json_difference(path, f"{answer}\n{status}\n") == "") == is_right
    assert json_difference(path, f"{answer}\n{answer}\n{status}\n")
    assert json_difference(path, f"{answer}\n")


def test_internals_of_duckdb_are_bad_messages():
    for message in ("INTERNAL Error: x", "Parallel CSV Reader", "Binder Error: x", "read_csv('a')"):
        assert INTERNALS.search(message)
    assert not INTERNALS.search('"a.csv", line 3: 1 field where line 1 has 2: "3"')
