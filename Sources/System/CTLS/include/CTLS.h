#pragma once

#include <stddef.h>
#include <stdint.h>

/// TLS as a machine without sockets: ciphertext goes in and comes out through memory.
typedef struct ssl_ctx_st ctls_context;
typedef struct ssl_st ctls_session;

enum { CTLS_WANTS_MORE = 0, CTLS_FAILED = -1, CTLS_ENDED = -2 };

/// A context for servers with the chain and the key of two PEM files; null when they can't be used, with the reason.
ctls_context *ctls_context_create(const char *chain, const char *key, char *reason, size_t reason_size);
void ctls_context_free(ctls_context *context);

/// The server's side of a connection; it keeps its context alive.
ctls_session *ctls_session_create(ctls_context *context);
void ctls_session_free(ctls_session *session);

/// Takes all of the peer's ciphertext.
int ctls_session_put(ctls_session *session, const uint8_t *bytes, size_t count);
/// Decrypts what is there: a count, or one of the three above. Drives the handshake as well.
long ctls_session_read(ctls_session *session, uint8_t *bytes, size_t size);
/// Encrypts all of some bytes; 0 when it is too early or too late for that.
int ctls_session_write(ctls_session *session, const uint8_t *bytes, size_t count);
int ctls_session_is_established(const ctls_session *session);
/// Tells the peer that nothing more comes.
void ctls_session_end(ctls_session *session);
/// How much ciphertext waits for the peer, and taking it.
size_t ctls_session_pending(ctls_session *session);
size_t ctls_session_take(ctls_session *session, uint8_t *bytes, size_t size);
