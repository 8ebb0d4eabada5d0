#pragma once

#include <stddef.h>
#include <stdint.h>

/// The most bytes that gzip makes of `count`.
size_t czlib_bound(size_t count);

/// Compresses to gzip (RFC 1952); 0 when there is no room or no memory.
size_t czlib_gzip(const uint8_t *bytes, size_t count, uint8_t *out, size_t size);
