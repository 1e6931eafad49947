#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "protocol/object_store.h"
#include "s3/listing.h"

namespace tarn::s3 {

// A bucket with the credentials and TLS settings for it.
struct Bucket {
  protocol::ObjectStore store;  // Not a local folder.
  protocol::Credentials credentials;
  bool tls_verify = true;
  std::string tls_ca_path;  // Empty: the system's CAs.
};

struct ObjectPart {
  std::string bytes;
  uint64_t begin = 0;         // The offset of the bytes in the object.
  uint64_t object_bytes = 0;  // The size of the whole object.
  std::string etag;           // As sent by the server, with quotes; may be empty.
};

struct ObjectInfo {
  uint64_t bytes = 0;
  std::string etag;  // As sent by the server, with quotes; may be empty.
};

// The response of a server to a request for the bucket.
struct BucketAnswer {
  int status = 0;
  std::string code;     // "SignatureDoesNotMatch"; empty on success.
  std::string message;  // The server's explanation.
  std::string region;   // The region of the bucket, if reported.
  std::string date;     // The server's clock in HTTP format; may be empty.
};

// A file to be written to an object.
struct Upload {
  std::string path;
  uint64_t part_bytes =
      64 * 1024 * 1024;  // A larger file goes in parts. S3 takes no less than 5 MiB.
  // Called with the number of bytes sent since the last call; may be null.
  std::function<void(uint64_t bytes)> on_sent;
};

// The selection of objects to list.
struct Listing {
  std::string prefix;  // The common prefix of their keys.
  // The maximum number of objects scanned, including those that `keep` rejects.
  uint64_t objects_max = 1'000'000;
  std::function<bool(const ListedObject&)> keep;  // Null: keep all.
};

// Requests to the objects of one bucket, one at a time on a persistent connection. Redirects are
// not followed. Only parts of uploads, pages of lists and deletions are retried. Blocks; not
// thread-safe.
//
// Errors have the HTTP status or the network failure: kNotFound for 404, kPrecondition for 412,
// kTimeout, kCancelled, kInvalidArgument for other 4xx statuses, and kUnavailable for all others.
class Client {
 public:
  using IsCancelled = std::function<bool()>;  // Called about once a second.

  explicit Client(Bucket bucket);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Reads up to `bytes_max` bytes at the end of an object. One request, without knowing its size.
  Result<ObjectPart> ReadEnd(std::string_view key, uint64_t bytes_max, Deadline deadline,
                             const IsCancelled& is_cancelled = {});
  // Reads a range of an object. kPrecondition if the object no longer has this ETag (unless empty).
  Result<ObjectPart> Read(std::string_view key, uint64_t begin, uint64_t bytes,
                          const std::string& etag, Deadline deadline,
                          const IsCancelled& is_cancelled = {});

  // Lists the first key with this prefix. Only network failures are errors; the server's refusals
  // are returned as responses.
  Result<BucketAnswer> Ask(std::string_view prefix, Deadline deadline);

  // Lists objects in the order of the server: by key, except in Amazon's directory buckets. One
  // request per 1,000 objects; changes between two requests may or may not be included. kTooLarge
  // if there are more than `listing.objects_max` objects.
  Result<std::vector<ListedObject>> List(const Listing& listing, Deadline deadline,
                                         const IsCancelled& is_cancelled = {});

  // Returns nullopt if the object does not exist.
  Result<std::optional<ObjectInfo>> Stat(std::string_view key, Deadline deadline,
                                         const IsCancelled& is_cancelled = {});

  // Writes an object atomically. If a multipart upload fails, its parts are deleted if the server
  // still responds.
  Result<ObjectInfo> Write(std::string_view key, const Upload& upload, Deadline deadline,
                           const IsCancelled& is_cancelled = {});

  // Writes an object with these bytes, which are sent in one request.
  Result<ObjectInfo> WriteBytes(std::string_view key, std::string bytes, Deadline deadline,
                                const IsCancelled& is_cancelled = {});

  // Deletes an object. Succeeds if it does not exist.
  Result<> Delete(std::string_view key, Deadline deadline, const IsCancelled& is_cancelled = {});

 private:
  struct Curl;
  struct Exchange;
  struct Request;
  struct Answer;
  Result<Answer> Send(const Request& request, Deadline deadline, const IsCancelled& is_cancelled);
  // Retries requests that fail with kUnavailable.
  Result<Answer> SendWithRetries(const Request& request, Deadline deadline,
                                 const IsCancelled& is_cancelled);
  Result<ObjectPart> Get(std::string_view key, const std::string& range, const std::string& etag,
                         uint64_t bytes_max, Deadline deadline, const IsCancelled& is_cancelled);
  Result<ObjectInfo> WriteParts(std::string_view key, const std::string& upload_id, int file,
                                uint64_t bytes, const Upload& upload, Deadline deadline,
                                const IsCancelled& is_cancelled);

  Bucket bucket_;
  std::unique_ptr<Curl> curl_;
};

}  // namespace tarn::s3
