#pragma once

/// How often this process has asked for memory: calls of malloc, calloc, realloc and aligned_alloc.
unsigned long flow_allocation_count(void);
