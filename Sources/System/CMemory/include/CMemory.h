#pragma once

/* Tells the allocator to return memory to the system soon, for a process that builds large structures over and over:
   one arena for all threads, large blocks on their own, and a low limit of unused memory. Call before other threads
   start. Has no effect with other C libraries than glibc. */
void flow_return_memory_early(void);
