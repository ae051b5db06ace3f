"""Signs what comes in by lines, for the test that compares signers of all languages.

A line holds, separated by tabs: algorithm, key in base64, key id, created, nonce, method, address, content in
base64 or "-" for none, and then name and value in base64 of each field in turn. The answer holds the base in
base64, Content-Digest or "-", Signature-Input and Signature.
"""

import base64
import sys

import lendgate_signer as signer

KINDS = {"hmac-sha256": signer.hmac_key, "ed25519": signer.ed25519_key, "ecdsa-p256-sha256": signer.p256_key}


def answer(line: str) -> str:
    algorithm, secret, key_id, created, nonce, method, url, content, *fields = line.split("\t")
    headers = {name: base64.b64decode(value).decode() for name, value in zip(fields[::2], fields[1::2])}
    key = KINDS[algorithm](key_id, base64.b64decode(secret))
    body = None if content == "-" else base64.b64decode(content)
    added = signer.sign(key, method, url, headers, body, int(created), nonce)
    base, _ = signer.signature_base(
        method, url, {**headers, **added}, key_id, int(created), int(created) + signer.LIFETIME_SECONDS, nonce
    )
    encoded = base64.b64encode(base.encode()).decode()
    return "\t".join([encoded, added.get("Content-Digest", "-"), added["Signature-Input"], added["Signature"]])


for each in sys.stdin.read().splitlines():
    print(answer(each))
