"""Signs HTTP requests for lendgate: RFC 9421 with RFC 9530, profile "lendgate-1".

HMAC needs the standard library alone; Ed25519 and P-256 need the package "cryptography".
The server checks the bytes of the wire: sign last, and send exactly what was signed.

    key = hmac_key("shop-1", secret)            # or ed25519_key, or p256_key
    headers.update(sign(key, "POST", url, headers, body))
"""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Callable, Mapping, NamedTuple, Optional

TAG = "lendgate-1"
LIFETIME_SECONDS = 60  # The server takes at most 120.

# The fields that are signed exactly when the request has them, in the order of the profile.
SIGNED_FIELDS = ("content-digest", "content-type", "authorization", "idempotency-key")


class Key(NamedTuple):
    """A key by its id, and what signs with it: bytes in, signature out."""

    id: str
    sign: Callable[[bytes], bytes]


def hmac_key(key_id: str, secret: bytes) -> Key:
    """A secret that is shared with lendgate, of at least 32 random bytes."""
    if len(secret) < 32:
        raise ValueError("the secret is shorter than 32 bytes")
    return Key(key_id, lambda base: hmac.new(secret, base, hashlib.sha256).digest())


def ed25519_key(key_id: str, seed: bytes) -> Key:
    """An Ed25519 key by its 32 secret bytes, as the member d of a JWK holds them."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Key(key_id, Ed25519PrivateKey.from_private_bytes(seed).sign)


def p256_key(key_id: str, scalar: bytes) -> Key:
    """A P-256 key by its 32 secret bytes, as the member d of a JWK holds them."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    private = ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())

    def sign_raw(base: bytes) -> bytes:
        # r and s side by side, not in ASN.1 (RFC 9421 section 3.3.4).
        r, s = decode_dss_signature(private.sign(base, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return Key(key_id, sign_raw)


def content_digest(body: bytes) -> str:
    """The Content-Digest field of a content (RFC 9530)."""
    return "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"


def new_nonce() -> str:
    """144 random bits in base64url. Never use one twice."""
    return secrets.token_urlsafe(18)


def signature_base(
    method: str, url: str, headers: Mapping[str, str], key_id: str, created: int, expires: int, nonce: str
) -> "tuple[str, str]":
    """The signature base (RFC 9421 section 2.5) and the signature's own input."""
    authority, path, query = _split(url)
    components = [("@method", method), ("@authority", authority), ("@path", path), ("@query", query)]
    fields = {name.lower(): value.strip(" \t") for name, value in headers.items()}
    components += [(name, fields[name]) for name in SIGNED_FIELDS if name in fields]
    for name, value in components:
        if not value.isascii() or any(c < " " and c != "\t" or c == "\x7f" for c in value):
            raise ValueError(f"{name} holds characters that cannot be signed")
    names = " ".join(f'"{name}"' for name, _ in components)
    signature_input = f'({names});created={created};expires={expires};nonce="{nonce}";keyid="{key_id}";tag="{TAG}"'
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {signature_input}']), signature_input


def sign(
    key: Key,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Optional[bytes] = None,
    created: Optional[int] = None,
    nonce: Optional[str] = None,
) -> "dict[str, str]":
    """The fields to set on a request, whose other fields are complete.

    body is the content as it will be sent: None for a GET, b"" for a POST without content. created is
    the server's time in unix seconds as well as it is known, by default this machine's.
    """
    created = int(time.time()) if created is None else created
    nonce = new_nonce() if nonce is None else nonce
    added = {} if body is None else {"Content-Digest": content_digest(body)}
    kept = {name: value for name, value in headers.items() if name.lower() != "content-digest"}
    base, signature_input = signature_base(
        method, url, {**kept, **added}, key.id, created, created + LIFETIME_SECONDS, nonce
    )
    added["Signature-Input"] = f"lendgate={signature_input}"
    added["Signature"] = f"lendgate=:{base64.b64encode(key.sign(base.encode('ascii'))).decode()}:"
    return added


def _split(url: str) -> "tuple[str, str, str]":
    """Authority, path and query of an address. Nothing is decoded or encoded again: a change of
    spelling would be a change of what is signed."""
    scheme, separator, rest = url.partition("#")[0].partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in ("https", "http"):
        raise ValueError("the address is not absolute")
    end = min((rest.find(c) for c in "/?" if c in rest), default=len(rest))
    authority, target = rest[:end].lower(), rest[end:]
    default_port = ":443" if scheme == "https" else ":80"
    authority = authority.removesuffix(default_port)
    path, _, query = target.partition("?")
    return authority, path or "/", "?" + query
