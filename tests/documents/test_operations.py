"""docs/operations.md and docs/operations-reference.md have all alerts, metrics and log lines."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from harness import programs
from harness.certificates import Authority
from harness.client import TlsClient
from harness.documents import examples
from harness.engine import engine_pid
from harness.processes import clean_environment
from harness.store import BUCKET, REGION
from harness.tokens import Tokens
from harness.waiting import wait_until

DOCUMENT = programs.REPO / "docs" / "operations.md"
REFERENCE = programs.REPO / "docs" / "operations-reference.md"
RULES = programs.REPO / "docs" / "prometheus-rules.yml"


def section(document: Path, title: str) -> str:
    """Returns the text below a heading."""
    _, found, rest = document.read_text().partition(f"\n## {title}\n")
    assert found, f"there is a section {title!r}"
    return rest.partition("\n## ")[0]


def sources() -> Iterator[tuple[str, str]]:
    """Returns (file, text) of all sources of the programs."""
    for path in sorted((programs.REPO / "src").rglob("*.[ch]*")):
        if not path.stem.endswith("_test") and not path.stem.startswith("test_"):
            yield str(path.relative_to(programs.REPO)), path.read_text()


# --- metrics


METRIC_ROW = re.compile(r"^\| `(tarn_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)
# The additional samples of a histogram.
OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")


def documented_metrics() -> dict[str, tuple[str, frozenset[str]]]:
    """Returns name, type and labels of each metric."""
    metrics = {}
    for name, kind, cell in METRIC_ROW.findall(section(REFERENCE, "Metrics")):
        assert name not in metrics, f"{name} is there twice"
        # The values of a label follow a colon: `result`: `ok`, `error`.
        labels = re.findall(r"`(\w+)`", cell.partition(":")[0])
        metrics[name] = (kind, frozenset(labels))
    return metrics


def shown_metrics(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    labels: dict[str, set[str]] = {name: set() for name in kinds}
    for name, block in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        family = name if name in kinds else OF_HISTOGRAMS.sub("", name)
        labels[family] |= set(re.findall(r'(\w+)="', block)) - {"le"}
    return {name: (kind, frozenset(labels[name])) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def eventful(module_lake, session_folder):
    """A lake with tokens and TLS after a query, a refused request and the end of an engine, so that
    all metrics have values."""
    authority = Authority(session_folder / "operations-ca")
    lake = module_lake
    cert, key = lake.folder / "cert.pem", lake.folder / "key.pem"
    authority.issue().write(cert, key)
    lake.settings["tls"] = {"cert_path": str(cert), "key_path": str(key)}
    lake.set("tls", ca_path=str(authority.path))
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    admin, asker = tokens.create("operator", "admin"), tokens.create("asker")
    lake.start_catalogd()
    lake.set("queryd", catalogd_url=f"https://{lake.catalog.address}")
    lake.start_queryd()
    context = ssl.create_default_context(cafile=authority.path)

    def client(address: str, token: str) -> TlsClient:
        made = TlsClient(address, lake.recorder, context)
        made.token = token
        return made

    query = client(lake.query.address, asker)
    assert query.sql("SELECT 1").status == 200
    assert query.get("/metrics").status == 403
    former = engine_pid(lake.queryd)
    os.kill(former, signal.SIGKILL)
    wait_until(lambda: engine_pid(lake.queryd) != former, "another engine")
    daemons = (lake.query.address, lake.catalog.address)
    texts = [client(address, admin).get("/metrics").text for address in daemons]
    return shown_metrics(texts[0]), shown_metrics(texts[1])


def test_metrics_are_documented_with_type_and_labels(eventful):
    documented = documented_metrics()
    for shown in eventful:
        for name, described in shown.items():
            assert documented.get(name) == described, name


def test_documented_metrics_are_shown(eventful):
    queryd, catalogd = eventful
    assert documented_metrics().keys() == queryd.keys() | catalogd.keys()
    tables = section(REFERENCE, "Metrics").split("| metric | type | labels | |")
    _, of_both, of_catalogd, of_iceberg, of_queryd = tables
    of_one = of_catalogd + of_iceberg
    for text, daemons in ((of_both, [queryd, catalogd]), (of_one, [catalogd])):
        for name, _, _ in METRIC_ROW.findall(text):
            assert all(name in daemon for daemon in daemons), name
    for name, _, _ in METRIC_ROW.findall(of_queryd):
        assert name in queryd and name not in catalogd, name


# --- alerts


def rules() -> list[dict]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return group["rules"]


def test_each_alert_is_explained():
    named = re.findall(r"^\| `(Tarn\w+)` \|", section(DOCUMENT, "Alerts"), re.MULTILINE)
    assert named == [rule["alert"] for rule in rules()]


def test_alerts_ask_for_metrics_and_labels_that_exist():
    documented = documented_metrics()
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        selectors = re.findall(r"\b(tarn_\w+)(?:\{([^}]*)\})?", rule["expr"])
        assert selectors or rule["expr"].startswith("up{"), rule
        for name, matchers in selectors:
            kind, labels = documented[OF_HISTOGRAMS.sub("", name)]
            assert (kind == "histogram") == (name not in documented), name
            assert set(re.findall(r"(\w+)=", matchers)) <= labels, rule


def test_prometheus_accepts_the_rules():
    promtool("check", "rules", str(RULES))


def test_prometheus_accepts_the_scrape_configuration(tmp_path: Path):
    (example,) = (e for e in examples("docs/operations.md") if e.language == "yaml")
    (tmp_path / "prometheus.yml").write_text(example.code)
    # The paths of the token and the CA are those of another machine.
    promtool("check", "config", "--syntax-only", str(tmp_path / "prometheus.yml"))


def promtool(*arguments: str) -> None:
    program = programs.DEPS_DIR / "bin" / "promtool"
    assert program.is_file(), f"{program} is missing: ./x setup takes it out of Debian's package"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# --- log lines


CALL = re.compile(r"\blog::(Debug|Info|Warn|Error|Write|WriteForClient)\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
LOG_ROW = re.compile(r"^\| ((?:DEBUG|INFO|WARN|ERROR)(?:, (?:INFO|WARN|ERROR))*) \| `([^`]+)` \|")


def first_arguments(text: str, start: int) -> list[str]:
    """Returns the arguments of a call. `start` is after its opening parenthesis."""
    arguments, depth, begin, position = [], 0, start, start
    while depth >= 0:
        if text[position] == '"':
            position = LITERAL.match(text, position).end()
            continue
        depth += (text[position] in "([{") - (text[position] in ")]}")
        if (text[position] == "," and depth == 0) or depth < 0:
            arguments.append(text[begin:position])
            begin = position + 1
        position += 1
    return arguments


def messages_of(argument: str) -> list[str]:
    """Returns the string literals. Adjacent ones are joined, those of a ?: are separate."""
    parts = re.split(r'[?:](?=(?:[^"]*"[^"]*")*[^"]*$)', argument)
    return ["".join(LITERAL.findall(part)) for part in parts if LITERAL.search(part)]


def logged() -> set[tuple[str, str]]:
    """Returns (level, message) of every log line of a program."""
    lines = set()
    for file, text in sources():
        if file.startswith("src/base/log"):
            continue
        for call in CALL.finditer(text):
            arguments = first_arguments(text, call.end())
            level = call.group(1).upper()
            if level == "WRITEFORCLIENT":
                del arguments[0]
            if level.startswith("WRITE"):
                levels = re.findall(r"Level::k(\w+)", arguments.pop(0))
            else:
                levels = [level]
            messages = messages_of(arguments[0])
            if not messages:
                # main() logs the error of a start or of the whole program unchanged.
                assert file.endswith("/main.cc"), f"{file}: {arguments[0]}"
            lines |= {(name.upper(), message) for name in levels for message in messages}
    return lines


def test_each_log_line_is_explained():
    explained = set()
    for line in section(REFERENCE, "The log").splitlines():
        if row := LOG_ROW.match(line):
            for level in row.group(1).split(", "):
                assert (level, row.group(2)) not in explained, f"{row.group(2)} is there twice"
                explained.add((level, row.group(2)))
    said = logged()
    assert len(said) > 50
    assert explained == said


# --- text outside of the tables


def test_objects_that_nothing_names_are_found_and_deleted_as_documented(new_lake):
    lake = new_lake.set("catalogd", history_versions_max=2)
    lake.start_catalogd()
    rows = {name: lake.files.put_rows(f"{name}.parquet", "SELECT 1 AS n") for name in "abcdef"}
    for name in "abc":
        lake.catalog.put_keys("replaced", rows[name])
    lake.catalog.put_keys("gone", rows["d"])
    assert lake.catalog.delete("gone").status == 204
    commands = [e.code for e in examples("docs/operations.md") if "unnamed-objects.py" in e.code]
    assert len(commands) == 2

    def run(command: str) -> str:
        (lake.folder / "catalog-backup.sqlite").write_bytes(
            lake.catalog.get("/catalog/backup").body
        )
        # In this test, objects are seconds old, and the bucket has objects of other tests.
        here = f"{BUCKET} --days 0 --prefix {lake.files.prefix}/"
        keys = lake.files.store.credentials
        env = {
            "AWS_ACCESS_KEY_ID": keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": lake.files.store.url,
        }
        command = command.replace("/usr/share/doc/tarn/", f"{programs.REPO}/docs/")
        command = command.replace("my-bucket", here).replace("python3", sys.executable)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            capture_output=True,
            text=True,
            cwd=lake.folder,
            env=clean_environment(lake.folder, env),
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(commands[0])
    listed = [json.loads(line) for line in (lake.folder / "unnamed.ndjson").open()]
    # Two of three versions are kept. A deleted dataset can be restored.
    assert [item["key"] for item in listed] == [rows["a"], rows["e"], rows["f"]]
    lines = [json.dumps(item) for item in listed if item["key"] != rows["e"]]
    (lake.folder / "unnamed.ndjson").write_text("\n".join(lines))
    lake.catalog.put_keys("late", rows["f"])
    assert run(commands[1]) == f"deleted {rows['a']}\n"
    assert lake.files.keys() == [rows[name] for name in "bcdef"]


def test_several_queryds_follow_one_catalogd_and_go_on_without_it(new_lake):
    lake = new_lake.start()
    first, catalogd = lake.query, lake.catalogd
    lake.add("airports", "SELECT 'Oslo' AS city")
    lake.wait_for_rows("airports", [["Oslo"]])
    # Other free ports, because these daemons run beside the first ones.
    lake.set("queryd", bind="127.0.0.1:0")
    lake.start_queryd()
    lake.wait_for_rows("airports", [["Oslo"]])
    text = section(DOCUMENT, "Run several daemons")
    (message,) = re.findall(r"`(catalog\.sqlite is in use: [^`]*)`", text)
    address = lake.settings["catalogd"]["bind"]
    lake.set("catalogd", bind="127.0.0.1:0")
    assert message in lake.run_to_exit("catalogd").stderr
    lake.set("catalogd", bind=address)

    catalogd.kill()
    for query in (first, lake.query):
        assert query.sql("FROM airports").rows() == [["Oslo"]]
        assert query.get("/readyz").status == 200
        wait_until(lambda q=query: q.get("/catalog/status").json()["error"], "the error")
    second = lake.query
    lake.start_queryd()
    wait_until(lambda: "last refresh failed" in lake.query.get("/readyz").text, "the reason")
    assert lake.query.get("/readyz").status == 503
    lake.start_catalogd()
    lake.wait_for_rows("airports", [["Oslo"]])
    assert lake.query.get("/readyz").status == 200
    lake.catalog.put_keys("more", lake.files.put_rows("more.parquet", "SELECT 1 AS n"))
    for query in (first, second, lake.query):
        wait_until(lambda q=query: q.sql("FROM more").status == 200, "the change")
