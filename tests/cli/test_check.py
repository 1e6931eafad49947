"""tarn check: problems, and advice for each."""

import json
import time

import pytest
from harness.tool import Tool, ok, refused
from harness.waiting import wait_until


@pytest.fixture
def run(lake) -> Tool:
    wait_until(lake.query.ready, "queryd is ready")
    return Tool(lake)


def check(run: Tool, **s3) -> list[dict]:
    """Returns the problems with these settings of [s3]."""
    run.lake.set("s3", **s3)
    done = run("check", run.lake.write_config(), "--json")
    wrong = [each for each in json.loads(done.stdout) if not each["ok"]]
    assert done.returncode == (1 if wrong else 0), done.stderr
    return wrong


def test_check_without_problems(lake, run):
    out = ok(run("check", lake.write_config()))
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["ok", "configuration"],
        ["ok", "credentials"],
        ["ok", "clock"],
        ["ok", "store"],
        ["ok", "bucket"],
        ["ok", "catalogd"],
        ["ok", "queryd"],
        ["ok", "datasets"],
    ]


def test_dataset_that_cannot_be_queried(lake, run):
    lake.catalog.put_keys("lost", "no/such.parquet")
    wait_until(
        lambda: lake.query.get("/catalog/status").json()["failed"], "the problem is reported"
    )
    (wrong,) = check(run)
    assert wrong["what"] == "dataset"
    assert '"lost": ' in wrong["found"]
    assert "tarn history lost" in wrong["to_do"]


def test_daemons_that_are_not_running_or_not_ready(lake, run):
    lake.catalogd.stop()
    lake.queryd.stop()
    by_name = {each["what"]: each for each in check(run)}
    assert by_name["queryd"]["to_do"] == "start queryd, or set its URL with --queryd"
    assert by_name["catalogd"]["to_do"] == "start catalogd, or set its URL with --catalogd"
    assert "start" not in by_name["queryd"]["found"], "the advice is only in to_do"
    # queryd runs, but not its catalogue.
    lake.start_queryd()
    by_name = {each["what"]: each for each in check(run)}
    assert by_name["queryd"]["to_do"] == "see its log and `tarn status`"


def test_configuration(lake, run):
    path = lake.folder / "wrong.toml"
    path.write_text("[queryd]\nrefresh_evry = '1s'\n")
    done = run("check", path)
    refused(done, "found 1 problem")
    assert "refresh_every" in done.stdout
    refused(run("check", lake.folder / "none.toml"), "found 1 problem")
    (lake.folder / "lakehouse.toml").unlink()
    refused(run("check"), "./lakehouse.toml does not exist: use tarn check FILE")


@pytest.mark.parametrize(
    ("s3", "what", "words"),
    [
        ({"access_key_id": "nobody"}, "credentials", "does not know this key"),
        ({"secret_access_key": "wrong"}, "credentials", "does not belong to the access_key_id"),
        ({"bucket": "no-such-bucket"}, "bucket", 'the bucket "no-such-bucket"'),
        ({"endpoint": "http://127.0.0.1:1"}, "store", "s3.endpoint"),
        ({"endpoint": "http://no-such-host.invalid"}, "store", "s3.endpoint"),
        (
            {"endpoint": "http://no-such-host.invalid", "use_path_style": False},
            "store",
            "s3.use_path_style = true",
        ),
    ],
)
def test_store(lake, run, s3, what, words):
    (wrong,) = check(run, **s3)
    assert wrong["what"] == what
    assert words in wrong["to_do"]
    assert "wrong" not in wrong["found"]


def test_server_without_tls(lake, run):
    endpoint = lake.settings["s3"]["endpoint"].replace("http://", "https://")
    (wrong,) = check(run, endpoint=endpoint, use_ssl=True)
    assert wrong["what"] == "store"
    assert "TLS" in wrong["to_do"]


def answer(status: str, body: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", body]
    return "\r\n".join(lines).encode()


def test_region(lake, run, make_proxy):
    """Simulates a response of Amazon, because the server of these tests accepts any region."""
    proxy = make_proxy(lake.settings["s3"]["endpoint"].removeprefix("http://"))
    body = (
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong"
        "</Message><Region>eu-central-1</Region></Error>"
    )
    proxy.answer(answer("400 Bad Request", body))
    (wrong,) = check(run, endpoint=proxy.url)
    assert (wrong["what"], wrong["to_do"]) == ("region", 'set s3.region = "eu-central-1"')


def test_clock(lake, run, make_proxy):
    proxy = make_proxy(lake.settings["s3"]["endpoint"].removeprefix("http://"))
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    body = "<Error><Code>RequestTimeTooSkewed</Code></Error>"
    proxy.answer(answer("403 Forbidden", body, f"Date: {date}"))
    (wrong,) = check(run, endpoint=proxy.url)
    assert wrong["what"] == "clock"
    assert "the clock of this machine is 60:00 behind" in wrong["found"] or "59:5" in wrong["found"]


def test_credentials_are_not_shown(lake, run):
    lake.set("s3", secret_access_key="very-secret-indeed")
    done = run("check", lake.write_config())
    assert "very-secret-indeed" not in done.stdout + done.stderr


def test_daemons(lake, run):
    lake.queryd.stop()
    (wrong,) = check(run)
    assert wrong["what"] == "queryd"
    assert wrong["to_do"] == "start queryd, or set its URL with --queryd"
