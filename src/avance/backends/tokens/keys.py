"""
Which keys may have signed a token of an algorithm.
"""

from collections.abc import Iterable, Sequence

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from avance.backends.tokens.jws import HMAC
from avance.errors import ConfigError

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_EDDSA = frozenset({"EdDSA"})
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
RSA_BITS_MIN = 2_048


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    key: object
    algorithms: frozenset[str]
    kid: str | None = None

    def fits(self, algorithm: str, kid: str | None) -> bool:
        is_named = kid is None or self.kid is None or kid == self.kid
        return algorithm in self.algorithms and is_named


class KeyRing:
    """
    The keys that were configured. Shared secrets verify HS algorithms only, public keys only the algorithms of their own kind.
    """

    def __init__(self, secrets: Sequence[bytes], public_keys: Iterable[bytes]) -> None:
        self._secrets = tuple(secrets)
        self._public = tuple(read_pem(pem) for pem in public_keys)

    def candidates(self, algorithm: str, kid: str | None) -> Sequence[object]:
        if algorithm in HMAC:
            return self._secrets
        return [key.key for key in self._public if key.fits(algorithm, kid)]


def read_pem(pem: bytes) -> PublicKey:
    """
    Read a public key.

    Raises:
        ConfigError: It is not one.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(
            "a token public key is not a PEM block `-----BEGIN PUBLIC KEY-----`; export the public half of the issuer's key",
            setting="token_public_keys",
        ) from error
    algorithms = algorithms_of(key)
    if not algorithms:
        raise ConfigError(
            f"a token public key is of a kind that signs no tokens ({type(key).__name__}); use RSA of {RSA_BITS_MIN} bits or more, P-256, P-384, P-521 or Ed25519",
            setting="token_public_keys",
        )
    return PublicKey(key=key, algorithms=algorithms)


def algorithms_of(key: object) -> frozenset[str]:
    """
    What a key may have signed; nothing for kinds and sizes that are not accepted.
    """
    if isinstance(key, RSAPublicKey):
        return _RSA if key.key_size >= RSA_BITS_MIN else frozenset()
    if isinstance(key, EllipticCurvePublicKey):
        algorithm = _CURVES.get(key.curve.name)
        return frozenset() if algorithm is None else frozenset({algorithm})
    if isinstance(key, Ed25519PublicKey | Ed448PublicKey):
        return _EDDSA
    return frozenset()
