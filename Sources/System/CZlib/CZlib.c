#include "CZlib.h"

#include <limits.h>
#include <stdlib.h>
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

// A message ends with an empty block, of which these bytes are left out (RFC 7692, 7.2.1).
static const uint8_t left_out[4] = {0x00, 0x00, 0xFF, 0xFF};

struct czlib_deflater {
  z_stream stream;
};

czlib_deflater *czlib_deflater_new(int window_bits) {
  czlib_deflater *deflater = calloc(1, sizeof *deflater);
  if (deflater == NULL) return NULL;
  // Negative: without a head and a checksum.
  if (deflateInit2(&deflater->stream, 4, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK) return deflater;
  free(deflater);
  return NULL;
}

void czlib_deflater_free(czlib_deflater *deflater) {
  deflateEnd(&deflater->stream);
  free(deflater);
}

size_t czlib_deflate(czlib_deflater *deflater, const uint8_t *bytes, size_t count, uint8_t *out, size_t size) {
  z_stream *stream = &deflater->stream;
  if (count > UINT_MAX || size > UINT_MAX || deflateReset(stream) != Z_OK) return 0;
  stream->next_in = (Bytef *)bytes, stream->avail_in = (uInt)count;
  stream->next_out = out, stream->avail_out = (uInt)size;
  int result = deflate(stream, Z_SYNC_FLUSH);
  size_t written = size - stream->avail_out;
  // A full buffer may hide that there is more to come.
  int is_whole = result == Z_OK && stream->avail_in == 0 && stream->avail_out > 0;
  return is_whole && written > sizeof left_out ? written - sizeof left_out : 0;
}

struct czlib_inflater {
  z_stream stream;
  int is_at_left_out;
  // A block said that it is the last one, and nothing of the message comes after it.
  int has_ended;
};

czlib_inflater *czlib_inflater_new(void) {
  czlib_inflater *inflater = calloc(1, sizeof *inflater);
  if (inflater == NULL) return NULL;
  if (inflateInit2(&inflater->stream, -15) == Z_OK) return inflater;
  free(inflater);
  return NULL;
}

void czlib_inflater_free(czlib_inflater *inflater) {
  inflateEnd(&inflater->stream);
  free(inflater);
}

void czlib_inflate_begin(czlib_inflater *inflater, const uint8_t *bytes, size_t count) {
  inflateReset(&inflater->stream);
  inflater->stream.next_in = (Bytef *)bytes, inflater->stream.avail_in = (uInt)count;
  inflater->is_at_left_out = 0, inflater->has_ended = 0;
}

// Gives zlib the bytes that were left out, once, when it has read all others.
static int feed_left_out(czlib_inflater *inflater) {
  if (inflater->stream.avail_in > 0) return 1;
  if (inflater->is_at_left_out) return 0;
  inflater->is_at_left_out = 1;
  inflater->stream.next_in = (Bytef *)left_out, inflater->stream.avail_in = sizeof left_out;
  return 1;
}

ptrdiff_t czlib_inflate_more(czlib_inflater *inflater, uint8_t *out, size_t size) {
  z_stream *stream = &inflater->stream;
  stream->next_out = out, stream->avail_out = (uInt)size;
  while (stream->avail_out > 0 && !inflater->has_ended && feed_left_out(inflater)) {
    int result = inflate(stream, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      // More blocks may follow on a last one (RFC 7692, 7.2.3.4).
      inflater->has_ended = inflater->is_at_left_out || stream->avail_in == 0;
      if (!inflater->has_ended) inflateReset(stream);
    } else if (result != Z_OK) {
      return -1;
    }
  }
  if (stream->avail_out < size) return (ptrdiff_t)(size - stream->avail_out);
  // 128: the last thing that zlib has read is the end of a block.
  return inflater->has_ended || (stream->data_type & 128) ? 0 : -1;
}
