"""A token that is limited to datasets registers the keys below its prefixes, and no others."""

import json

import pytest
from harness.client import Answer, Client, dataset_path
from harness.tokens import Tokens
from harness.waiting import wait_until

ROLES = ("query", "catalog")


@pytest.fixture(scope="module")
def lake(module_lake):
    lake = module_lake
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    everything = tokens.create("all", "query", "catalog", "admin")
    lake.thief_token = tokens.create("thief", *ROLES, datasets=("c7_*",))
    lake.blue_prefix = lake.files.key("blue/")
    lake.blue_token = tokens.create(
        "blue",
        *ROLES,
        datasets=("blue_*",),
        prefixes=(lake.blue_prefix, lake.files.key("days.parquet")),
    )
    lake.start()
    lake.catalog.token = lake.query.token = everything
    lake.secret = lake.add("red_secret", "SELECT 'red' AS owner", key="red/secret.parquet")
    lake.days = lake.files.put_rows("days.parquet", "SELECT 1 AS day")
    lake.mine = lake.files.put_rows("blue/mine.parquet", "SELECT 'blue' AS owner")
    lake.wait_for_rows("red_secret", [["red"]])
    return lake


@pytest.fixture
def thief(lake) -> Client:
    return lake.catalog.with_token(lake.thief_token)


@pytest.fixture
def blue(lake) -> Client:
    return lake.catalog.with_token(lake.blue_token)


def register(client: Client, name: str, *keys: str) -> Answer:
    return client.put(name, {"objects": [{"key": key} for key in keys]})


def restore(client: Client, name: str, version: int) -> Answer:
    body = json.dumps({"version": version})
    return client.request("POST", dataset_path(name) + "/restore", body)


def refusals(lake) -> float:
    metrics = lake.catalog.get("/metrics").text
    line = 'tarn_auth_failures_total{reason="dataset or key"} '
    return float(metrics.partition(line)[2].partition("\n")[0])


def test_token_without_prefixes_registers_nothing(lake, thief):
    before = refusals(lake)
    there = register(thief, "c7_steal", lake.secret)
    assert "has no key prefix" in there.expect_error(403, "this token may not register objects")
    nowhere = register(thief, "c7_steal", lake.secret + ".none")
    assert nowhere.text == there.text, "the response does not reveal whether the object exists"
    assert thief.manifest("c7_steal").status == 404
    query = lake.query.with_token(lake.thief_token)
    assert query.sql("FROM c7_steal").status == 400
    status = query.get("/catalog/status").json()
    assert status["failed"] == status["being_read"] == status["notes"] == []
    assert refusals(lake) == before + 2
    assert "user=thief" in lake.catalogd.wait_for_line("change refused: the token lacks the right")


def test_key_below_a_prefix_is_registered(lake, blue):
    assert register(blue, "blue_mine", lake.mine, lake.days).status == 201
    query = lake.query.with_token(lake.blue_token)
    assert register(blue, "blue_mine", lake.mine).status == 200
    wait_until(lambda: query.sql("FROM blue_mine").status == 200, "the dataset can be queried")
    assert query.sql("FROM blue_mine").rows() == [["blue"]]


@pytest.mark.parametrize(
    "key",
    [
        "{red}",
        "/{red}",
        "s3://lake/{red}",
        "{blue}",
        "{blue}../red/secret.parquet",
        "{blue}x/../../red/secret.parquet",
        "{blue}./../red/secret.parquet",
        "./{blue}../red/secret.parquet",
        "{blue}%2e%2e/red/secret.parquet",
        "{blue}%2E./red/secret.parquet",
        "{blue}..%2fred/secret.parquet",
        "{blue}%252e%252e/red/secret.parquet",
        "{blue}..\\red\\secret.parquet",
        "{days}/x.parquet",
        "{days}2",
    ],
)
@pytest.mark.parametrize("way", ["alone", "beside a good one", "touched"])
def test_disguised_foreign_keys_are_refused(lake, blue, key, way):
    key = key.format(red=lake.secret, blue=lake.blue_prefix, days=lake.days)
    keys = (lake.mine, key) if way == "beside a good one" else (key,)
    target = dataset_path("blue_steal") + ("?touch=true" if way == "touched" else "")
    body = json.dumps({"objects": [{"key": each} for each in keys]})
    message = blue.request("PUT", target, body).expect_error(403, "objects[")
    assert "is outside of the key prefixes of this token" in message
    assert blue.manifest("blue_steal").status == 404


def test_content_registered_by_others_is_not_restored(lake, blue):
    register(lake.catalog, "blue_given", lake.secret)
    assert register(blue, "blue_given", lake.mine).status == 200
    assert restore(blue, "blue_given", 1).status == 403
    assert restore(lake.catalog, "blue_given", 1).status == 200
    touch = dataset_path("blue_given") + "?touch=true"
    assert blue.request("PUT", touch, "").status == 403
    assert register(blue, "blue_given", lake.secret).status == 403, "also where nothing changes"
    assert restore(blue, "blue_given", 3).status == 403, "also the current version"
    assert restore(lake.catalog, "blue_given", 3).status == 200
    assert blue.manifest("blue_given").json()["version"] == 3
    assert blue.delete("blue_given").status == 204
    assert restore(blue, "blue_given", 1).status == 403
    assert restore(blue, "blue_given", 2).status == 201
    assert blue.manifest("blue_given").json()["objects"] == [{"key": lake.mine}]


def test_problem_document_has_advice(lake, thief):
    headers = {"Accept": "application/json"}
    body = json.dumps({"objects": [{"key": lake.secret}]})
    answer = thief.request("PUT", dataset_path("c7_steal"), body, headers)
    assert answer.json()["status"] == 403
    assert "`tarn token create --prefix PREFIX/`" in answer.json()["detail"]
