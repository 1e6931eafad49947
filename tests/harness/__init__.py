"""What the whole-system tests share: processes, an S3 server, an HTTP client, a leak recorder."""
