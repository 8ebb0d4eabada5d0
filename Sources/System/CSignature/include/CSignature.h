#pragma once

#include <stddef.h>
#include <stdint.h>

/* What tokens are signed and kept with, by OpenSSL's libcrypto. Questions are answered with 1 for yes; everything else
   is no. Numbers are big-endian, as JSON Web Keys have them. */

enum { CSIGNATURE_DIGEST_LENGTH = 32 };

void csignature_sha256(const uint8_t *bytes, size_t count, uint8_t digest[CSIGNATURE_DIGEST_LENGTH]);
int csignature_is_equal(const uint8_t *one, const uint8_t *other, size_t count);
int csignature_random(uint8_t *bytes, size_t count);

int csignature_hmac(const uint8_t *key, size_t key_length, const uint8_t *message, size_t message_length,
                    uint8_t signature[CSIGNATURE_DIGEST_LENGTH]);
int csignature_verify_hmac(const uint8_t *key, size_t key_length, const uint8_t *message, size_t message_length,
                           const uint8_t *signature, size_t signature_length);

typedef struct evp_pkey_st csignature_key;

/// A public RSA key of at least 2048 bits; null when it is none.
csignature_key *csignature_rsa(const uint8_t *modulus, size_t modulus_length, const uint8_t *exponent,
                               size_t exponent_length);
/// A public key on the curve P-256, of two coordinates with 32 bytes; null when it is none.
csignature_key *csignature_p256(const uint8_t x[32], const uint8_t y[32]);
void csignature_key_free(csignature_key *key);

/// RSASSA-PKCS1-v1_5 with SHA-256.
int csignature_verify_rsa(csignature_key *key, const uint8_t *message, size_t message_length,
                          const uint8_t *signature, size_t signature_length);
/// ECDSA with SHA-256; the signature is two numbers with 32 bytes.
int csignature_verify_p256(csignature_key *key, const uint8_t *message, size_t message_length,
                           const uint8_t signature[64]);
