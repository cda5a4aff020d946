"""Certificates that platforms sign with: fetched by the web layer, remembered by the process."""

import re
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from relay.errors import MISMATCH, NeedsCertificate, Refused

KEEP: Final = timedelta(days=1)
CERTIFICATES_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class Certificate:
    """The key in a certificate, and when it may be used."""

    key: rsa.RSAPublicKey
    valid_from: datetime
    valid_until: datetime


class CertificateCache:
    """The certificates fetched last, by their URL, for a day; safe to share between threads."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Certificate, datetime]] = {}
        self._lock = threading.Lock()

    def put(self, url: str, pem: bytes, now: datetime) -> None:
        """Remember a certificate in PEM, in place of the oldest one when there are too many.

        Raises:
            ValueError: it is no certificate of an RSA key.
        """
        loaded = x509.load_pem_x509_certificate(pem)
        key = loaded.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("not a certificate of an RSA key")  # noqa: TRY004  a value, not a type
        certificate = Certificate(key, loaded.not_valid_before_utc, loaded.not_valid_after_utc)
        with self._lock:
            self._entries.pop(url, None)
            self._entries[url] = certificate, now
            while len(self._entries) > CERTIFICATES_MAX:
                del self._entries[next(iter(self._entries))]

    def get(self, url: str, now: datetime) -> Certificate | None:
        """The certificate, None when there is none or it was put there a day ago."""
        with self._lock:
            entry = self._entries.get(url)
        if entry is None:
            return None
        certificate, put_at = entry
        return certificate if now - put_at < KEEP else None

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


# One per process.
CERTIFICATES: Final = CertificateCache()


def certificate_at(url: str, allowed: re.Pattern[str], hosts: str, now: datetime) -> Certificate:
    """The certificate with this URL, of which a sender says that it is theirs.

    `allowed` is what such a URL of the platform looks like, `hosts` what its host does.

    Raises:
        Refused: `mismatch`, when the URL is not the platform's, or the certificate is out of date.
        NeedsCertificate: it has to be fetched.
    """
    if not allowed.fullmatch(url):
        raise Refused(MISMATCH)
    certificate = CERTIFICATES.get(url, now)
    if certificate is None:
        raise NeedsCertificate(url, hosts)
    # An old one may still have its URL, when its key is no secret any more.
    if not certificate.valid_from <= now <= certificate.valid_until:
        raise Refused(MISMATCH)
    return certificate
