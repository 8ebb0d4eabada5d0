#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Reads one HTTP/1.x request after another with Boost.Beast's parser; never throws.
typedef struct cbeast_parser cbeast_parser;

/// A header field as two ranges of `cbeast_message.text`.
typedef struct {
  uint32_t name_start;
  uint32_t name_length;
  uint32_t value_start;
  uint32_t value_length;
} cbeast_field;

/// What is known of the current request; valid until the next call on the same parser.
typedef struct {
  const uint8_t *text;  // method, target, names and values, one after another
  size_t text_length;
  uint32_t method_length;
  uint32_t target_length;  // the target follows the method
  const cbeast_field *fields;
  size_t field_count;
  const uint8_t *body;
  size_t body_length;
  bool is_head_complete;
  bool is_legacy;  // HTTP/1.0
  bool is_kept_alive;
  bool is_upgrade;
  bool expects_continue;
  bool has_body;
} cbeast_message;

/// Answers of `cbeast_parser_put`; any other answer is the HTTP status of a refusal.
enum { CBEAST_MORE = 0, CBEAST_COMPLETE = 1 };

/// The length of what `cbeast_websocket_accept` writes.
enum { CBEAST_ACCEPT_LENGTH = 28 };

/// A parser, or NULL when there is no memory.
cbeast_parser *cbeast_parser_create(uint32_t header_limit, uint32_t field_limit, uint64_t body_limit);
void cbeast_parser_destroy(cbeast_parser *parser);

/// Makes the parser ready for the next request; due after each complete or refused one.
void cbeast_parser_reset(cbeast_parser *parser);

/// Takes what it can use; what it did not consume must be fed again, with more behind it.
int cbeast_parser_put(cbeast_parser *parser, const uint8_t *bytes, size_t count, size_t *consumed);

cbeast_message cbeast_parser_message(const cbeast_parser *parser);

/// Why the request was refused.
const char *cbeast_parser_reason(const cbeast_parser *parser);

/// Writes the `Sec-WebSocket-Accept` value that answers `key`.
void cbeast_websocket_accept(const uint8_t *key, size_t key_length, uint8_t accept[CBEAST_ACCEPT_LENGTH]);

#ifdef __cplusplus
}
#endif
