#pragma once

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// `accept4` without blocking and without inheritance, which Swift's Glibc hides as a GNU extension.
int cepoll_accept(int listener, struct sockaddr *address, socklen_t *length);

/// `pthread_setname_np`, hidden for the same reason.
void cepoll_name_thread(pthread_t thread, const char *name);
