#include <openssl/sha.h>
#include <openssl/hmac.h>
