"""Statements that exhaust the memory of an engine cost other queries a delay, and no error."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness.client import Answer, Client
from harness.engine import metric, wait_until_idle
from harness.tokens import Tokens

ATTACKERS = 3
LEVELS = (15, 16, 20)


def doubled(levels: int, number: int) -> str:
    """A structure of 2 ** `levels` fields, which takes memory that DuckDB does not count."""
    steps = [f"t0 AS (SELECT {number} AS x)"]
    steps += [f"t{n + 1} AS (SELECT {{'a': x, 'b': x}} AS x FROM t{n})" for n in range(levels)]
    return f"WITH {', '.join(steps)} SELECT x FROM t{levels}"


def attack(client: Client, number: int) -> list[Answer]:
    """No text occurs twice, so that none is known from a former run."""
    return [
        client.sql(doubled(LEVELS[(n + number) % len(LEVELS)], 10 * number + n)) for n in range(4)
    ]


def ask_until(over: threading.Event, client: Client) -> list[tuple[float, Answer]]:
    answers = []
    while not over.is_set():
        begin = time.monotonic()
        answer = client.sql("SELECT 42", {"Cache-Control": "no-store"})
        answers.append((time.monotonic() - begin, answer))
    return answers


def test_exhausted_memory_costs_others_no_error(new_lake):
    lake = new_lake.set("queryd", memory_limit="300MB", max_concurrent_queries=8)
    tokens = Tokens(lake)
    tokens.let_queryd_in()
    bad_tokens = [tokens.create(f"bad{number}") for number in range(ATTACKERS)]
    good_token, admin_token = tokens.create("good"), tokens.create("admin", "admin")
    lake.start()
    bad = [lake.query.with_token(token) for token in bad_tokens]
    over = threading.Event()
    with ThreadPoolExecutor(ATTACKERS + 2) as pool:
        # The second one has the token of an attacker.
        asked = [
            pool.submit(ask_until, over, client)
            for client in (lake.query.with_token(good_token), bad[0])
        ]
        try:
            bombs = [bomb for each in pool.map(attack, bad, range(ATTACKERS)) for bomb in each]
        finally:
            over.set()
        good, own = [answers.result() for answers in asked]
    starts = metric(lake.query.with_token(admin_token), "tarn_engine_starts_total")
    print(
        f"{len(bombs)} bombs, {starts:.0f} engines; {len(good)} queries of another token, at most "
        f"{max(seconds for seconds, _ in good):.3f} s; {len(own)} of the same one, at most "
        f"{max(seconds for seconds, _ in own):.3f} s"
    )
    for answers in (good, own):
        assert {answer.text for _, answer in answers if answer.status != 200} == set()
    # Queries that waited behind those that exhausted an engine took more than 10 s.
    assert max(seconds for seconds, _ in good) < 3
    assert all(bomb.status in (200, 400, 500, 503) for bomb in bombs), [b.text for b in bombs]
    for number in range(ATTACKERS):
        lake.queryd.wait_for_line("moving its token to another engine", f"user=bad{number}")
    apart = lake.queryd.lines("moving its token to another engine")
    assert not [line for line in apart if "user=good" in line]
    wait_until_idle(lake.queryd)
