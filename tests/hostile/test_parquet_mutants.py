"""Mutants of Parquet files crash no process. tests/fuzz_parquet.py tries more of them."""

import contextlib

from harness.engine import failures
from harness.mutant_run import MutantRun
from harness.mutants import mutants


def test_mutants_crash_no_process(scratch):
    with contextlib.closing(MutantRun(scratch)) as run:
        outcome = run.run(mutants(seed=16), 100)
        assert not outcome.ended_probe and not outcome.ended_engine, outcome
        assert failures(run.lake.query) == 0
        assert not run.lake.queryd.lines("probe process ended")
    assert outcome.refused > 10 and outcome.answered > 10 and outcome.failed > 5, outcome
