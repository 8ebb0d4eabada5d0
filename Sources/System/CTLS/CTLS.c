#include "CTLS.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

// Only HTTP/1.1 is spoken here; a peer that wants something else alone is told so in the handshake.
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                           unsigned int in_length, void *argument) {
  static const unsigned char ours[] = "\x08http/1.1";
  (void)ssl, (void)argument;
  int found = SSL_select_next_proto((unsigned char **)out, out_length, ours, sizeof ours - 1, in, in_length);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void explain(char *reason, size_t size, const char *what) {
  const char *why = ERR_reason_error_string(ERR_peek_error());
  snprintf(reason, size, "%s%s%s", what, why ? ": " : "", why ? why : "");
  ERR_clear_error();
}

// A key update costs the receiver a key derivation and an answer; one that is meant well comes once in gigabytes.
enum { MAX_KEY_UPDATES = 64 };

static void count_key_updates(int is_sent, int version, int type, const void *bytes, size_t length, SSL *session,
                              void *argument) {
  (void)version, (void)argument;
  if (is_sent || type != SSL3_RT_HANDSHAKE || length == 0 || *(const uint8_t *)bytes != SSL3_MT_KEY_UPDATE) return;
  SSL_set_app_data(session, (void *)((uintptr_t)SSL_get_app_data(session) + 1));
}

ctls_context *ctls_context_create(const char *chain, const char *key, char *reason, size_t reason_size) {
  ERR_clear_error();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (context == NULL) return explain(reason, reason_size, "there is no TLS"), NULL;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
  SSL_CTX_set_msg_callback(context, count_key_updates);
  const char *wrong = NULL;
  if (SSL_CTX_use_certificate_chain_file(context, chain) != 1) {
    wrong = "the certificate can't be read";
  } else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    wrong = "the key can't be read, or is not that of the certificate";
  } else if (SSL_CTX_check_private_key(context) != 1) {
    wrong = "the key is not that of the certificate";
  }
  if (wrong == NULL) return context;
  explain(reason, reason_size, wrong);
  SSL_CTX_free(context);
  return NULL;
}

void ctls_context_free(ctls_context *context) { SSL_CTX_free(context); }

ctls_session *ctls_session_create(ctls_context *context) {
  SSL *session = SSL_new(context);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  if (session == NULL || in == NULL || out == NULL) {
    SSL_free(session), BIO_free(in), BIO_free(out);
    return NULL;
  }
  BIO_set_mem_eof_return(in, -1);
  BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(session, in, out);
  SSL_set_accept_state(session);
  return session;
}

void ctls_session_free(ctls_session *session) { SSL_free(session); }

int ctls_session_put(ctls_session *session, const uint8_t *bytes, size_t count) {
  return BIO_write(SSL_get_rbio(session), bytes, (int)count) == (int)count;
}

long ctls_session_read(ctls_session *session, uint8_t *bytes, size_t size) {
  ERR_clear_error();
  size_t count = 0;
  int has_read = SSL_read_ex(session, bytes, size, &count);
  if ((uintptr_t)SSL_get_app_data(session) > MAX_KEY_UPDATES) return CTLS_FAILED;
  if (has_read == 1) return (long)count;
  switch (SSL_get_error(session, 0)) {
    case SSL_ERROR_WANT_READ: case SSL_ERROR_WANT_WRITE: return CTLS_WANTS_MORE;
    case SSL_ERROR_ZERO_RETURN: return CTLS_ENDED;
    default: return CTLS_FAILED;
  }
}

int ctls_session_write(ctls_session *session, const uint8_t *bytes, size_t count) {
  ERR_clear_error();
  size_t written = 0;
  return SSL_is_init_finished(session) && SSL_write_ex(session, bytes, count, &written) == 1 && written == count;
}

int ctls_session_is_established(const ctls_session *session) { return SSL_is_init_finished(session); }

void ctls_session_end(ctls_session *session) {
  ERR_clear_error();
  if (SSL_is_init_finished(session)) SSL_shutdown(session);
}

size_t ctls_session_pending(ctls_session *session) { return BIO_ctrl_pending(SSL_get_wbio(session)); }

size_t ctls_session_take(ctls_session *session, uint8_t *bytes, size_t size) {
  int count = BIO_read(SSL_get_wbio(session), bytes, (int)size);
  return count > 0 ? (size_t)count : 0;
}
