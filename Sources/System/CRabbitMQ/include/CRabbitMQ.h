#pragma once

#include <amqp.h>
#include <stddef.h>

/* What came of a message. */
enum flow_amqp_result {
  FLOW_AMQP_TAKEN,
  FLOW_AMQP_REFUSED,
  /* No queue gets it. */
  FLOW_AMQP_UNROUTABLE,
  /* The broker has closed the channel or the connection, with a code and a text. */
  FLOW_AMQP_CLOSED,
  FLOW_AMQP_TIMED_OUT,
  FLOW_AMQP_BROKEN,
};

struct flow_amqp_answer {
  enum flow_amqp_result result;
  int code;
  char text[256];
};

struct flow_amqp_message {
  const char *exchange, *routing_key, *identifier;
  const char *const *names, *const *values;
  size_t headers;
  const void *body;
  size_t length;
};

/* Connects; with certificates, securely and only to whom they vouch for. Returns 0 or a status of the library. */
int flow_amqp_connect(amqp_connection_state_t connection, const char *host, int port, const char *certificates,
                      long milliseconds);

/* Logs in and opens the one channel. With a heartbeat in seconds, either side notices that the other is gone. */
struct flow_amqp_answer flow_amqp_open(amqp_connection_state_t connection, const char *virtual_host, const char *user,
                                       const char *password, int heartbeat);

/* Asks for confirms of the messages that are published. */
struct flow_amqp_answer flow_amqp_confirm(amqp_connection_state_t connection);

/* Publishes a message of this type without waiting for its confirm; no queue has to get it. */
struct flow_amqp_answer flow_amqp_send(amqp_connection_state_t connection, const struct flow_amqp_message *message,
                                       const char *type);

/* Waits for the next confirm: of the message with this number, or with `all` also of those before it. */
struct flow_amqp_answer flow_amqp_next_confirm(amqp_connection_state_t connection, long milliseconds, uint64_t *number,
                                               int *all);

/* A message of a queue. */
struct flow_amqp_delivery {
  amqp_envelope_t envelope;
  uint64_t tag;
  int redelivered;
  /* NULL without an identifier. */
  const void *identifier;
  size_t identifier_length;
  const void *body;
  size_t length;
};

/* Begins to receive the messages of a queue, of which at most `prefetch` are not settled. */
struct flow_amqp_answer flow_amqp_consume(amqp_connection_state_t connection, const char *queue, int prefetch);

/* Waits for a message, which has to be released; FLOW_AMQP_TIMED_OUT without one. */
struct flow_amqp_answer flow_amqp_receive(amqp_connection_state_t connection, struct flow_amqp_delivery *delivery,
                                          long milliseconds);

void flow_amqp_release(struct flow_amqp_delivery *delivery);

/* Acknowledges a message, and all before it that are not settled. */
struct flow_amqp_answer flow_amqp_acknowledge(amqp_connection_state_t connection, uint64_t tag);

/* Rejects a message: the dead-letter exchange of its queue gets it, if there is one. */
struct flow_amqp_answer flow_amqp_reject(amqp_connection_state_t connection, uint64_t tag);

/* The number of messages that wait in a queue. */
struct flow_amqp_answer flow_amqp_count(amqp_connection_state_t connection, const char *queue, uint32_t *count);

/* Publishes a message and waits until the broker has said what came of it. */
struct flow_amqp_answer flow_amqp_publish(amqp_connection_state_t connection, const struct flow_amqp_message *message,
                                          long milliseconds);
