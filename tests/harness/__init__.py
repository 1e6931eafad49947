"""The shared parts of the system tests: processes, an S3 server, an HTTP client, a
leak recorder."""
