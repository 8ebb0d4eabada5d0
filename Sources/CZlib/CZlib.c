#include "CZlib.h"

#include <zlib.h>

// The head and the tail of gzip are a little longer than those of zlib.
size_t czlib_bound(size_t count) { return compressBound(count) + 32; }

size_t czlib_gzip(const uint8_t *bytes, size_t count, uint8_t *out, size_t size) {
  z_stream stream = {0};
  // A low level: the answers are made while somebody waits.
  if (deflateInit2(&stream, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
  stream.next_in = (Bytef *)bytes, stream.avail_in = (uInt)count;
  stream.next_out = out, stream.avail_out = (uInt)size;
  int result = deflate(&stream, Z_FINISH);
  size_t written = stream.total_out;
  deflateEnd(&stream);
  return result == Z_STREAM_END ? written : 0;
}
