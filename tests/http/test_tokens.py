"""Tokens, their roles and their file, and the responses to wrong ones."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.client import Client
from harness.queries import ENDLESS
from harness.tokens import Tokens
from harness.waiting import wait_until


@pytest.fixture(scope="module")
def guarded(module_lake):
    """A lake whose daemons require tokens. The clients of the test have none yet."""
    tokens = Tokens(module_lake)
    tokens.let_queryd_in()
    module_lake.tokens = tokens
    module_lake.by_role = {
        role: tokens.create(f"only-{role}", role) for role in ("query", "catalog", "admin")
    }
    module_lake.start()
    module_lake.catalog.token = module_lake.by_role["catalog"]
    module_lake.add("numbers", "SELECT 42 AS n")
    query = module_lake.query.with_token(module_lake.by_role["query"])
    wait_until(lambda: query.sql("FROM numbers").status == 200, "numbers can be queried")
    return module_lake


# The routes of each role. healthz and readyz are public.
QUERYD = {
    ("POST", "/sql"): {"query"},
    ("GET", "/queries"): {"query", "admin"},
    ("GET", "/queries/none"): {"query", "admin"},
    ("DELETE", "/queries/none"): {"query", "admin"},
    ("GET", "/metrics"): {"admin"},
}
CATALOGD = {
    ("GET", "/catalog/list"): {"catalog"},
    ("GET", "/catalog/rights"): {"catalog"},
    ("GET", "/catalog/datasets/numbers"): {"catalog"},
    ("PUT", "/catalog/datasets/other"): {"catalog"},
    ("DELETE", "/catalog/datasets/none"): {"catalog"},
    ("GET", "/catalog/datasets/numbers/history"): {"catalog"},
    ("POST", "/catalog/datasets/none/restore"): {"catalog"},
    ("GET", "/catalog/backup"): {"admin"},
    ("GET", "/metrics"): {"admin"},
}
ROUTES = [("query", *route, roles) for route, roles in QUERYD.items()]
ROUTES += [("catalog", *route, roles) for route, roles in CATALOGD.items()]


@pytest.mark.parametrize(("daemon", "method", "path", "roles"), ROUTES)
def test_role_allows_only_its_routes(guarded, daemon, method, path, roles):
    client: Client = getattr(guarded, daemon)
    body = {"POST": '{"sql":"SELECT 1"}', "PUT": '{"objects":[{"key":"k"}]}'}.get(method)
    for role, token in guarded.by_role.items():
        answer = client.with_token(token).request(method, path, body)
        if role in roles:
            # 400 is the error of this route for an invalid body.
            assert answer.status in (200, 201, 204, 400, 404), f"{role}: {answer.status}"
        else:
            assert answer.status == 403
            assert f"yours has {role}" in answer.text
    client.with_token(guarded.by_role["catalog"]).delete("other")
    refused = client.with_token("").request(method, path, body)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="tarn"'
    assert refused.text == "a token is required: Authorization: Bearer TOKEN\n"


@pytest.mark.parametrize("daemon", ["query", "catalog"])
def test_probes_need_no_token(guarded, daemon):
    client: Client = getattr(guarded, daemon).with_token("")
    for path in ("/healthz", "/readyz"):
        assert client.get(path).status == 200
    assert client.get("/nowhere").status == 404


def test_reason_in_readyz_needs_a_role(new_lake):
    tokens = Tokens(new_lake)
    everything = tokens.create("all", "admin")
    limited = tokens.create("limited", "query", datasets=("x",))
    new_lake.start()  # queryd has no token for catalogd.
    client = new_lake.query
    wait_until(
        lambda: "queryd.catalogd_token_path" in client.with_token(everything).get("/readyz").text,
        "why",
    )
    for token in ("", limited, "tarn_x"):
        client.with_token(token).get("/readyz").expect_text_error(
            503, "not ready; use a token for all datasets to see the reason"
        )


def test_refusal_comes_before_the_body_is_read(guarded):
    head = (
        b"PUT /catalog/datasets/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"
    )
    started = time.monotonic()
    answer = guarded.catalog.raw(head, method="PUT")
    assert answer.status == 401
    assert time.monotonic() - started < 20, "the refusal does not wait for the body"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer tarn_000000000000_" + "0" * 43,
        "Basic dTpw",
        "{token}",
        "Bearer {token}x",
        "Bearer {token} {token}",
    ],
)
def test_wrong_token(guarded, header):
    header = header.replace("{token}", guarded.by_role["query"])
    answer = guarded.query.request("POST", "/sql", '{"sql":"SELECT 1"}', {"Authorization": header})
    assert answer.status in (401, 429)
    if answer.status == 401:
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_scheme_ignores_case(guarded):
    header = {"Authorization": f"bEARER  {guarded.by_role['query']} "}
    answer = guarded.query.request("POST", "/sql", '{"sql":"SELECT 1"}', header)
    assert answer.status == 200


def test_problem_document(guarded):
    answer = guarded.query.get("/queries", {"Accept": "application/json"})
    assert answer.content_type == "application/problem+json"
    assert answer.json()["status"] == 401


def test_guessing_tokens_is_slow_and_does_not_delay_others(guarded):
    wrong = guarded.query.with_token("tarn_000000000000_" + "0" * 43)
    right = guarded.query.with_token(guarded.by_role["query"])
    over = threading.Event()
    statuses: list[int] = []

    def attack() -> None:
        while not over.is_set():
            statuses.append(wrong.get("/queries").status)

    with ThreadPoolExecutor(16) as pool:
        for _ in range(16):
            pool.submit(attack)
        try:
            wait_until(lambda: 429 in statuses and 401 in statuses, "both refusals")
            # The delay for one address grows to seconds, and only a few requests may wait at once.
            before = statuses.count(401)
            started = time.monotonic()
            for _ in range(20):
                assert right.sql("SELECT 1").status == 200
            wait_until(lambda: time.monotonic() - started > 2, "two seconds")
            assert statuses.count(401) - before <= 3 * 4 + 4
        finally:
            over.set()


def test_queries_of_others_are_not_visible(guarded):
    other = guarded.tokens.create("other")
    admin = guarded.query.with_token(guarded.by_role["admin"])
    mine = guarded.query.with_token(guarded.by_role["query"])
    theirs = guarded.query.with_token(other)
    wait_until(lambda: theirs.sql("SELECT 1").status == 200, "the token is accepted")
    assert theirs.sql("SELECT 'theirs'", {"X-Query-Id": "of-the-other"}).status == 200
    assert mine.sql("SELECT 'mine'", {"X-Query-Id": "of-mine"}).status == 200

    def users(client: Client) -> set[str]:
        return {query["user"] for query in client.get("/queries").json()["queries"]}

    assert users(mine) == {"only-query"}
    assert users(theirs) == {"other"}
    assert users(admin) >= {"only-query", "other"}
    assert mine.get("/queries/of-the-other").status == 404
    assert mine.request("DELETE", "/queries/of-the-other").status == 404
    assert mine.get("/queries/of-mine").status == 200
    assert admin.get("/queries/of-the-other").json()["user"] == "other"


def test_only_admin_cancels_queries_of_others(guarded):
    other = guarded.tokens.create("runner")
    runner = guarded.query.with_token(other)
    mine = guarded.query.with_token(guarded.by_role["query"])
    admin = guarded.query.with_token(guarded.by_role["admin"])
    wait_until(lambda: runner.sql("SELECT 1").status == 200, "the token is accepted")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(runner.sql, ENDLESS, {"X-Query-Id": "running"})
        wait_until(lambda: admin.get("/queries/running").status == 200, "the query runs")
        assert mine.request("DELETE", "/queries/running").status == 404
        assert admin.request("DELETE", "/queries/running").status == 204
        assert running.result().status == 409


# --- the file


def test_token_is_shown_once_and_stored_as_a_hash(guarded):
    done = guarded.tokens.run("create", "once")
    token = done.stdout.strip()
    assert token.startswith("tarn_") and "It is not shown again" in done.stderr
    assert token not in done.stderr
    text = guarded.tokens.path.read_text()
    assert token not in text and token.rpartition("_")[2] not in text
    assert guarded.tokens.path.stat().st_mode & 0o777 == 0o600
    assert "once" in {entry["name"] for entry in guarded.tokens.list()}


def test_create_and_revoke_take_effect_without_a_restart(guarded):
    token = guarded.tokens.create("short-lived")
    client = guarded.query.with_token(token)
    wait_until(lambda: client.sql("SELECT 1").status == 200, "the new token is accepted")
    guarded.tokens.revoke("short-lived")
    wait_until(lambda: client.sql("SELECT 1").status in (401, 429), "the revoked token is refused")


def test_broken_token_file_revokes_no_token(guarded):
    client = guarded.query.with_token(guarded.by_role["query"])
    good = guarded.tokens.path.read_text()
    try:
        guarded.tokens.path.write_text("[[token")
        guarded.queryd.wait_for(
            lambda: (
                client.sql("SELECT 1").status == 200
                and "cannot read the tokens" in guarded.queryd.log
            ),
            "the log tells",
        )
        assert client.sql("SELECT 1").status == 200
    finally:
        guarded.tokens.path.write_text(good)


def test_names_and_roles_are_checked(guarded):
    def error(*arguments: str) -> str:
        done = guarded.tokens.run(*arguments, check=False)
        assert done.returncode != 0 and not done.stdout
        return done.stderr

    assert 'the token "only-query" exists' in error("create", "only-query")
    assert 'unknown role "root"' in error("create", "a", "--role", "root")
    assert "1 to 64 letters" in error("create", "a b")
    assert "cannot limit it" in error("create", "a", "--role=admin", "--dataset=x")
    assert "add --role catalog" in error("create", "a", "--prefix=x/")
    for prefix in ("/x/", "x/*", "s3://lake/x/", "x/../y/", "x/%2e%2e/"):
        assert "prefix" in error("create", "a", "--role=catalog", f"--prefix={prefix}")
    assert 'token "nobody" not found' in error("revoke", "nobody")


def test_rights_over_keys_are_listed(guarded):
    limits = ("--role", "catalog", "--dataset", "a_*")
    none = guarded.tokens.run("create", "keys-none", *limits)
    assert "may register no objects" in none.stderr
    limits += ("--prefix", "a/x.parquet", "--prefix", "a/")
    one = guarded.tokens.run("create", "keys-one", *limits)
    assert "--prefix a/x.parquet allows only this key" in one.stderr
    listed = {entry["name"]: entry["prefixes"] for entry in guarded.tokens.list()}
    assert listed["keys-none"] == []
    assert listed["keys-one"] == ["a/", "a/x.parquet"]
    assert listed["only-catalog"] is None
    client = guarded.catalog.with_token(one.stdout.strip())
    wait_until(lambda: client.get("/catalog/rights").status == 200, "the token is accepted")
    rights = {"datasets": ["a_*"], "prefixes": ["a/", "a/x.parquet"]}
    assert client.get("/catalog/rights").json() == rights


def test_concurrent_changes_to_the_file_lose_nothing(guarded):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: guarded.tokens.create(f"at-once-{n}"), range(16)))
    names = {entry["name"] for entry in guarded.tokens.list()}
    assert names >= {f"at-once-{n}" for n in range(16)}


# --- start


@pytest.mark.parametrize("name", ["queryd", "catalogd"])
def test_token_file_that_others_can_read_prevents_the_start(new_lake, name):
    tokens = Tokens(new_lake)
    tokens.create("a")
    tokens.path.chmod(0o644)
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:1")
    error = new_lake.run_to_exit(name).the_error()
    assert "auth.tokens_path: " in error and "chmod 600" in error


@pytest.mark.parametrize("name", ["queryd", "catalogd"])
def test_missing_token_file_prevents_the_start(new_lake, name):
    new_lake.set("auth", tokens_path=str(new_lake.folder / "none.toml"))
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:1")
    assert "auth.tokens_path: cannot read" in new_lake.run_to_exit(name).the_error()


@pytest.mark.parametrize("name", ["queryd", "catalogd"])
def test_public_address_without_tokens_prevents_the_start(new_lake, name):
    new_lake.set("queryd", catalogd_url="http://127.0.0.1:1")
    new_lake.set(name, bind="0.0.0.0:0")
    error = new_lake.run_to_exit(name).the_error()
    assert "set auth.tokens_path, or auth.allow_anonymous = true" in error


def test_public_address_is_allowed_by_a_setting_or_with_tokens(new_lake):
    new_lake.set("catalogd", bind="0.0.0.0:0").set("auth", allow_anonymous=True)
    daemon = new_lake.run("catalogd")
    address = daemon.address()
    assert Client(address, new_lake.recorder).get("/catalog/list").status == 200
    daemon.stop()
    token = Tokens(new_lake).create("a", "catalog")
    new_lake.set("auth", allow_anonymous=None)
    client = Client(new_lake.run("catalogd").address(), new_lake.recorder)
    assert client.get("/catalog/list").status == 401
    assert client.with_token(token).get("/catalog/list").status == 200


# --- connections from queryd to catalogd


def test_queryd_reports_a_missing_token(new_lake):
    tokens = Tokens(new_lake)
    query = tokens.create("q")
    new_lake.start()
    new_lake.queryd.wait_for_line("does not let queryd in, see queryd.catalogd_token_path")
    assert new_lake.query.with_token(query).sql("SELECT 1").status == 200


def test_token_of_queryd_rotates(new_lake):
    tokens = Tokens(new_lake)
    path = tokens.let_queryd_in()
    catalog, query = tokens.create("c", "catalog"), tokens.create("q")
    new_lake.start()
    new_lake.catalog.token, new_lake.query.token = catalog, query
    new_lake.add("a", "SELECT 1 AS n")
    new_lake.wait_for_rows("a", [[1]])
    path.write_text(tokens.create("queryd-next", "catalog"))
    tokens.revoke("queryd")
    new_lake.add("b", "SELECT 2 AS n", key="b.parquet")
    new_lake.wait_for_rows("b", [[2]])


def test_token_file_of_queryd_that_others_can_read_is_refused(new_lake):
    tokens = Tokens(new_lake)
    tokens.let_queryd_in().chmod(0o640)
    new_lake.start()
    new_lake.queryd.wait_for_line("queryd.catalogd_token_path: ", "holds credentials")
