"""Queries that more than one test sends."""

# Runs for days: DuckDB's optimizer finds nothing to leave out. An interrupt ends it at once.
ENDLESS = "SELECT sum(a.n * b.n % 7) FROM range(100000000) a(n), range(100000000) b(n)"
