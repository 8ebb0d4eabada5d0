#pragma once

#include <curl/curl.h>

/* curl_easy_setopt and curl_easy_getinfo take their last argument as `...`, which Swift can't call. */

static inline CURLcode flow_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode flow_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}

static inline CURLcode flow_curl_set_headers(CURL *handle, struct curl_slist *list) {
  return curl_easy_setopt(handle, CURLOPT_HTTPHEADER, list);
}

/* The body is copied, so that it need not outlive the call. */
static inline CURLcode flow_curl_set_body(CURL *handle, const void *bytes, long count) {
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, count);
  return curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, bytes);
}

typedef size_t (*flow_curl_receiver)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode flow_curl_set_receivers(CURL *handle, flow_curl_receiver body, flow_curl_receiver header,
                                               void *context) {
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, context);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, context);
  return curl_easy_setopt(handle, CURLOPT_PRIVATE, context);
}

static inline void *flow_curl_context(CURL *handle) {
  void *context = 0;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &context);
  return context;
}

static inline long flow_curl_status(CURL *handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
