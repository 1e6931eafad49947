#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "protocol/messages.h"
#include "s3/client.h"

namespace tarn::engine {

// An object of a dataset, with the ETag from the catalogue or the probe.
struct KnownObject {
  std::string key;
  std::string etag;  // Empty if unknown.
};

// Distinguishes overwritten objects from damaged ones, after DuckDB has read past their end.
//
// Thread-safe. Blocks for one request for each object.
class ObjectCheck {
 public:
  explicit ObjectCheck(const protocol::Setup& setup);

  // True if either an overwritten or a damaged object can have caused the error.
  static bool IsNeeded(const Error& error);
  // True if DuckDB could not decode an object, which the error does not name. Call IsNeeded first,
  // because some of its errors look the same.
  static bool IsOfDecoding(const Error& error);

  // Returns kInvalidArgument if the object is damaged, or kStale if it was overwritten or may have
  // been. `since` is a time before the first read of the object, for files of a folder.
  Error Explain(const KnownObject& object, std::chrono::system_clock::time_point since);
  // True if one of the objects was certainly overwritten. Makes a request for each.
  bool IsAnyOverwritten(const std::vector<KnownObject>& objects,
                        std::chrono::system_clock::time_point since);

 private:
  std::optional<bool> IsOverwritten(const KnownObject& object,
                                    std::chrono::system_clock::time_point since);

  const protocol::ObjectStore store_;
  Mutex mutex_;
  s3::Client client_ TARN_GUARDED_BY(mutex_);
};

}  // namespace tarn::engine
