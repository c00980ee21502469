"""The S3 client: bounded patience, and what went wrong in words that name the setting to correct."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from coursewright.errors import StoreError
from coursewright.secrets import Secret
from coursewright.settings import S3

CONNECT_S = 3.0
READ_S = 20.0
"""Silence after which a server counts as gone; any byte starts it again. An upload's last part is the slowest
answer: servers put the parts together then, which took Swift 0.1 s for 200 MB."""
RETRY = urllib3.Retry(
    total=4,
    connect=2,
    read=1,
    status_forcelist=(500, 502, 503, 504),
    backoff_factor=0.2,
    respect_retry_after_header=False,  # it may ask for hours
)
"""A dead server is reported after at most 3 × 3 s (silent), or 0.4 s (connection refused)."""
RETRY_PATIENTLY = RETRY.new(total=60, connect=60, read=4, other=1, backoff_max=2.0)
"""For who has nobody waiting at the terminal: a server may be gone for two minutes."""


class Access:
    """A bucket, the keys to it, and a client that is safe with threads. Making one touches no network."""

    def __init__(self, settings: S3, access_key: Secret, secret_key: Secret, *, patient: bool = False) -> None:
        self.bucket = settings.bucket
        self._settings = settings
        self._access_key = access_key
        self._secret_key = secret_key
        with self.explained():
            self.client = Minio(
                settings.endpoint,
                access_key=access_key.reveal(),
                secret_key=secret_key.reveal(),
                secure=settings.secure,
                region=settings.region,
                http_client=_connections(RETRY_PATIENTLY if patient else RETRY, secure=settings.secure),
            )

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Raise a StoreError that an operator can act on for whatever the client raises inside."""
        try:
            yield
        except S3Error as error:
            raise self._refused(error) from error
        except ValueError as error:
            raise StoreError(
                f"the S3 store's settings cannot be right: {error}",
                remedy="correct endpoint (a host, or host:port), bucket and prefix under [s3] in the settings",
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StoreError(
                f"the S3 server {self._settings.endpoint} does not answer: {_reason(error)}",
                remedy="start it, or correct endpoint and secure under [s3] in the settings",
            ) from error
        except (MinioException, ParseError) as error:
            raise StoreError(
                f"{self._settings.endpoint} does not answer as an S3 server would: {error}",
                remedy="correct endpoint under [s3] in the settings",
            ) from error

    def _refused(self, error: S3Error) -> StoreError:
        server = f"the S3 server {self._settings.endpoint}"
        access, secret = (f"COURSEWRIGHT_SECRET_{key.name}" for key in (self._access_key, self._secret_key))
        match error.code:
            case "SignatureDoesNotMatch":
                return StoreError(
                    f"{server} refuses the signature: the secret key is not that of the access key",
                    remedy=f"correct {secret}, or {access} if it names another account",
                )
            case "InvalidAccessKeyId":
                return StoreError(f"{server} does not know the access key", remedy=f"correct {access}")
            case "AccessDenied":
                return StoreError(
                    f"{server} denies access to the bucket '{self.bucket}'",
                    remedy=f"correct {access} and {secret}, or let that key read, write, list and delete there",
                )
            case "NoSuchBucket":
                return StoreError(
                    f"{server} has no bucket '{self.bucket}'",
                    remedy="create it there, or correct bucket under [s3] in the settings",
                )
            case "RequestTimeTooSkewed":
                return StoreError(f"{server} has another time than this machine", remedy="set both machines' clocks")
        return StoreError(f"{server} answered {error.code}: {error.message}", remedy="look into that server's log")


def _connections(retry: urllib3.Retry, *, secure: bool) -> urllib3.PoolManager:
    context = None
    if secure:
        context = ssl.create_default_context()  # the system's authorities and SSL_CERT_FILE
        context.load_verify_locations(certifi.where())  # a slim container has none
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S), retries=retry, maxsize=32, ssl_context=context
    )


def _reason(error: Exception) -> object:
    """The last cause, without the client's account of its attempts."""
    return getattr(error, "reason", None) or error
