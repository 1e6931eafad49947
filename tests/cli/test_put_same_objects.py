"""tarn put makes the same objects of the same rows, with any number of threads."""

import os

import pytest
from harness.put_files import write
from harness.tool import ok, refused

ROWS = 1_100_000


def csv(n: int) -> str:
    return f"{n},{'' if n % 7 == 0 else 'text'},{n * 0.5}\n"


def ndjson(n: int) -> str:
    return f'{{"n":{n},"x":{n % 1000}}}\n'


@pytest.mark.parametrize(
    "name, head, record, options",
    [
        ("a.csv", "n,t,x\n", csv, []),
        ("a.csv", "n,t,x\n", csv, ["--with", "decimal_separator=,"]),
        ("a.ndjson", "", ndjson, []),
    ],
)
def test_all_runs_create_the_same_objects(folder, put, name, head, record, options):
    path = write(folder, name, head + "".join(record(n) for n in range(ROWS)))
    one_cpu = {min(os.sched_getaffinity(0))}
    runs = []
    for cpus in (os.sched_getaffinity(0), os.sched_getaffinity(0), one_cpu):
        ok(
            put(
                path,
                "--as",
                "t",
                "--replace",
                *options,
                preexec_fn=lambda cpus=cpus: os.sched_setaffinity(0, cpus),
            )
        )
        # The names are hashes of the content.
        runs.append(sorted(object_.name for object_ in (folder / "served" / "t").iterdir()))
    assert runs[0] == runs[1] == runs[2]
    refused(put(path, "--as", "t", "--append", *options), "has these rows already")
