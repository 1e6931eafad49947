#include "s3/client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "base/text.h"
#include "base/time.h"
#include "s3/content_range.h"
#include "s3/signature.h"
#include "s3/xml.h"

namespace tarn::s3 {
namespace {

constexpr long kConnectMs = 10'000;
// A transfer below one byte per second for this time fails.
constexpr long kStalledSeconds = 60;
// The limit for an error response.
constexpr uint64_t kErrorBytesMax = 4096;
// Limits of S3: the parts of an object, and the objects of a page.
constexpr uint64_t kPartsMax = 10'000;
constexpr const char* kPageObjects = "1000";
// Enough for 1,000 percent-encoded keys of 1,024 bytes with their properties.
constexpr uint64_t kPageBytesMax = 8 * 1024 * 1024;

constexpr int kTries = 4;
constexpr auto kFirstPause = std::chrono::milliseconds(500);

struct Target {
  std::string scheme;
  std::string host;  // Includes the port, if any.
  std::string path;  // Percent-encoded.
};

Target TargetOf(const protocol::ObjectStore& store, std::string_view key) {
  constexpr std::string_view kScheme = "s3://";
  std::string bucket = store.root.substr(kScheme.size());
  while (bucket.ends_with('/')) bucket.pop_back();
  const std::string host =
      !store.host.empty()
          ? store.host
          : fmt::format("s3.{}.amazonaws.com", store.region.empty() ? "us-east-1" : store.region);
  Target target{.scheme = store.use_ssl ? "https" : "http", .host = host, .path = "/"};
  if (store.use_path_style) {
    target.path += EncodePath(bucket) + "/";
  } else {
    target.host = bucket + "." + host;
  }
  target.path += EncodePath(key);
  return target;
}

Error StatusError(long status, const std::string& body) {
  ErrorKind kind = ErrorKind::kUnavailable;
  if (status >= 400 && status < 500 && status != 429) kind = ErrorKind::kInvalidArgument;
  if (status == 404) kind = ErrorKind::kNotFound;
  if (status == 412) kind = ErrorKind::kPrecondition;
  const std::string code = XmlElement(body, "Code");
  return {kind,
          fmt::format("the object store answers {}{}{}", status, code.empty() ? "" : " ", code)};
}

// A part of a file as a request body that can be sent more than once.
struct FilePart {
  int file = -1;
  uint64_t begin = 0;
  uint64_t bytes = 0;
};

Result<std::string> ReadPart(const FilePart& part) {
  std::string bytes(part.bytes, '\0');
  uint64_t done = 0;
  while (done < part.bytes) {
    const ssize_t count = pread(part.file, bytes.data() + done, part.bytes - done,
                                static_cast<off_t>(part.begin + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return Unavailable(count == 0 ? "the file was truncated during the upload"
                                    : fmt::format("cannot read: {}", std::strerror(errno)));
    }
    done += static_cast<uint64_t>(count);
  }
  return bytes;
}

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

// Waits between two tries. Returns false if cancelled or past the deadline.
bool Pause(std::chrono::milliseconds pause, Deadline deadline,
           const Client::IsCancelled& is_cancelled) {
  const Deadline end = Deadline::After(pause);
  while (!end.Passed()) {
    if (deadline.Passed() || (is_cancelled && is_cancelled())) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

struct Client::Curl {
  CURL* handle = nullptr;

  Curl() {
    static const CURLcode kInitialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (kInitialized == CURLE_OK) handle = curl_easy_init();
  }
  ~Curl() { curl_easy_cleanup(handle); }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;
};

struct Client::Request {
  std::string method = "GET";
  std::string_view key;
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;
  std::string body;               // For PUT and POST.
  uint64_t answer_bytes_max = 0;  // Error responses have their own limit.
};

struct Client::Answer {
  long status = 0;
  std::map<std::string, std::string> headers;  // Names in lower case.
  std::string body;

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// The state of one request.
struct Client::Exchange {
  std::string_view unsent;
  Answer answer;
  uint64_t answer_bytes_max = 0;
  bool is_too_large = false;
  const IsCancelled* is_cancelled = nullptr;

  static size_t OnBody(const char* data, size_t, size_t size, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.answer.body.size() + size > exchange.answer_bytes_max) {
      exchange.is_too_large = true;
      return 0;
    }
    exchange.answer.body.append(data, size);
    return size;
  }
  static size_t OnHeader(const char* data, size_t, size_t size, void* self) {
    const std::string_view line(data, size);
    const size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      static_cast<Exchange*>(self)->answer.headers[ToLowerAscii(line.substr(0, colon))] =
          Trim(line.substr(colon + 1));
    }
    return size;
  }
  static size_t OnRead(char* data, size_t, size_t size, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    const size_t count = std::min(size, exchange.unsent.size());
    exchange.unsent.copy(data, count);
    exchange.unsent.remove_prefix(count);
    return count;
  }
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& exchange = *static_cast<Exchange*>(self);
    return *exchange.is_cancelled && (*exchange.is_cancelled)() ? 1 : 0;
  }
};

Client::Client(Bucket bucket) : bucket_(std::move(bucket)), curl_(std::make_unique<Curl>()) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client::Answer> Client::Send(const Request& request, Deadline deadline,
                                    const IsCancelled& is_cancelled) {
  CURL* curl = curl_->handle;
  if (curl == nullptr) return Internal("cannot initialise libcurl");
  const Target target = TargetOf(bucket_.store, request.key);
  const bool has_body = request.method == "PUT" || request.method == "POST";
  UnsignedRequest to_sign{.method = request.method,
                          .path = target.path,
                          .query = request.query,
                          .headers = request.headers};
  to_sign.headers["host"] = target.host;
  if (has_body) to_sign.payload_sha256 = Sha256Hex(request.body);

  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  std::unique_ptr<curl_slist, FreeList> headers;
  const auto add = [&headers](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) return false;
    headers.release();
    headers.reset(longer);
    return true;
  };
  for (const auto& [name, value] :
       Sign(to_sign, bucket_.credentials, bucket_.store.region, NowMicros())) {
    if (!add(fmt::format("{}: {}", name, value))) return Internal("out of memory");
  }
  // Suppresses headers that curl adds: a content type and "Expect: 100-continue".
  if (has_body && !(add("Content-Type:") && add("Expect:"))) return Internal("out of memory");

  Exchange exchange;
  exchange.unsent = request.body;
  exchange.answer_bytes_max = std::max(request.answer_bytes_max, kErrorBytesMax);
  exchange.is_cancelled = &is_cancelled;
  std::string url = target.scheme + "://" + target.host + target.path;
  if (!request.query.empty()) url += "?" + EncodeQuery(request.query);
  // Keeps the connection open.
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  // Sends the path as signed; curl would normalise "a/../b".
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  if (request.method == "HEAD") {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (has_body) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &Exchange::OnRead);
    curl_easy_setopt(curl, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
  if (!deadline.IsNever()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.Remaining()).count();
    // 0 would mean no timeout.
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, std::max<long>(left, 1));
  }
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, bucket_.tls_verify ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, bucket_.tls_verify ? 2L : 0L);
  if (!bucket_.tls_ca_path.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, bucket_.tls_ca_path.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Exchange::OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Exchange::OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Exchange::OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);

  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_ABORTED_BY_CALLBACK) return Error{ErrorKind::kCancelled, "cancelled"};
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error{ErrorKind::kTimeout, "the object store does not answer in time"};
  }
  if (exchange.is_too_large) return Unavailable("the object store sent more than requested");
  if (code != CURLE_OK) {
    return Unavailable(
        fmt::format("{}://{}: {}", target.scheme, target.host, curl_easy_strerror(code)));
  }
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  return std::move(exchange.answer);
}

Result<ObjectPart> Client::Get(std::string_view key, const std::string& range,
                               const std::string& etag, uint64_t bytes_max, Deadline deadline,
                               const IsCancelled& is_cancelled) {
  Request request{.key = key, .headers = {{"range", range}}, .answer_bytes_max = bytes_max};
  if (!etag.empty()) request.headers["if-match"] = etag;
  TARN_TRY(Answer answer, Send(request, deadline, is_cancelled));
  ObjectPart part{.bytes = std::move(answer.body), .etag = answer.Header("etag")};
  if (answer.status == 200 && part.bytes.size() <= bytes_max) {
    // The whole object: the server ignores ranges, or sends small objects whole.
    part.object_bytes = part.bytes.size();
    return part;
  }
  if (answer.status != 206) return StatusError(answer.status, part.bytes);
  const auto range_sent = ParseContentRange(answer.Header("content-range"));
  if (!range_sent || range_sent->bytes != part.bytes.size()) {
    return Unavailable("the object store sent no valid Content-Range");
  }
  part.begin = range_sent->begin;
  part.object_bytes = range_sent->object_bytes;
  return part;
}

Result<ObjectPart> Client::ReadEnd(std::string_view key, uint64_t bytes_max, Deadline deadline,
                                   const IsCancelled& is_cancelled) {
  return Get(key, fmt::format("bytes=-{}", bytes_max), "", bytes_max, deadline, is_cancelled);
}

Result<ObjectPart> Client::Read(std::string_view key, uint64_t begin, uint64_t bytes,
                                const std::string& etag, Deadline deadline,
                                const IsCancelled& is_cancelled) {
  TARN_TRY(ObjectPart part, Get(key, fmt::format("bytes={}-{}", begin, begin + bytes - 1), etag,
                                bytes, deadline, is_cancelled));
  if (part.begin != begin) return Unavailable("the object store sent a different range");
  return part;
}

Result<BucketAnswer> Client::Ask(std::string_view prefix, Deadline deadline) {
  Request request{.query = {{"list-type", "2"}, {"max-keys", "1"}},
                  .answer_bytes_max = 1024 * 1024};
  if (!prefix.empty()) request.query["prefix"] = prefix;
  TARN_TRY(const Answer answer, Send(request, deadline, {}));
  BucketAnswer said{.status = static_cast<int>(answer.status),
                    .code = XmlElement(answer.body, "Code"),
                    .message = XmlElement(answer.body, "Message"),
                    .region = answer.Header("x-amz-bucket-region"),
                    .date = answer.Header("date")};
  if (said.region.empty()) said.region = XmlElement(answer.body, "Region");
  return said;
}

Result<std::optional<ObjectInfo>> Client::Stat(std::string_view key, Deadline deadline,
                                               const IsCancelled& is_cancelled) {
  TARN_TRY(const Answer answer, Send({.method = "HEAD", .key = key}, deadline, is_cancelled));
  if (answer.status == 404) return std::optional<ObjectInfo>();
  if (answer.status != 200) return StatusError(answer.status, answer.body);
  ObjectInfo info{.etag = answer.Header("etag")};
  const std::string length = answer.Header("content-length");
  std::from_chars(length.data(), length.data() + length.size(), info.bytes);
  return std::optional<ObjectInfo>(info);
}

Result<std::vector<ListedObject>> Client::List(const Listing& listing, Deadline deadline,
                                               const IsCancelled& is_cancelled) {
  std::vector<ListedObject> objects;
  std::string token;
  for (uint64_t seen = 0;;) {
    Request request{.query = {{"list-type", "2"},
                              {"encoding-type", "url"},
                              {"max-keys", kPageObjects},
                              {"prefix", listing.prefix}},
                    .answer_bytes_max = kPageBytesMax};
    if (!token.empty()) request.query["continuation-token"] = token;
    TARN_TRY(const Answer answer, SendWithRetries(request, deadline, is_cancelled));
    TARN_TRY(ListingPage page, ParseListing(answer.body));
    // An empty page counts as one object, so that the loop always ends.
    seen += std::max<uint64_t>(page.objects.size(), 1);
    if (seen > listing.objects_max) {
      return Error{ErrorKind::kTooLarge, fmt::format("more than {} objects", listing.objects_max)};
    }
    for (ListedObject& object : page.objects) {
      if (!object.key.starts_with(listing.prefix)) {
        return Unavailable("the object store lists a key outside the requested prefix");
      }
      if (!listing.keep || listing.keep(object)) objects.push_back(std::move(object));
    }
    if (page.next.empty()) return objects;
    token = std::move(page.next);
  }
}

Result<> Client::Delete(std::string_view key, Deadline deadline, const IsCancelled& is_cancelled) {
  const auto answer = SendWithRetries({.method = "DELETE", .key = key}, deadline, is_cancelled);
  if (!answer.ok() && answer.error().kind != ErrorKind::kNotFound) return answer.error();
  return {};
}

Result<Client::Answer> Client::SendWithRetries(const Request& request, Deadline deadline,
                                               const IsCancelled& is_cancelled) {
  auto pause = kFirstPause;
  for (int tried = 1;; ++tried) {
    Result<Answer> answer = Send(request, deadline, is_cancelled);
    Error error = Unavailable("");
    if (answer.ok()) {
      if (answer->status >= 200 && answer->status < 300) return answer;
      error = StatusError(answer->status, answer->body);
    } else {
      error = answer.error();
    }
    if (error.kind != ErrorKind::kUnavailable || tried == kTries) return error;
    if (!Pause(pause, deadline, is_cancelled)) return error;
    pause *= 2;
  }
}

Result<ObjectInfo> Client::WriteBytes(std::string_view key, std::string bytes, Deadline deadline,
                                      const IsCancelled& is_cancelled) {
  const uint64_t size = bytes.size();
  TARN_TRY(const Answer answer,
           SendWithRetries({.method = "PUT", .key = key, .body = std::move(bytes)}, deadline,
                           is_cancelled));
  return ObjectInfo{.bytes = size, .etag = answer.Header("etag")};
}

Result<ObjectInfo> Client::Write(std::string_view key, const Upload& upload, Deadline deadline,
                                 const IsCancelled& is_cancelled) {
  const OpenFile file(upload.path);
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) {
    return InvalidArgument(fmt::format("cannot read {}: {}", upload.path, std::strerror(errno)));
  }
  const auto bytes = static_cast<uint64_t>(status.st_size);
  if (bytes <= upload.part_bytes) {
    TARN_TRY(std::string body, ReadPart({.file = file.get(), .bytes = bytes}));
    TARN_TRY(ObjectInfo info, WriteBytes(key, std::move(body), deadline, is_cancelled));
    if (upload.on_sent) upload.on_sent(bytes);
    return info;
  }
  TARN_TRY(const Answer begun,
           SendWithRetries({.method = "POST", .key = key, .query = {{"uploads", ""}}}, deadline,
                           is_cancelled));
  const std::string id = XmlElement(begun.body, "UploadId");
  if (id.empty()) return Unavailable("the object store sent no id for a multipart upload");
  Result<ObjectInfo> info = WriteParts(key, id, file.get(), bytes, upload, deadline, is_cancelled);
  if (!info.ok()) {
    // Unfinished parts would be stored and billed.
    const Result<Answer> aborted =
        Send({.method = "DELETE", .key = key, .query = {{"uploadId", id}}},
             Deadline::After(std::chrono::seconds(10)), {});
    if (!aborted.ok()) info = info.error().Wrap("parts of the object are left in the bucket");
  }
  return info;
}

Result<ObjectInfo> Client::WriteParts(std::string_view key, const std::string& upload_id, int file,
                                      uint64_t bytes, const Upload& upload, Deadline deadline,
                                      const IsCancelled& is_cancelled) {
  const uint64_t part_bytes = std::max(upload.part_bytes, (bytes + kPartsMax - 1) / kPartsMax);
  std::string parts;
  uint64_t number = 0;
  for (uint64_t begin = 0; begin < bytes; begin += part_bytes) {
    const FilePart part{.file = file, .begin = begin, .bytes = std::min(part_bytes, bytes - begin)};
    TARN_TRY(std::string body, ReadPart(part));
    TARN_TRY(const Answer answer,
             SendWithRetries(
                 {.method = "PUT",
                  .key = key,
                  .query = {{"partNumber", std::to_string(++number)}, {"uploadId", upload_id}},
                  .body = std::move(body)},
                 deadline, is_cancelled));
    parts += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number,
                         answer.Header("etag"));
    if (upload.on_sent) upload.on_sent(part.bytes);
  }
  TARN_TRY(const Answer done, SendWithRetries({.method = "POST",
                                               .key = key,
                                               .query = {{"uploadId", upload_id}},
                                               .body = "<CompleteMultipartUpload>" + parts +
                                                       "</CompleteMultipartUpload>",
                                               .answer_bytes_max = 1024 * 1024},
                                              deadline, is_cancelled));
  // S3 sends the status 200 before the upload is complete.
  const std::string etag = XmlElement(done.body, "ETag");
  if (etag.empty()) return StatusError(done.status, done.body);
  return ObjectInfo{.bytes = bytes, .etag = etag};
}

}  // namespace tarn::s3
