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

struct ObjectInfo {
  uint64_t bytes = 0;
  std::string etag;  // As the server writes it, quotes included; may be empty.
};

// What a server says of a bucket, in its own words.
struct BucketAnswer {
  int status = 0;
  std::string code;     // "SignatureDoesNotMatch"; empty where all is well.
  std::string message;  // For people.
  std::string region;   // Where the bucket is, if the server says so.
  std::string date;     // The server's clock, as in HTTP; may be empty.
};

// Bytes of a file that becomes an object.
struct Upload {
  std::string path;
  uint64_t part_bytes =
      64 * 1024 * 1024;  // A larger file goes in parts. S3 takes no less than 5 MiB.
  std::function<void(uint64_t bytes)> on_sent;  // So many more are there; null: nobody asks.
};

// Which objects are listed.
struct Listing {
  std::string prefix;  // What their keys begin with.
  // The most that are looked at, those that are not kept among them.
  uint64_t objects_max = 1'000'000;
  std::function<bool(const ListedObject&)> keep;  // Null: all.
};

// Requests to the objects of one bucket, one after the other, on a connection that is kept between
// them. No redirection is followed; nothing is tried again but parts of uploads, pages of lists,
// and deletions. Blocks; not thread-safe.
//
// Errors say which status or what of the network it was: kNotFound for 404, kPrecondition for 412,
// kTimeout and kCancelled, kInvalidArgument for other refusals, kUnavailable for all else.
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

  // Asks for the first key with this prefix. An error is one of the network; refusals are answers.
  Result<BucketAnswer> Ask(std::string_view prefix, Deadline deadline);

  // In the order of the server: that of their keys, but for Amazon's directory buckets. A request
  // for each 1,000 objects; what changes between two of them may be there or not. kTooLarge where
  // there are more than may be looked at.
  Result<std::vector<ListedObject>> List(const Listing& listing, Deadline deadline,
                                         const IsCancelled& is_cancelled = {});

  // None where there is no such object.
  Result<std::optional<ObjectInfo>> Stat(std::string_view key, Deadline deadline,
                                         const IsCancelled& is_cancelled = {});

  // Writes an object. Others see it whole or not at all; what was sent of one that does not come to
  // its end is taken back, where the store still answers.
  Result<ObjectInfo> Write(std::string_view key, const Upload& upload, Deadline deadline,
                           const IsCancelled& is_cancelled = {});

  // One that is not there is deleted already.
  Result<> Delete(std::string_view key, Deadline deadline, const IsCancelled& is_cancelled = {});

 private:
  struct Curl;
  struct Exchange;
  struct Request;
  struct Answer;
  Result<Answer> Send(const Request& request, Deadline deadline, const IsCancelled& is_cancelled);
  // Tries again what the server or the network did not take.
  Result<Answer> SendStubbornly(const Request& request, Deadline deadline,
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
