#!/usr/bin/env python3
"""List the objects of a bucket that no version of any dataset names: see operations.md.

Needs boto3 (apt install python3-boto3), which takes keys, region and endpoint from the environment
or ~/.aws. The catalogue is read from backups: GET /catalog/backup of catalogd.
"""

import argparse
import datetime
import json
import os
import sqlite3
import sys

import boto3

# The PRAGMA user_version of the catalogue's database.
KNOWN_VERSION = 8
NAMING = "SELECT content FROM contents"
# The metadata of Iceberg tables, which catalogd removes itself.
METADATA = "SELECT uri FROM iceberg_objects"


def keys_of(backup: str) -> set[str]:
    """The keys in all datasets, including former versions and deleted datasets."""
    database = sqlite3.connect(f"file:{backup}?mode=ro", uri=True)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != KNOWN_VERSION:
        sys.exit(f"{backup}: a catalogue of version {version}, this knows {KNOWN_VERSION}")
    contents = (json.loads(content) for (content,) in database.execute(NAMING))
    keys = {item["key"] for content in contents for item in content["objects"]}
    # s3://BUCKET/KEY
    return keys | {uri.split("/", 3)[3] for (uri,) in database.execute(METADATA)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bucket")
    parser.add_argument("backup", nargs="+", help="a new one, and each that may be restored")
    parser.add_argument("--prefix", default="", help="only keys with this prefix")
    parser.add_argument("--days", type=float, default=7, help="only objects older than this (7)")
    parser.add_argument("--delete", metavar="FILE", help="delete the keys in FILE if still unnamed")
    options = parser.parse_args()

    named = set().union(*map(keys_of, options.backup))
    chosen = None
    if options.delete:
        with open(options.delete, encoding="utf-8") as lines:
            chosen = {json.loads(line)["key"] for line in lines}
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=options.days)

    s3 = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=options.bucket, Prefix=options.prefix
    )
    for page in pages:
        for item in page.get("Contents", []):
            key = item["Key"]
            if key in named or item["LastModified"] > before:
                continue
            if chosen is None:
                changed = f"{item['LastModified']:%Y-%m-%d}"
                print(json.dumps({"key": key, "bytes": item["Size"], "changed": changed}))
            elif key in chosen:
                s3.delete_object(Bucket=options.bucket, Key=key)
                print(f"deleted {key}")


if __name__ == "__main__":
    main()
