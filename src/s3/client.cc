#include "s3/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "s3/signature.h"

namespace tarn::s3 {
namespace {

constexpr long kConnectMs = 10'000;
// What a refusal says is of interest to people, and short.
constexpr size_t kErrorBytesMax = 4096;

struct Place {
  std::string scheme;
  std::string host;  // With the port, where it has one.
  std::string path;  // Encoded.
};

Place PlaceOf(const protocol::ObjectStore& store, std::string_view key) {
  constexpr std::string_view kScheme = "s3://";
  std::string bucket = store.root.substr(kScheme.size());
  while (bucket.ends_with('/')) bucket.pop_back();
  const std::string host =
      !store.host.empty()
          ? store.host
          : fmt::format("s3.{}.amazonaws.com", store.region.empty() ? "us-east-1" : store.region);
  Place place{.scheme = store.use_ssl ? "https" : "http", .host = host, .path = "/"};
  if (store.use_path_style) {
    place.path += EncodePath(bucket) + "/";
  } else {
    place.host = bucket + "." + host;
  }
  place.path += EncodePath(key);
  return place;
}

// "bytes 0-9/443", RFC 9110, 14.4.
bool ParseContentRange(std::string_view text, ObjectPart& part) {
  if (!text.starts_with("bytes ")) return false;
  text.remove_prefix(6);
  const size_t slash = text.find('/');
  const auto number = [](std::string_view digits, uint64_t& value) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc();
  };
  return slash != std::string_view::npos && number(text, part.begin) &&
         number(text.substr(slash + 1), part.object_bytes);
}

// The text of <Code> in what S3 says of an error: "NoSuchKey".
std::string CodeOf(const std::string& body) {
  const size_t begin = body.find("<Code>");
  const size_t end = body.find("</Code>");
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "";
  return body.substr(begin + 6, end - begin - 6);
}

Error ErrorOf(long status, const std::string& body) {
  ErrorKind kind = ErrorKind::kUnavailable;
  if (status == 404) kind = ErrorKind::kNotFound;
  if (status == 412) kind = ErrorKind::kPrecondition;
  const std::string code = CodeOf(body);
  return {kind,
          fmt::format("the object store answers {}{}{}", status, code.empty() ? "" : " ", code)};
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

struct Client::Transfer {
  ObjectPart part;
  bool has_range = false;
  size_t bytes_max = 0;
  bool is_too_large = false;
  const IsCancelled* is_cancelled = nullptr;

  static size_t OnBody(const char* data, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.part.bytes.size() + size > transfer.bytes_max) {
      transfer.is_too_large = true;
      return 0;
    }
    transfer.part.bytes.append(data, size);
    return size;
  }
  static size_t OnHeader(const char* data, size_t, size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view line(data, size);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = Trim(line.substr(colon + 1));
    if (EqualsIgnoreCase(name, "etag")) transfer.part.etag = value;
    if (EqualsIgnoreCase(name, "content-range")) {
      transfer.has_range = ParseContentRange(value, transfer.part);
    }
    return size;
  }
  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& transfer = *static_cast<Transfer*>(self);
    return *transfer.is_cancelled && (*transfer.is_cancelled)() ? 1 : 0;
  }
};

Client::Client(Bucket bucket) : bucket_(std::move(bucket)), curl_(std::make_unique<Curl>()) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<ObjectPart> Client::ReadEnd(std::string_view key, uint64_t bytes_max, Deadline deadline,
                                   const IsCancelled& is_cancelled) {
  return Get(key, fmt::format("bytes=-{}", bytes_max), "", bytes_max, deadline, is_cancelled);
}

Result<ObjectPart> Client::Read(std::string_view key, uint64_t begin, uint64_t bytes,
                                const std::string& etag, Deadline deadline,
                                const IsCancelled& is_cancelled) {
  TARN_TRY(ObjectPart part, Get(key, fmt::format("bytes={}-{}", begin, begin + bytes - 1), etag,
                                bytes, deadline, is_cancelled));
  if (part.begin != begin) return Unavailable("the object store answers with other bytes");
  return part;
}

Result<ObjectPart> Client::Get(std::string_view key, const std::string& range,
                               const std::string& etag, uint64_t bytes_max, Deadline deadline,
                               const IsCancelled& is_cancelled) {
  CURL* curl = curl_->handle;
  if (curl == nullptr) return Internal("libcurl does not start");
  const Place place = PlaceOf(bucket_.store, key);
  UnsignedRequest request{.path = place.path};
  request.headers = {{"host", place.host}, {"range", range}};
  if (!etag.empty()) request.headers["if-match"] = etag;

  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  std::unique_ptr<curl_slist, FreeList> headers;
  for (const auto& [name, value] :
       Sign(request, bucket_.credentials, bucket_.store.region, NowMicros())) {
    curl_slist* longer =
        curl_slist_append(headers.get(), fmt::format("{}: {}", name, value).c_str());
    if (longer == nullptr) return Internal("out of memory");
    headers.release();
    headers.reset(longer);
  }

  Transfer transfer;
  transfer.bytes_max = std::max<size_t>(bytes_max, kErrorBytesMax);
  transfer.is_cancelled = &is_cancelled;
  const std::string url = place.scheme + "://" + place.host + place.path;
  // Keeps the connection.
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  // The path as it was signed: without, "a/../b" would be folded.
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  if (!deadline.IsNever()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.Remaining()).count();
    // 0 would be without end.
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, std::max<long>(left, 1));
  }
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, bucket_.tls_verify ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, bucket_.tls_verify ? 2L : 0L);
  if (!bucket_.tls_ca_path.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, bucket_.tls_ca_path.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::OnProgress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);

  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_ABORTED_BY_CALLBACK) return Error{ErrorKind::kCancelled, "cancelled"};
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error{ErrorKind::kTimeout, "the object store does not answer in time"};
  }
  if (transfer.is_too_large) return Unavailable("the object store sends more than was asked for");
  if (code != CURLE_OK) {
    return Unavailable(
        fmt::format("{}://{}: {}", place.scheme, place.host, curl_easy_strerror(code)));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200 && transfer.part.bytes.size() <= bytes_max) {
    // All of an object, by a server that knows no ranges or gives small objects whole.
    transfer.part.begin = 0;
    transfer.part.object_bytes = transfer.part.bytes.size();
    return std::move(transfer.part);
  }
  if (status != 206) return ErrorOf(status, transfer.part.bytes);
  if (!transfer.has_range ||
      transfer.part.begin + transfer.part.bytes.size() > transfer.part.object_bytes) {
    return Unavailable("the object store does not say which bytes it sends");
  }
  return std::move(transfer.part);
}

}  // namespace tarn::s3
