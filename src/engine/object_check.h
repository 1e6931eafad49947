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

// Finds out why DuckDB does not find the bytes of an object that its footer names: somebody
// overwrote the object, or the object is damaged.
//
// Thread-safe. Blocks for one request.
class ObjectCheck {
 public:
  explicit ObjectCheck(const protocol::Setup& setup);

  // True for an error that either of the two can have caused.
  static bool IsNeeded(const Error& error);

  // kStale if the object was overwritten, or nobody can tell; kInvalidArgument if it is damaged.
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
