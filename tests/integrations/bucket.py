"""A bucket on moto's S3 server, inspected with boto3 only."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

from attrs import frozen

NAME = "exports-of-ours"
KEY, SECRET = "AKIACANARY0000000000", "canary-secret-7d1f0c"


@frozen
class Bucket:
    """One bucket; `environment` holds the variables that lead other tools to it."""

    environment: dict[str, str]
    s3: Any
    name: str = NAME

    @classmethod
    @contextmanager
    def served(cls) -> Iterator[Bucket]:
        """Serve an empty bucket from a server of its own."""
        import boto3
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        }
        s3 = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )
        try:
            s3.create_bucket(Bucket=NAME)
            yield cls(environment, s3)
        finally:
            s3.close()
            urlopen(Request(environment["AWS_ENDPOINT_URL"] + "/moto-api/reset", method="POST")).close()
            server.stop()

    def url(self, prefix: str) -> str:
        """Return the URL of a prefix as a user writes it."""
        return f"s3://{self.name}/{prefix}"

    def objects(self) -> dict[str, str]:
        """Return the SHA-256 of each object by its key."""
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", ())
        return {row["Key"]: hashlib.sha256(self.read(row["Key"])).hexdigest() for row in listed}

    def read(self, key: str) -> bytes:
        """Return the bytes of an object."""
        return bytes(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read())

    def uploads(self) -> list[str]:
        """Return the keys of unfinished multipart uploads."""
        return [upload["Key"] for upload in self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]
