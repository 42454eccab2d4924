"""Certificates for tests: an authority, and what it issues."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from oiafed_rpc import TlsConfig

_DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority that writes what it issues into a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(self._name, self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        self.path = str(folder / f"{name}.crt")
        Path(self.path).write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def issue(
        self,
        name: str,
        *,
        roles: tuple[str, ...] = (),
        dns: tuple[str, ...] | None = None,
        ips: tuple[str, ...] = (),
        expired: bool = False,
    ) -> dict[str, str]:
        """The paths of a certificate and its key, for a node id or a host; DNS names are the name unless given."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
        builder = _builder(subject, self._name, key, expired=expired)
        names: list[x509.GeneralName] = [x509.DNSName(each) for each in ((name,) if dns is None else dns)]
        names += [x509.IPAddress(ipaddress.ip_address(each)) for each in ips]
        names += [x509.UniformResourceIdentifier(f"urn:oiafed:role:{role}") for role in roles]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        stem = self._folder / f"{name or 'nameless'}-{key.public_key().public_numbers().x % 10**9}"
        paths = {"cert": f"{stem}.crt", "key": f"{stem}.key"}
        Path(paths["cert"]).write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        Path(paths["key"]).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def mutual(self, name: str, **options: Any) -> TlsConfig:
        """What a node of mutual TLS is given."""
        return TlsConfig(**self.issue(name, **options), ca=self.path)


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, *, expired: bool = False) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    begins, ends = (now - 10 * _DAY, now - _DAY) if expired else (now - _DAY, now + 10 * _DAY)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
