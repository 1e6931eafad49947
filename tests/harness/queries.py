"""Queries of several tests."""

# Runs for days, because DuckDB's optimizer cannot simplify it. An interrupt ends it at once.
ENDLESS = "SELECT sum(a.n * b.n % 7) FROM range(100000000) a(n), range(100000000) b(n)"
