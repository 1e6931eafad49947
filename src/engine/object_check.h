#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

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
// Thread-safe. Blocks for one request.
class ObjectCheck {
 public:
  explicit ObjectCheck(const protocol::Setup& setup);

  // True for an error that either of the two can have caused.
  static bool IsNeeded(const Error& error);

  // kInvalidArgument if the object is damaged; kStale if it was overwritten, or may have been.
  // `since` is the time before the object was first read, for files of a folder.
  Error Explain(const KnownObject& object, std::chrono::system_clock::time_point since);

 private:
  std::optional<bool> IsOverwritten(const KnownObject& object,
                                    std::chrono::system_clock::time_point since);

  const protocol::ObjectStore store_;
  std::mutex mutex_;
  s3::Client client_;  // Guarded by mutex_.
};

}  // namespace tarn::engine
