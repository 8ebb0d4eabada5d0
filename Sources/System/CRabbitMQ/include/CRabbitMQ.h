#pragma once

/* Only builds with the trait AMQP need the library; all others see an empty page. */
#if __has_include(<amqp.h>)
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

/* Logs in, opens the one channel and asks for confirms. */
struct flow_amqp_answer flow_amqp_open(amqp_connection_state_t connection, const char *virtual_host, const char *user,
                                       const char *password);

/* Publishes a message and waits until the broker has said what came of it. */
struct flow_amqp_answer flow_amqp_publish(amqp_connection_state_t connection, const struct flow_amqp_message *message,
                                          long milliseconds);
#endif
