#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "protocol/object_store.h"

namespace tarn::s3 {

// A bucket, and who may read it.
struct Bucket {
  protocol::ObjectStore store;  // Not a folder.
  protocol::Credentials credentials;
  bool tls_verify = true;
  std::string tls_ca_path;  // Empty: those of the system.
};

struct ObjectPart {
  std::string bytes;
  uint64_t begin = 0;         // Of the bytes within the object.
  uint64_t object_bytes = 0;  // Of the whole object.
  std::string etag;           // As the server writes it, quotes included; may be empty.
};

// Requests to the objects of one bucket, one after the other, on a connection that is kept between
// them. Nothing is tried again and no redirection is followed. Blocks; not thread-safe.
//
// Errors say which status or what of the network it was: kNotFound for 404, kPrecondition for 412,
// kTimeout and kCancelled, kUnavailable for all else.
class Client {
 public:
  using IsCancelled = std::function<bool()>;  // Asked about once a second.

  explicit Client(Bucket bucket);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // The last bytes of an object, so many at most: one request, which needs no size before it.
  Result<ObjectPart> ReadEnd(std::string_view key, uint64_t bytes_max, Deadline deadline,
                             const IsCancelled& is_cancelled = {});
  // Bytes of an object that still has this ETag, where there is one: else kPrecondition.
  Result<ObjectPart> Read(std::string_view key, uint64_t begin, uint64_t bytes,
                          const std::string& etag, Deadline deadline,
                          const IsCancelled& is_cancelled = {});

 private:
  struct Transfer;
  Result<ObjectPart> Get(std::string_view key, const std::string& range, const std::string& etag,
                         uint64_t bytes_max, Deadline deadline, const IsCancelled& is_cancelled);

  Bucket bucket_;
  struct Curl;
  std::unique_ptr<Curl> curl_;
};

}  // namespace tarn::s3
