"""S3 with boto3's credentials, and the uploads that obstore cannot list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store, from_url

from ...errors import ConfigError

__all__ = ["make_aborter", "s3_store"]

_AMAZON = re.compile(r"https://[^/]+\.amazonaws\.com(\.cn)?/?")
_BRIEFLY = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})


def s3_store(url: str, options: Mapping[str, Any]) -> S3Store:
    """Open a bucket with the credentials, region and endpoint that AWS' own tools would use; blocks.

    Args:
        options: of obstore, for its client and its retries.

    Raises:
        ConfigError: there are no credentials.
    """
    session = boto3.Session()
    try:
        endpoint = str(session.client("s3", region_name=session.region_name or "us-east-1").meta.endpoint_url)
        provider = Boto3CredentialProvider(session)
    except (BotoCoreError, ValueError):
        raise ConfigError(f"{url} needs AWS credentials: AWS_ACCESS_KEY_ID and its like, or a profile") from None
    config = {} if _AMAZON.fullmatch(endpoint) else {"endpoint": endpoint}
    client = {**options["client_options"], "allow_http": endpoint.startswith("http://")}
    store = from_url(url, credential_provider=provider, **{**options, **config, "client_options": client})
    assert isinstance(store, S3Store)  # noqa: S101 - the URL says so
    return store


def make_aborter(store: S3Store) -> Callable[[str], None]:
    """Return a blocking function that aborts all unfinished multipart uploads of one name.

    Where listing them is not allowed they stay, which costs space but harms nothing.
    """
    bucket, client = store.config["bucket"], _client(store)

    def abort(name: str) -> None:
        key = f"{store.prefix}/{name}" if store.prefix else name
        with suppress(BotoCoreError, ClientError):
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key):
                for upload in page.get("Uploads", ()):
                    if upload["Key"] == key:
                        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])

    return abort


def _client(store: S3Store) -> Any:
    """Make a client for the same bucket and credentials."""
    config = store.config
    provider = store.credential_provider
    credentials: Mapping[str, Any] = provider() if callable(provider) else config  # type: ignore[assignment]
    return boto3.client(
        "s3",
        config=_BRIEFLY,
        endpoint_url=config.get("endpoint"),
        region_name=config.get("region") or "us-east-1",
        aws_access_key_id=credentials.get("access_key_id"),
        aws_secret_access_key=credentials.get("secret_access_key"),
        aws_session_token=credentials.get("token"),
    )
