"""catalogd: killed at any moment under load, it loses no acknowledged change."""

import http.client
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.client import Client, dataset_path
from harness.lake import Lake
from harness.waiting import wait_until

WRITERS = 4
NAMES = 40
ROUNDS = 6
CHANGES = 250  # The least number of changes in each round.


@dataclass
class Known:
    """The state of the names of one writer, which no other writer uses."""

    # The last acknowledged state, or None after a deletion.
    acknowledged: dict[str, dict | None] = field(default_factory=dict)
    # The last request, if it got no response.
    in_doubt: dict[str, str | None] = field(default_factory=dict)
    changes: int = 0


def write(catalog: Client, worker: int, seed: int, known: Known) -> None:
    """Puts and deletes datasets until the daemon ends."""
    dice = random.Random(seed)
    number = 0
    while True:
        number += 1
        name = f"w{worker}-{dice.randrange(NAMES)}"
        key = f"{seed}-{number}"
        delete = known.acknowledged.get(name) is not None and dice.random() < 0.3
        known.in_doubt[name] = None if delete else key
        try:
            if delete:
                answer = catalog.delete(name)
            else:
                # Objects that belong together, so that half of a change would be visible.
                objects = [{"key": key}, {"key": f"{key}-b", "size": number}]
                body = json.dumps({"objects": objects, "row_count": number})
                answer = catalog.request("PUT", dataset_path(name), body)
        except (http.client.HTTPException, OSError):
            return
        assert answer.status in (200, 201, 204), answer.text
        known.acknowledged[name] = None if delete else answer.json()
        del known.in_doubt[name]
        known.changes += 1


class Follower:
    """Applies the changes since its last revision, like queryd."""

    def __init__(self) -> None:
        self.position = ""
        self.revision = 0
        self.manifests: dict[str, dict] = {}
        self.wholes = 0

    def follow(self, catalog: Client, wait: str = "") -> None:
        target = "/catalog/list"
        if self.position:
            target += f"?since={self.position}" + (f"&wait={wait}" if wait else "")
        answer = catalog.get(target)
        if answer.status == 304:
            return
        listed = answer.json()
        assert listed["revision"] >= self.revision, "the revision decreased"
        if "since" in listed:
            assert f"{listed['catalog_id']}.{listed['since']}" == self.position
        else:
            self.manifests = {}
            self.wholes += 1
        for name in listed.get("deleted", []):
            self.manifests.pop(name, None)
        self.manifests |= {manifest["name"]: manifest for manifest in listed["manifests"]}
        self.revision = listed["revision"]
        self.position = f"{listed['catalog_id']}.{self.revision}"


def follow_until_gone(catalog: Client, follower: Follower) -> None:
    try:
        while True:
            follower.follow(catalog, "1s")
    except (http.client.HTTPException, OSError):
        return


def run_and_kill(lake: Lake, knowns: list[Known], followers: list[Follower], seed: int) -> None:
    dice = random.Random(seed)
    goal = sum(known.changes for known in knowns) + CHANGES + dice.randrange(100)
    with ThreadPoolExecutor(WRITERS + len(followers)) as pool:
        catalog = lake.catalog
        running = [
            pool.submit(write, catalog, worker, seed + worker, known)
            for worker, known in enumerate(knowns)
        ]
        running += [pool.submit(follow_until_gone, catalog, follower) for follower in followers]
        wait_until(lambda: sum(known.changes for known in knowns) >= goal, "enough changes", 60)
        # At a random moment, not just after a response.
        threading.Event().wait(dice.random() * 0.02)
        lake.catalogd.kill()
        for task in running:
            task.result()


def check(catalog: Client, knowns: list[Known]) -> dict:
    """Checks that each acknowledged change, or the unacknowledged change after it, is complete."""
    listed = catalog.list()
    stored = {manifest["name"]: manifest for manifest in listed["manifests"]}
    for known in knowns:
        for name in known.acknowledged.keys() | known.in_doubt.keys():
            manifest = stored.get(name)
            if name in known.in_doubt and manifest != known.acknowledged.get(name):
                sent = known.in_doubt.pop(name)
                if sent is None:
                    assert manifest is None
                else:
                    keys = [item["key"] for item in manifest["objects"]]
                    assert keys == [sent, f"{sent}-b"], "a change is incomplete"
                known.acknowledged[name] = manifest
            else:
                assert manifest == known.acknowledged.get(name), "an acknowledged change is lost"
            known.in_doubt.pop(name, None)
    assert all(catalog.manifest(name).json() == stored[name] for name in list(stored)[:20])
    return listed


def test_kill_9_under_load_loses_no_acknowledged_change(new_lake):
    knowns = [Known() for _ in range(WRITERS)]
    # One follower runs all the time. The other reads only after each start, from its old revision.
    steady, rare = Follower(), Follower()
    for round_ in range(ROUNDS):
        new_lake.start_catalogd()
        run_and_kill(new_lake, knowns, [steady], seed=round_ * 1000)
        new_lake.start_catalogd()
        listed = check(new_lake.catalog, knowns)
        expected = {manifest["name"]: manifest for manifest in listed["manifests"]}
        for follower in (steady, rare):
            follower.follow(new_lake.catalog)
            assert follower.manifests == expected
            assert follower.revision == listed["revision"]
        new_lake.catalogd.kill()
    assert sum(known.changes for known in knowns) >= 1000
    assert (steady.wholes, rare.wholes) == (1, 1), "each follower read the complete list once"
