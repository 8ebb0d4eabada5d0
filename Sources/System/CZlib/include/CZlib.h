#pragma once

#include <stddef.h>
#include <stdint.h>

/// The most bytes that gzip makes of `count`.
size_t czlib_bound(size_t count);

/// Compresses to gzip (RFC 1952); 0 when there is no room or no memory.
size_t czlib_gzip(const uint8_t *bytes, size_t count, uint8_t *out, size_t size);

/// Compresses messages one by one, without a memory of the one before (RFC 7692).
typedef struct czlib_deflater czlib_deflater;

/// A compressor with a window of 2 to the power of 9 to 15 bytes; NULL when there is no memory.
czlib_deflater *czlib_deflater_new(int window_bits);

void czlib_deflater_free(czlib_deflater *deflater);

/// Compresses a message as it goes into a frame; 0 when it does not become shorter than `size`.
size_t czlib_deflate(czlib_deflater *deflater, const uint8_t *bytes, size_t count, uint8_t *out, size_t size);

/// Expands messages one by one.
typedef struct czlib_inflater czlib_inflater;

/// NULL when there is no memory.
czlib_inflater *czlib_inflater_new(void);

void czlib_inflater_free(czlib_inflater *inflater);

/// Begins with a message as it came in a frame; the bytes have to stay until its end.
void czlib_inflate_begin(czlib_inflater *inflater, const uint8_t *bytes, size_t count);

/// Expands up to `size` bytes more: how many, 0 at the end of the message, -1 when it is malformed.
ptrdiff_t czlib_inflate_more(czlib_inflater *inflater, uint8_t *out, size_t size);
