"""Measures the real programs against a real S3 server, beside any other server of POST /sql."""
