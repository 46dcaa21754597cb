"""
Keys of each kind, made once.
"""

from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@dataclass
class Pair:
    algorithm: str
    private: Any

    @property
    def pem(self) -> bytes:
        pem: bytes = self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    @property
    def private_pem(self) -> bytes:
        pem: bytes = self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return pem

    def jwk(self, **fields: str) -> dict[str, Any]:
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        return {**algorithm.to_jwk(self.private.public_key(), as_dict=True), **fields}

    def sign(self, claims: dict[str, Any], **header: str) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers=header or None)


@pytest.fixture(scope="session")
def pairs() -> dict[str, Pair]:
    one_rsa = rsa.generate_private_key(65_537, 2_048)
    return {
        **{name: Pair(name, one_rsa) for name in ("RS256", "RS384", "RS512", "PS256")},
        "ES256": Pair("ES256", ec.generate_private_key(ec.SECP256R1())),
        "ES384": Pair("ES384", ec.generate_private_key(ec.SECP384R1())),
        "ES512": Pair("ES512", ec.generate_private_key(ec.SECP521R1())),
        "EdDSA": Pair("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    }
