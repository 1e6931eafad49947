"""tarn put of JSON: keys, digits, nested values, and incomplete files."""

import json

import pytest
from harness.put_files import pyarrow_of, write
from harness.tool import ok, refused


@pytest.fixture
def table(folder, put):
    """Puts a JSON file, and reads the dataset."""

    def call(content: str | bytes, *options: str):
        done = put(write(folder, "a.json", content), "--as", "t", "--replace", *options)
        ok(done)
        return pyarrow_of(folder / "served" / "t"), done.stderr

    return call


# --- keys


@pytest.mark.parametrize(
    "content, names, rows",
    [
        ('[{"Name":"x"},{"name":"y"}]', ["Name", "name_1"], [["x", None], [None, "y"]]),
        ('[{"name":"y"},{"Name":"x"}]', ["name_1", "Name"], [["y", None], [None, "x"]]),
        ('{"a":1,"A":2,"a_1":3}', ["a_2", "A", "a_1"], [[1, 2, 3]]),
        ('{"":1,"b":2}', ["_", "b"], [[1, 2]]),
        ('{"":1,"_":2}', ["__1", "_"], [[1, 2]]),
        (r'{"x\u0000y":1,"x_y":2}', ["x_y_1", "x_y"], [[1, 2]]),
        ('{"a":1,"a":2}', ["a", "a_1"], [[1, 2]]),
        (
            '{"x":1,"b":"p"}\n{"c":2,"b":"q","x":3,"b":"r"}',
            ["x", "b", "c", "b_1"],
            [[1, "p", None, None], [3, "q", 2, "r"]],
        ),
    ],
)
def test_keys_that_are_not_column_names_keep_their_values(table, content, names, rows):
    found, said = table(content)
    assert found.column_names == names
    assert [list(row.values()) for row in found.to_pylist()] == rows
    assert "the key " in said


def test_nested_keys_that_are_not_field_names_keep_their_values(table):
    found, _ = table(r'{"o":{"Name":1,"name":2,"":3,"a\u0000":4,"a\u0000":5}}')
    assert found["o"].to_pylist() == [{"Name": 1, "name_1": 2, "_": 3, "a_": 4, "a__1": 5}]


def test_objects_with_many_different_keys_are_a_map(table):
    lines = "".join(json.dumps({"n": n, "m": {f"k{n}": n, "K": None}}) + "\n" for n in range(500))
    found, _ = table(lines)
    assert str(found.schema.field("m").type) == "map<string, int64 ('m')>"
    assert found["m"].to_pylist()[7] == [("k7", 7), ("K", None)]


# --- digits


@pytest.mark.parametrize("other", ['"x"', "true", "1.5"])
def test_number_that_becomes_text_keeps_its_digits(table, other):
    found, _ = table(f'[{{"a":12345678901234567.89}},{{"a":{other}}},{{"a":1e2}},{{"a":1.10}}]')
    texts = ["12345678901234567.89", json.loads(other) if '"' in other else other, "1e2", "1.10"]
    assert found["a"].to_pylist() == texts


@pytest.mark.parametrize("number", ["1.000000000000000005", "12345678901234567.89", "1e400"])
def test_number_beyond_double_is_text_with_a_note(table, number):
    for content in (f'{{"a":{number}}}', f'{{"a":[{{"b":{number}}}]}}'):
        found, said = table(content)
        (value,) = found["a"].to_pylist()
        assert (value if isinstance(value, str) else value[0]["b"]) == number
        assert f'is text, because of values such as "{number}"' in said


def test_nested_numbers_in_a_value_stored_as_json(table):
    nested = '{"b": 1.10, "c": [12345678901234567890123]}'
    found, _ = table(f'[{{"a":{nested}}},{{"a":"x"}}]')
    assert found["a"].to_pylist() == [nested, '"x"']


@pytest.mark.parametrize(
    "texts, values",
    [
        (["1.1", "1.10"], ["1.1", "1.10"]),
        (["1.9", "1.10", "2"], ["1.9", "1.10", "2"]),
        (["1.50", "2.25", "3"], [1.5, 2.25, 3.0]),
        (["1.0", "2.25"], [1.0, 2.25]),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_version_numbers_are_text(folder, put, texts, values, ending):
    if ending == "csv":
        content = "v,n\n" + "".join(f"{text},1\n" for text in texts)
    else:
        content = "".join(f'{{"v":{text}}}\n' for text in texts)
    done = put(write(folder, f"a.{ending}", content), "--as", "t")
    ok(done)
    assert pyarrow_of(folder / "served" / "t")["v"].to_pylist() == values
    assert ('because of values such as "1.10"' in done.stderr) == isinstance(values[0], str)


# --- nested values


def test_nested_strings_keep_their_text(table):
    upper = "550E8400-E29B-41D4-A716-446655440000"
    found, _ = table(
        json.dumps(
            {"o": {"id": upper, "day": "2026-01-02", "code": "007", "at": "2026-01-01T00:00:00Z"}}
        )
    )
    value = found["o"].to_pylist()[0]
    assert (value["id"], str(value["day"]), value["code"]) == (upper, "2026-01-02", "007")
    assert str(value["at"]) == "2026-01-01 00:00:00+00:00"


def test_nested_values_of_all_kinds(table):
    first = {"o": {"l": [1, None, 3], "e": [], "s": {"x": None}}, "m": [[{"k": 1}], [], None]}
    second = {"o": None, "m": None, "new": [{"a": "x" * 100}, None]}
    found, _ = table(json.dumps([first, second, {}]))
    assert found["o"].to_pylist() == [first["o"] | {"s": {"x": None}}, None, None]
    assert found["m"].to_pylist() == [first["m"], None, None]
    assert found["new"].to_pylist() == [None, second["new"], None]


def test_many_nested_values_keep_their_rows(table):
    lines = [
        {"n": n, "l": [{"i": i, "t": "é" * (i % 20)} for i in range(n % 7)]} for n in range(9000)
    ]
    found, _ = table("\n".join(json.dumps(line) for line in lines))
    assert found.to_pylist() == lines


@pytest.mark.parametrize(
    "content, values",
    [
        ("[1,2.5]", [1.0, 2.5]),
        ("1 2\n3", [1, 2, 3]),
        ("[1,2]\n[3]\n", [[1, 2], [3]]),
        ('"x" "y"', ["x", "y"]),
        ('[{"a":1},[2]]', ['{"a":1}', "[2]"]),
    ],
)
def test_records_that_are_not_objects_become_one_column(table, content, values):
    found, _ = table(content)
    assert found["json"].to_pylist() == values


# --- incomplete files, and files with other text at the start


@pytest.mark.parametrize(
    "content, said",
    [
        ('[{"a":1},{"a":2},', "cut off"),
        ('[{"a":1},{"a":2}', "cut off"),
        ('[{"a":1},{"a":', "cut off"),
        ('{"a":1}\n{"a":2', "cut off"),
        ('{"a":1}\n{"a":"x', "cut off"),
        ('[{"a":1},]', "after a comma"),
        ('[{"a":1} {"a":2}]', "a comma is missing"),
        ('{"a":1}\n{"a":2,}\n', "line 2"),
        ('{"a":1}\n{"a":1.2.3}\n', 'line 2: "1.2.3" is not a JSON number'),
        ('{"a":1}\n{"a":nul}\n', "line 2"),
        ('{"a":1}\n{"a":01}\n', "line 2"),
        ('{"a":1}\n\n{"a":"\n"}\n', "line 3"),
        (b'{"a":1}\n{"a":"\xe9"}\n', "line 2: the byte 0xE9 is not UTF-8"),
        ("hello\n", "line 1"),
        ("[1\x0b]", "not a JSON number"),
        ("2\n1\f", "line 2"),
    ],
)
def test_incomplete_json_is_refused(folder, put, content, said):
    refused(put(write(folder, "a.json", content), "--as", "t"), "a.json", said)
    assert not (folder / "served" / "t").exists()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_byte_order_mark(table, encoding):
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    for text in ('[{"a":"é"},{"a":"y"}]', '{"a":"é"}\n{"a":"y"}\n'):
        found, _ = table(mark + text.encode(encoding))
        assert found["a"].to_pylist() == ["é", "y"]


def test_dates_in_a_given_format(table):
    found, _ = table('[{"d":"31.12.2025","t":"x"}]', "--with", "dateformat=%d.%m.%Y")
    assert str(found["d"].to_pylist()[0]) == "2025-12-31"
    assert found["t"].to_pylist() == ["x"]


def test_given_format_of_a_given_type(folder, put, rows):
    """The texts are dates in another format too, which would be detected."""
    for name, text in [
        ("a.json", '{"d":"01/02/2026"}\n{"d":"12/11/2025"}'),
        ("a.csv", "d\n01/02/2026\n12/11/2025\n"),
    ]:
        write(folder, name, text)
        for type, option in [("DATE", "dateformat"), ("TIMESTAMP", "timestampformat")]:
            options = ["--type", f"d={type}", "--with", f"{option}=%d/%m/%Y"]
            ok(put(name, "--as", "t", "--replace", *options))
            days = [(each.month, each.day) for [each] in rows("t")[0]]
            assert days == [(2, 1), (11, 12)], (name, type)


# --- limits of queryd


@pytest.mark.parametrize("levels", [16, 17, 500])
def test_lists_nested_too_deeply_for_queryd_become_json(lake, run, levels):
    """16 nested lists are a type; with more levels, the elements of the 16th list are JSON."""
    value = "[" * levels + "7" + "]" * levels
    path = write(lake.folder, "a.json", '{"v":' + value + "}")
    ok(run("put", "--config", lake.write_config(), path, "--as", "t"))
    answer = lake.query.sql("SELECT v, typeof(v) FROM t").rows()
    assert answer[0][1] == ("BIGINT" if levels == 16 else "JSON") + "[]" * 16
    found = answer[0][0]
    for _ in range(16):
        (found,) = found
    assert json.loads(str(found)) == json.loads(value[16 : len(value) - 16])


def test_maps_count_as_lists(lake, run):
    """Each record has other keys, so that the innermost object would be a MAP."""
    inner = ("{" + f'"k{n}":{n}' + "}" for n in range(300))
    lines = ("{" + '"v":' + "[" * 16 + each + "]" * 16 + "}" for each in inner)
    path = write(lake.folder, "a.json", "\n".join(lines))
    ok(run("put", "--config", lake.write_config(), path, "--as", "t"))
    assert lake.query.sql("SELECT typeof(v) FROM t LIMIT 1").rows() == [["JSON" + "[]" * 16]]


def test_types_that_the_catalogue_cannot_store(lake, run):
    """Control characters, and more than 16 KiB: the dataset has no schema in the catalogue."""
    many = {f"a key of some length {n}": n for n in range(190)} | {"o": {"p" * 15_000: 1}}
    for value in ({"line\nbreak": 1}, many):
        path = write(lake.folder, "a.json", json.dumps({"v": value}))
        put = ["put", "--config", lake.write_config(), path, "--as", "t", "--replace"]
        ok(run(*put))
        assert "schema" not in lake.catalog.get("/catalog/datasets/t").json()
        assert lake.query.sql("SELECT v FROM t").json()["rows"] == [[value]]
    path = write(lake.folder, "b.json", json.dumps({"v": many | {"o": None}}))
    ok(run("put", "--config", lake.config, path, "--as", "t", "--append"))
    assert lake.query.sql("SELECT count(*) FROM t").rows() == [[2]]
