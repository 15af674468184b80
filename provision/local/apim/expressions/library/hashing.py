"""Registers the hash algorithms (SHA*, MD5, HMAC*), and Encrypt and Decrypt. They cannot reach the gateway's keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from provision.local.apim.expressions.errors import Thrown
from provision.local.apim.expressions.library.collections_ import BYTES
from provision.local.apim.expressions.library.strings import null_argument
from provision.local.apim.expressions.library.table import Table

__all__: list[str] = []

_SPACE = "System.Security.Cryptography"


@dataclass(slots=True, eq=False)
class Hash:
    """A hash algorithm. `key`: that of an HMAC; None: it is a plain hash."""

    algorithm: str
    key: bytes | None = None

    def digest(self, data: bytes | None) -> bytes:
        """Return the hash of the data. Raises Thrown (ArgumentNullException) for null."""
        if data is None:
            raise null_argument("buffer")
        if self.key is None:
            return hashlib.new(self.algorithm, data, usedforsecurity=False).digest()
        return hmac.digest(self.key, data, self.algorithm)


HASH = Table("HashAlgorithm", (Hash,), _SPACE, ("HMAC",), bases=("object",))
HASH.member("byte[] ComputeHash(byte[] buffer)", source="5.5")(Hash.digest)


def _set_key(algorithm: Hash, key: bytes | None) -> None:
    if algorithm.key is None or key is None:
        raise null_argument("key")
    algorithm.key = key


HASH.setters["Key"] = _set_key
HASH.member("byte[] Key")(lambda algorithm: algorithm.key)
HASH.member("void Dispose()")(lambda algorithm: None)
HASH.member("void Clear()")(lambda algorithm: None)


def _hash_table(name: str, algorithm: str) -> None:
    table = Table(name, (), _SPACE, (f"{name}Managed", f"{name}CryptoServiceProvider"), bases=("HashAlgorithm",))
    table.member(f"static {name} Create()", source="5.5")(lambda: Hash(algorithm))
    table.member("new()")(lambda: Hash(algorithm))
    table.member("static byte[] HashData(byte[] source)")(lambda data: Hash(algorithm).digest(data))
    keyed = Table(f"HMAC{name}", (), _SPACE, bases=("HashAlgorithm",))
    keyed.member("new(byte[] key?)")(lambda key=None: Hash(algorithm, secrets.token_bytes(64) if key is None else key))
    keyed.member("static byte[] HashData(byte[] key, byte[] source)")(
        lambda key, data: Hash(algorithm, key).digest(data)
    )


for _name in ("SHA1", "SHA256", "SHA384", "SHA512", "MD5"):
    _hash_table(_name, _name.lower())


def _cipher(name: str, key: bytes, vector: bytes) -> Cipher[modes.CBC]:
    if name.upper().partition("-")[0] != "AES":
        raise Thrown("CryptographicException", f"Unknown algorithm '{name[:40]}'; Aes is the one that runs here.")
    try:
        return Cipher(algorithms.AES(key), modes.CBC(vector))
    except ValueError as failure:
        raise Thrown(
            "CryptographicException", "Specified key or initialization vector is not a valid size."
        ) from failure


@BYTES.member("byte[] Encrypt(string algorithm, byte[] key, byte[] iv)", source="5.1")
def encrypt(data: bytes, algorithm: str, key: bytes, vector: bytes) -> bytes:
    """Encrypt with AES in CBC mode and PKCS #7 padding, which are .NET's defaults."""
    padder, cipher = padding.PKCS7(128).padder(), _cipher(algorithm, key, vector).encryptor()
    return cipher.update(padder.update(data) + padder.finalize()) + cipher.finalize()


@BYTES.member("byte[] Decrypt(string algorithm, byte[] key, byte[] iv)", source="5.1")
def decrypt(data: bytes, algorithm: str, key: bytes, vector: bytes) -> bytes:
    """Reverse `encrypt`. Raises Thrown (CryptographicException) if the key, the length or the padding is wrong."""
    cipher, unpadder = _cipher(algorithm, key, vector).decryptor(), padding.PKCS7(128).unpadder()
    try:
        return unpadder.update(cipher.update(data) + cipher.finalize()) + unpadder.finalize()
    except ValueError as failure:
        raise Thrown("CryptographicException", "Padding is invalid and cannot be removed.") from failure
