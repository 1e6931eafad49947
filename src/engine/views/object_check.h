#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/messages.h"
#include "s3/client.h"

namespace tarn::engine {

// An object of a dataset, as the catalogue or the probe knows it.
struct KnownObject {
  std::string key;
  std::string etag;  // Empty: not known.
};

// Tells an object that was overwritten from one that is damaged, after DuckDB has read behind its
// end.
//
// Thread-safe. Blocks for one request for each object.
class ObjectCheck {
 public:
  explicit ObjectCheck(const protocol::Setup& setup);

  // True for an error that either of the two can have caused.
  static bool IsNeeded(const Error& error);
  // True for an error in decoding the bytes of an object that DuckDB does not name. Ask IsNeeded
  // first: some of its errors look the same.
  static bool IsOfDecoding(const Error& error);

  // kInvalidArgument if the object is damaged; kStale if it was overwritten, or may have been.
  // `since` is the time before the object was first read, for files of a folder.
  Error Explain(const KnownObject& object, std::chrono::system_clock::time_point since);
  // Whether one of the objects is known to be overwritten. One request for each.
  bool IsAnyOverwritten(const std::vector<KnownObject>& objects,
                        std::chrono::system_clock::time_point since);

 private:
  std::optional<bool> IsOverwritten(const KnownObject& object,
                                    std::chrono::system_clock::time_point since);

  const protocol::ObjectStore store_;
  std::mutex mutex_;
  s3::Client client_;  // Guarded by mutex_.
};

}  // namespace tarn::engine
