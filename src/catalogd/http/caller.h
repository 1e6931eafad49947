#pragma once

// Private to src/catalogd.

#include "catalogd/service/datasets.h"
#include "http/message.h"

namespace tarn::catalogd {

// The caller outlives neither the request nor its identity.
inline Caller CallerOf(const http::Request& request) {
  return {.identity = *request.identity,
          .request_id = request.id,
          .reserve = [&request](uint64_t bytes) { return request.ReserveResponse(bytes); }};
}

}  // namespace tarn::catalogd
