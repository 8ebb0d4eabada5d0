#include "CRabbitMQ.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static const amqp_channel_t channel = 1;

static struct flow_amqp_answer answer(enum flow_amqp_result result, int code, amqp_bytes_t text) {
  struct flow_amqp_answer answer = {result, code, ""};
  size_t length = text.len < sizeof answer.text - 1 ? text.len : sizeof answer.text - 1;
  if (text.bytes) memcpy(answer.text, text.bytes, length);
  return answer;
}

static struct flow_amqp_answer closed(amqp_method_t method) {
  if (method.id == AMQP_CHANNEL_CLOSE_METHOD) {
    amqp_channel_close_t *close = method.decoded;
    return answer(FLOW_AMQP_CLOSED, close->reply_code, close->reply_text);
  }
  if (method.id == AMQP_CONNECTION_CLOSE_METHOD) {
    amqp_connection_close_t *close = method.decoded;
    return answer(FLOW_AMQP_CLOSED, close->reply_code, close->reply_text);
  }
  return answer(FLOW_AMQP_BROKEN, 0, amqp_cstring_bytes("an answer that makes no sense"));
}

static struct flow_amqp_answer broken(int status) {
  enum flow_amqp_result result = status == AMQP_STATUS_TIMEOUT ? FLOW_AMQP_TIMED_OUT : FLOW_AMQP_BROKEN;
  return answer(result, 0, amqp_cstring_bytes(amqp_error_string2(status)));
}

static struct flow_amqp_answer sent(int status) {
  return status == AMQP_STATUS_OK ? answer(FLOW_AMQP_TAKEN, 0, amqp_empty_bytes) : broken(status);
}

static struct flow_amqp_answer reply(amqp_rpc_reply_t reply) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return answer(FLOW_AMQP_TAKEN, 0, amqp_empty_bytes);
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) return closed(reply.reply);
  return broken(reply.library_error);
}

static struct timeval interval(long milliseconds) {
  struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
  return time;
}

int flow_amqp_connect(amqp_connection_state_t connection, const char *host, int port, const char *certificates,
                      long milliseconds) {
  struct timeval timeout = interval(milliseconds);
  amqp_set_handshake_timeout(connection, &timeout);
  amqp_set_rpc_timeout(connection, &timeout);
  amqp_socket_t *socket = certificates ? amqp_ssl_socket_new(connection) : amqp_tcp_socket_new(connection);
  if (!socket) return AMQP_STATUS_NO_MEMORY;
  if (certificates) {
    int status = amqp_ssl_socket_set_cacert(socket, certificates);
    if (status != AMQP_STATUS_OK) return status;
  }
  return amqp_socket_open_noblock(socket, host, port, &timeout);
}

struct flow_amqp_answer flow_amqp_open(amqp_connection_state_t connection, const char *virtual_host, const char *user,
                                       const char *password, int heartbeat) {
  struct flow_amqp_answer result =
      reply(amqp_login(connection, virtual_host, 0, 131072, heartbeat, AMQP_SASL_METHOD_PLAIN, user, password));
  if (result.result != FLOW_AMQP_TAKEN) return result;
  amqp_channel_open(connection, channel);
  return reply(amqp_get_rpc_reply(connection));
}

struct flow_amqp_answer flow_amqp_confirm(amqp_connection_state_t connection) {
  amqp_confirm_select(connection, channel);
  return reply(amqp_get_rpc_reply(connection));
}

struct flow_amqp_answer flow_amqp_consume(amqp_connection_state_t connection, const char *queue, int prefetch) {
  amqp_basic_qos(connection, channel, 0, (uint16_t)prefetch, 0);
  struct flow_amqp_answer result = reply(amqp_get_rpc_reply(connection));
  if (result.result != FLOW_AMQP_TAKEN) return result;
  amqp_basic_consume(connection, channel, amqp_cstring_bytes(queue), amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
  return reply(amqp_get_rpc_reply(connection));
}

/* What came in place of a message. */
static struct flow_amqp_answer other_frame(amqp_connection_state_t connection) {
  amqp_frame_t frame;
  int status = amqp_simple_wait_frame(connection, &frame);
  if (status != AMQP_STATUS_OK) return broken(status);
  if (frame.frame_type != AMQP_FRAME_METHOD) return answer(FLOW_AMQP_TIMED_OUT, 0, amqp_empty_bytes);
  if (frame.payload.method.id == AMQP_BASIC_CANCEL_METHOD)
    return answer(FLOW_AMQP_BROKEN, 0, amqp_cstring_bytes("the queue was deleted"));
  return closed(frame.payload.method);
}

struct flow_amqp_answer flow_amqp_receive(amqp_connection_state_t connection, struct flow_amqp_delivery *delivery,
                                          long milliseconds) {
  struct timeval timeout = interval(milliseconds);
  amqp_maybe_release_buffers(connection);
  amqp_rpc_reply_t read = amqp_consume_message(connection, &delivery->envelope, &timeout, 0);
  if (read.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && read.library_error == AMQP_STATUS_UNEXPECTED_STATE)
    return other_frame(connection);
  if (read.reply_type != AMQP_RESPONSE_NORMAL) return reply(read);
  amqp_message_t *message = &delivery->envelope.message;
  amqp_bytes_t identifier = message->properties.message_id;
  int is_named = message->properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG;
  delivery->tag = delivery->envelope.delivery_tag;
  delivery->redelivered = delivery->envelope.redelivered;
  delivery->identifier = is_named ? identifier.bytes : NULL;
  delivery->identifier_length = is_named ? identifier.len : 0;
  delivery->body = message->body.bytes;
  delivery->length = message->body.len;
  return answer(FLOW_AMQP_TAKEN, 0, amqp_empty_bytes);
}

void flow_amqp_release(struct flow_amqp_delivery *delivery) { amqp_destroy_envelope(&delivery->envelope); }

struct flow_amqp_answer flow_amqp_acknowledge(amqp_connection_state_t connection, uint64_t tag) {
  return sent(amqp_basic_ack(connection, channel, tag, 1));
}

struct flow_amqp_answer flow_amqp_reject(amqp_connection_state_t connection, uint64_t tag) {
  return sent(amqp_basic_reject(connection, channel, tag, 0));
}

struct flow_amqp_answer flow_amqp_count(amqp_connection_state_t connection, const char *queue, uint32_t *count) {
  amqp_queue_declare_ok_t *declared = amqp_queue_declare(
      connection, channel, amqp_cstring_bytes(queue), 1, 0, 0, 0, amqp_empty_table);
  struct flow_amqp_answer result = reply(amqp_get_rpc_reply(connection));
  if (declared) *count = declared->message_count;
  return result;
}

/* Waits for the next method, past other frames. */
static int next_method(amqp_connection_state_t connection, struct timeval *timeout, amqp_frame_t *frame) {
  for (;;) {
    amqp_maybe_release_buffers(connection);
    int status = amqp_simple_wait_frame_noblock(connection, frame, timeout);
    if (status != AMQP_STATUS_OK || frame->frame_type == AMQP_FRAME_METHOD) return status;
  }
}

/* A message that comes back is read to its end, so that the confirm behind it can be. */
static struct flow_amqp_answer wait_for_confirm(amqp_connection_state_t connection, struct timeval timeout) {
  struct flow_amqp_answer result = answer(FLOW_AMQP_TAKEN, 0, amqp_empty_bytes);
  for (;;) {
    amqp_frame_t frame;
    int status = next_method(connection, &timeout, &frame);
    if (status != AMQP_STATUS_OK) return broken(status);
    amqp_method_t method = frame.payload.method;
    if (method.id == AMQP_BASIC_ACK_METHOD) return result;
    if (method.id == AMQP_BASIC_NACK_METHOD) return answer(FLOW_AMQP_REFUSED, 0, amqp_empty_bytes);
    if (method.id != AMQP_BASIC_RETURN_METHOD) return closed(method);
    amqp_basic_return_t *back = method.decoded;
    result = answer(FLOW_AMQP_UNROUTABLE, back->reply_code, back->reply_text);
    amqp_message_t message;
    amqp_rpc_reply_t read = amqp_read_message(connection, frame.channel, &message, 0);
    if (read.reply_type != AMQP_RESPONSE_NORMAL) return reply(read);
    amqp_destroy_message(&message);
  }
}

static int publish(amqp_connection_state_t connection, const struct flow_amqp_message *message, const char *type,
                   int is_mandatory) {
  amqp_table_entry_t entries[message->headers + 1];
  for (size_t index = 0; index < message->headers; index++) {
    entries[index].key = amqp_cstring_bytes(message->names[index]);
    entries[index].value.kind = AMQP_FIELD_KIND_UTF8;
    entries[index].value.value.bytes = amqp_cstring_bytes(message->values[index]);
  }
  amqp_basic_properties_t properties = {0};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                      AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_HEADERS_FLAG;
  properties.content_type = amqp_cstring_bytes(type);
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  properties.message_id = amqp_cstring_bytes(message->identifier);
  properties.app_id = amqp_cstring_bytes("flow");
  properties.timestamp = (uint64_t)time(NULL);
  properties.headers.num_entries = (int)message->headers;
  properties.headers.entries = entries;
  amqp_bytes_t body = {message->length, (void *)message->body};
  return amqp_basic_publish(connection, channel, amqp_cstring_bytes(message->exchange),
                            amqp_cstring_bytes(message->routing_key), is_mandatory, 0, &properties, body);
}

struct flow_amqp_answer flow_amqp_publish(amqp_connection_state_t connection, const struct flow_amqp_message *message,
                                          long milliseconds) {
  int status = publish(connection, message, "application/json", 1);
  return status == AMQP_STATUS_OK ? wait_for_confirm(connection, interval(milliseconds)) : broken(status);
}

struct flow_amqp_answer flow_amqp_send(amqp_connection_state_t connection, const struct flow_amqp_message *message,
                                       const char *type) {
  return sent(publish(connection, message, type, 0));
}

struct flow_amqp_answer flow_amqp_next_confirm(amqp_connection_state_t connection, long milliseconds, uint64_t *number,
                                               int *all) {
  struct timeval timeout = interval(milliseconds);
  amqp_frame_t frame;
  int status = next_method(connection, &timeout, &frame);
  if (status != AMQP_STATUS_OK) return broken(status);
  if (frame.payload.method.id == AMQP_BASIC_NACK_METHOD) return answer(FLOW_AMQP_REFUSED, 0, amqp_empty_bytes);
  if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) return closed(frame.payload.method);
  amqp_basic_ack_t *confirm = frame.payload.method.decoded;
  *number = confirm->delivery_tag;
  *all = confirm->multiple;
  return answer(FLOW_AMQP_TAKEN, 0, amqp_empty_bytes);
}
