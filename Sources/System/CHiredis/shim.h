#pragma once

#include <fcntl.h>
#include <hiredis/hiredis.h>

/* `timeval` belongs to whichever module is looked at first, so it stays on this side. */

static inline struct timeval flow_redis_time(long milliseconds) {
  struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
  return time;
}

static inline redisContext *flow_redis_connect(const char *host, int port, long milliseconds) {
  redisContext *context = redisConnectWithTimeout(host, port, flow_redis_time(milliseconds));
  /* Programs that this process starts must not hold the connection. */
  if (context && !context->err) fcntl(context->fd, F_SETFD, FD_CLOEXEC);
  return context;
}

static inline int flow_redis_set_timeout(redisContext *context, long milliseconds) {
  return redisSetTimeout(context, flow_redis_time(milliseconds));
}
