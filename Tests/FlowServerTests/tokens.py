"""Makes a key set and tokens with the package `cryptography`: tokens.py FOLDER, one JSON document on standard output."""

import base64
import hashlib
import hmac
import json
import sys
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


SECRET = b"0123456789abcdef0123456789abcdef"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


def sign_rsa(data, key=RSA):
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def sign_ec(data):
    r, s = utils.decode_dss_signature(EC.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def sign_hmac(data, secret=SECRET):
    return hmac.new(secret, data, hashlib.sha256).digest()


NOW = int(time.time())
CLAIMS = {"iss": "https://login.example", "aud": "flow", "sub": "ann", "exp": NOW + 600, "scope": "read send",
          "roles": ["manager"]}


def token(header, claims, sign):
    signed = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    return signed + "." + b64(sign(signed.encode()))


def main():
    public = RSA.public_key().public_numbers()
    point = EC.public_key().public_numbers()
    jwks = {"keys": [
        {"kty": "RSA", "kid": "r", "alg": "RS256", "use": "sig", "n": number(public.n), "e": number(public.e)},
        {"kty": "EC", "kid": "e", "alg": "ES256", "crv": "P-256", "x": number(point.x, 32), "y": number(point.y, 32)},
        {"kty": "oct", "kid": "h", "alg": "HS256", "k": b64(SECRET)},
    ]}
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    rs, es, hs = {"alg": "RS256", "kid": "r"}, {"alg": "ES256", "kid": "e"}, {"alg": "HS256", "kid": "h"}
    good = {
        "RS256": token(rs, CLAIMS, sign_rsa),
        "ES256": token(es, CLAIMS, sign_ec),
        "HS256": token(hs, CLAIMS, sign_hmac),
        "expired within the leeway": token(rs, CLAIMS | {"exp": NOW - 20}, sign_rsa),
        "one of several audiences": token(rs, CLAIMS | {"aud": ["other", "flow"]}, sign_rsa),
        "not before now": token(rs, CLAIMS | {"nbf": NOW + 20}, sign_rsa),
    }
    whole = good["RS256"]
    head, body, signature = whole.split(".")
    bad = {
        "no algorithm": token({"alg": "none", "kid": "r"}, CLAIMS, lambda data: b""),
        "no algorithm in capitals": token({"alg": "NONE", "kid": "r"}, CLAIMS, lambda data: b""),
        "the public key as a secret": token({"alg": "HS256", "kid": "r"}, CLAIMS, lambda d: sign_hmac(d, pem)),
        "the modulus as a secret": token(
            {"alg": "HS256", "kid": "r"}, CLAIMS, lambda d: sign_hmac(d, public.n.to_bytes(256, "big"))),
        "another algorithm for the key": token({"alg": "RS256", "kid": "h"}, CLAIMS, sign_hmac),
        "another key": token(rs, CLAIMS, lambda data: sign_rsa(data, OTHER)),
        "an unknown key": token({"alg": "RS256", "kid": "x"}, CLAIMS, sign_rsa),
        "no key identifier among several": token({"alg": "RS256"}, CLAIMS, sign_rsa),
        "a key that it brings along": token({"alg": "RS256", "jwk": jwks["keys"][0]}, CLAIMS, sign_rsa),
        "a critical extension": token(rs | {"crit": ["b64"], "b64": True}, CLAIMS, sign_rsa),
        "expired": token(rs, CLAIMS | {"exp": NOW - 120}, sign_rsa),
        "never expires": token(rs, {k: v for k, v in CLAIMS.items() if k != "exp"}, sign_rsa),
        "expires as a text": token(rs, CLAIMS | {"exp": str(NOW + 600)}, sign_rsa),
        "not yet": token(rs, CLAIMS | {"nbf": NOW + 120}, sign_rsa),
        "from the future": token(rs, CLAIMS | {"iat": NOW + 120}, sign_rsa),
        "another audience": token(rs, CLAIMS | {"aud": "other"}, sign_rsa),
        "another issuer": token(rs, CLAIMS | {"iss": "https://evil.example"}, sign_rsa),
        "nobody": token(rs, {k: v for k, v in CLAIMS.items() if k != "sub"}, sign_rsa),
        "a short ES256 signature": token(es, CLAIMS, lambda data: sign_ec(data)[:63]),
        "an ES256 signature of zeros": token(es, CLAIMS, lambda data: b"\0" * 64),
        "an ES256 signature as DER": token(es, CLAIMS, lambda d: EC.sign(d, ec.ECDSA(hashes.SHA256()))),
        "changed claims": ".".join([head, b64(json.dumps(CLAIMS | {"sub": "eve"}).encode()), signature]),
        "no signature": ".".join([head, body, ""]),
        "padding": whole + "==",
        "two parts": ".".join([head, body]),
        "four parts": whole + ".x",
        "no base64": "a.b.!",
        "nothing": "..",
    }
    # Within the leeway of a minute for twenty seconds more.
    brief = token(rs, CLAIMS | {"exp": time.time() - 40}, sign_rsa)
    print(json.dumps({"jwks": jwks, "good": good, "bad": bad, "brief": brief,
                      "operator": token(rs, CLAIMS | {"scope": "read send operate deploy"}, sign_rsa)}))


main()
