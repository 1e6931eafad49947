"""tarn put with a token that is limited to datasets and key prefixes."""

import pytest
from harness.tokens import Tokens
from harness.tool import Tool, ok, refused

CSV = "id,name\n1,one\n2,two\n"
ROLES = ("query", "catalog")


@pytest.fixture(scope="module")
def lake(module_lake):
    lake = module_lake
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    lake.blue = lake.files.key("blue/")
    lake.green = lake.files.key("green/")
    limited = {"datasets": ("blue_*",)}
    lake.tokens = {
        "none": tokens.create("none", *ROLES, **limited),
        "one": tokens.create("one", *ROLES, **limited, prefixes=(lake.blue,)),
        "two": tokens.create("two", *ROLES, **limited, prefixes=(lake.blue, lake.green)),
        "key": tokens.create("key", *ROLES, **limited, prefixes=(lake.files.key("x.parquet"),)),
        "all": tokens.create("all", *ROLES),
    }
    lake.start()
    lake.catalog.token = lake.query.token = lake.tokens["all"]
    (lake.folder / "data.csv").write_text(CSV)
    return lake


def put(lake, token: str, name: str, *options: str):
    run = Tool(lake)
    arguments = ("put", "--config", lake.write_config(), "data.csv", "--as", name, *options)
    return run(*arguments, env={"TARN_TOKEN": lake.tokens[token]})


def keys_of(lake, name: str) -> list[str]:
    return [each["key"] for each in lake.catalog.manifest(name).json()["objects"]]


def test_keys_are_below_the_prefix_of_the_token(lake):
    ok(put(lake, "one", "blue_a"))
    (key,) = keys_of(lake, "blue_a")
    assert key.startswith(lake.blue + "blue_a/")
    lake.wait_for_rows("blue_a", [[1, "one"], [2, "two"]])
    refused(put(lake, "one", "blue_a", "--append"), "has these rows already")


def test_one_of_several_prefixes_is_chosen(lake):
    before = lake.files.keys()
    refused(put(lake, "two", "blue_b"), "several prefixes", lake.green, "--prefix")
    assert lake.files.keys() == before, "nothing was sent"
    ok(put(lake, "two", "blue_b", "--prefix", lake.green + "day/"))
    (key,) = keys_of(lake, "blue_b")
    assert key.startswith(lake.green + "day/blue_b/")


def test_missing_rights_are_reported_before_sending(lake):
    before = lake.files.keys()
    refused(put(lake, "none", "blue_c"), "may not register objects", "tarn token create --prefix")
    refused(put(lake, "key", "blue_c"), "may only register the keys")
    refused(put(lake, "one", "red"), 'may not change "red"', "blue_*")
    refused(put(lake, "one", "blue_c", "--prefix", lake.green), lake.green, lake.blue)
    assert lake.files.keys() == before
    assert lake.catalog.manifest("blue_c").status == 404


def test_foreign_former_keys_are_reported_before_sending(lake):
    key = lake.files.put_rows("red/former.parquet", "SELECT 1 AS id, 'x' AS name")
    lake.catalog.put_keys("blue_former", key)
    lake.wait_for_rows("blue_former", [[1, "x"]])
    before = lake.files.keys()
    answer = put(lake, "one", "blue_former", "--append")
    refused(answer, "--append", key, "outside of the key prefixes", lake.blue)
    assert lake.files.keys() == before
    ok(put(lake, "one", "blue_former", "--replace"))


def test_prefix_of_a_token_without_limits(lake):
    ok(put(lake, "all", "red", "--prefix", lake.files.key("red/")))
    (key,) = keys_of(lake, "red")
    assert key.startswith(lake.files.key("red/red/"))


@pytest.mark.parametrize("prefix", ["x", "/x/", "../x/", "x/*/", "s3://lake/x/"])
def test_prefix_is_checked(lake, prefix):
    refused(put(lake, "all", "red", "--prefix", prefix), "prefix")


def test_prefix_cannot_be_used_with_into(lake):
    refused(put(lake, "all", "red", "--prefix", "x/", "--into", "folder"), "--into")


def test_touch_and_restore_of_foreign_keys_are_refused(lake):
    key = lake.files.put_rows("red/x.parquet", "SELECT 1 AS id, 'x' AS name")
    lake.catalog.put_keys("blue_given", key)
    run = Tool(lake)
    env = {"TARN_TOKEN": lake.tokens["one"]}
    refused(run("touch", "blue_given", env=env), key, "outside of the key prefixes", lake.blue)
    lake.catalog.delete("blue_given")
    refused(run("restore", "blue_given", "1", env=env), key, "outside of the key prefixes")
