"""The progress bar of tarn put: one for all phases, and only on a terminal."""

import re
import subprocess

from harness.processes import clean_environment
from harness.put_files import write
from harness.terminal import Terminal
from harness.tool import command, ok

BAR = re.compile(r"(reading|converting|checking|sending) \[(#*)(-*)\] (\d+) %")


def test_percentage_never_falls_over_all_phases(folder, put):
    lines = "".join(f"{n},{n * 0.5},text {n * 7919 % 1000}\n" for n in range(3_000_000))
    path = write(folder, "a.csv", "id,number,text\n" + lines)
    argv = command("put", path, "--as", "t", "--into", folder / "served")
    with Terminal(argv, clean_environment(folder), str(folder), columns=100) as terminal:
        assert terminal.wait_for_exit(120) == 0
        shown = terminal.raw
    bars = BAR.findall(shown)
    assert [bar[0] for bar in bars[:1]] == ["reading"], shown
    assert "converting" in {bar[0] for bar in bars}, shown
    percents = [int(bar[3]) for bar in bars]
    assert percents == sorted(percents)
    assert len(set(percents)) > 3, percents
    for _, done, left, percent in bars:
        assert len(done + left) == 20
        assert len(done) == int(percent) * 20 // 100
    # The bar is removed before the summary.
    assert re.search(r"\x1b\[K\"t\": 3,000,000 rows in 1 object", shown), shown[-500:]


def test_no_bar_without_a_terminal(folder, put):
    done = put(write(folder, "a.csv", "id\n" + "1\n" * 1_000_000), "--as", "t")
    ok(done)
    assert done.stderr == ""
    packed = subprocess.run(["gzip", "-c", folder / "a.csv"], capture_output=True, check=True)
    assert put(write(folder, "b.csv.gz", packed.stdout), "--as", "u").stderr == ""
