#include "CSignature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

void csignature_sha256(const uint8_t *bytes, size_t count, uint8_t digest[CSIGNATURE_DIGEST_LENGTH]) {
  SHA256(bytes, count, digest);
}

int csignature_is_equal(const uint8_t *one, const uint8_t *other, size_t count) {
  return CRYPTO_memcmp(one, other, count) == 0;
}

int csignature_random(uint8_t *bytes, size_t count) { return RAND_bytes(bytes, (int)count) == 1; }

int csignature_hmac(const uint8_t *key, size_t key_length, const uint8_t *message, size_t message_length,
                    uint8_t signature[CSIGNATURE_DIGEST_LENGTH]) {
  unsigned int length = 0;
  return HMAC(EVP_sha256(), key, (int)key_length, message, message_length, signature, &length) != NULL;
}

int csignature_verify_hmac(const uint8_t *key, size_t key_length, const uint8_t *message, size_t message_length,
                           const uint8_t *signature, size_t signature_length) {
  uint8_t expected[CSIGNATURE_DIGEST_LENGTH];
  if (csignature_hmac(key, key_length, message, message_length, expected) != 1) return 0;
  return signature_length == sizeof expected && CRYPTO_memcmp(expected, signature, sizeof expected) == 0;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *parts) {
  EVP_PKEY *key = NULL;
  OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(parts);
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
  if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  }
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  return key;
}

static EVP_PKEY *checked(EVP_PKEY *key) {
  if (key == NULL) return NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  int is_valid = context != NULL && EVP_PKEY_public_check(context) == 1;
  EVP_PKEY_CTX_free(context);
  if (is_valid) return key;
  EVP_PKEY_free(key);
  return NULL;
}

csignature_key *csignature_rsa(const uint8_t *modulus, size_t modulus_length, const uint8_t *exponent,
                               size_t exponent_length) {
  OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
  BIGNUM *n = BN_bin2bn(modulus, (int)modulus_length, NULL), *e = BN_bin2bn(exponent, (int)exponent_length, NULL);
  EVP_PKEY *key = NULL;
  if (parts != NULL && n != NULL && e != NULL && BN_num_bits(n) >= 2048 && BN_num_bits(n) <= 8192 &&
      OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
      OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
    key = make_key("RSA", parts);
  }
  OSSL_PARAM_BLD_free(parts);
  BN_free(n), BN_free(e);
  return checked(key);
}

csignature_key *csignature_p256(const uint8_t x[32], const uint8_t y[32]) {
  uint8_t point[65] = {POINT_CONVERSION_UNCOMPRESSED};
  memcpy(point + 1, x, 32), memcpy(point + 33, y, 32);
  OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
  EVP_PKEY *key = NULL;
  if (parts != NULL && OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1) {
    key = make_key("EC", parts);
  }
  OSSL_PARAM_BLD_free(parts);
  return checked(key);
}

void csignature_key_free(csignature_key *key) { EVP_PKEY_free(key); }

static int verify(EVP_PKEY *key, const uint8_t *message, size_t message_length, const uint8_t *signature,
                  size_t signature_length) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int is_good = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, signature_length, message, message_length) == 1;
  EVP_MD_CTX_free(context);
  return is_good;
}

int csignature_verify_rsa(csignature_key *key, const uint8_t *message, size_t message_length,
                          const uint8_t *signature, size_t signature_length) {
  return verify(key, message, message_length, signature, signature_length);
}

int csignature_verify_p256(csignature_key *key, const uint8_t *message, size_t message_length,
                           const uint8_t signature[64]) {
  ECDSA_SIG *pair = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
  if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
    ECDSA_SIG_free(pair), BN_free(r), BN_free(s);
    return 0;
  }
  unsigned char *encoded = NULL;
  int length = i2d_ECDSA_SIG(pair, &encoded);
  int is_good = length > 0 && verify(key, message, message_length, encoded, (size_t)length);
  OPENSSL_free(encoded);
  ECDSA_SIG_free(pair);
  return is_good;
}
