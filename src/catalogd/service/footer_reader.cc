#include "catalogd/service/footer_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "s3/etag.h"

namespace tarn::catalogd {
namespace {

// The bytes of the first request. Most footers are smaller, and surplus bytes cost less than a
// second request.
constexpr uint64_t kGuessBytes = 64 * 1024;
// The length of the footer in 4 bytes, and the magic.
constexpr uint64_t kTailBytes = 8;

prometheus::Counter& FootersCounter(Metrics& metrics, const char* source) {
  return metrics.Counter("tarn_iceberg_footers_total", "Footers of Parquet objects for tables",
                         {{"source", source}});
}

Error OverwrittenError() {
  return InvalidArgument("it was overwritten since it was registered: register it again");
}

// A failure of one object is not a missing table, and a refusal by the store not a bad request.
Error StoreError(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kNotFound:
      return InvalidArgument("it does not exist in the bucket");
    case ErrorKind::kPrecondition:
      return OverwrittenError();
    case ErrorKind::kTimeout:
      return error;
    default:
      return Unavailable("the object store does not return it: " + error.message);
  }
}

Result<uint64_t> FooterBytes(const s3::ObjectPart& end, uint64_t bytes_max) {
  const std::string_view bytes = end.bytes;
  if (bytes.size() < kTailBytes) return InvalidArgument("it is not a Parquet file");
  const std::string_view tail = bytes.substr(bytes.size() - kTailBytes);
  if (tail.ends_with("PARE")) return InvalidArgument("its footer is encrypted");
  if (!tail.ends_with("PAR1")) return InvalidArgument("it is not a Parquet file");
  uint64_t length = 0;
  for (size_t i = 4; i-- > 0;) length = length << 8 | static_cast<unsigned char>(tail[i]);
  if (length + kTailBytes > end.object_bytes) return InvalidArgument("its footer is damaged");
  if (length <= bytes_max) return length;
  return Error{ErrorKind::kTooLarge, fmt::format("its footer has {} bytes, more than {} "
                                                 "(iceberg.footer_bytes_max)",
                                                 length, bytes_max)};
}

uint64_t MemoryOf(const parquet::FooterStatistics& statistics) {
  uint64_t bytes = sizeof(statistics) +
                   statistics.columns.capacity() * sizeof(parquet::ColumnStatistics) +
                   statistics.schema.capacity() * sizeof(parquet::SchemaElement);
  for (const parquet::SchemaElement& element : statistics.schema) {
    bytes += element.name.capacity();
  }
  return bytes;
}

std::string CacheKey(const catalog::ObjectRef& object) {
  return object.key + '\0' + object.etag.value_or("");
}

}  // namespace

FooterReader::FooterReader(const IcebergOptions& options, const std::atomic<bool>& stopping,
                           Metrics& metrics)
    : clients_(options.data),
      footer_bytes_max_(static_cast<uint64_t>(options.settings.footer_bytes_max)),
      stopping_(stopping),
      cache_(options.settings.footer_cache_bytes),
      read_(FootersCounter(metrics, "store")),
      cached_(FootersCounter(metrics, "cache")),
      failed_(FootersCounter(metrics, "failed")) {}

std::shared_ptr<const ObjectFooter> FooterReader::FindCached(const catalog::ObjectRef& object) {
  std::shared_ptr<const ObjectFooter> footer = cache_.Find(CacheKey(object));
  if (footer) cached_.Increment();
  return footer;
}

Result<std::shared_ptr<const ObjectFooter>> FooterReader::Read(const catalog::ObjectRef& object,
                                                               Deadline deadline) {
  Result<ObjectFooter> fetched = Fetch(object, deadline);
  if (!fetched.ok()) {
    failed_.Increment();
    return fetched.error().Wrap(fmt::format("object \"{}\"", object.key));
  }
  read_.Increment();
  auto footer = std::make_shared<const ObjectFooter>(std::move(*fetched));
  cache_.Put(CacheKey(object), footer, footer->memory_bytes);
  return footer;
}

Result<ObjectFooter> FooterReader::Fetch(const catalog::ObjectRef& object, Deadline deadline) {
  if (!object.etag || object.etag->empty()) {
    return InvalidArgument(
        "it is registered without its ETag, so an overwrite would go unnoticed: register it with "
        "the ETag");
  }
  const auto is_cancelled = [this] { return stopping_.load(); };
  s3::ObjectPart end;
  std::string rest;
  const auto fetch = [&](s3::Client& client) -> Result<std::string_view> {
    Result<s3::ObjectPart> read = client.ReadEnd(object.key, kGuessBytes, deadline, is_cancelled);
    if (!read.ok()) return StoreError(read.error());
    end = std::move(*read);
    if (!s3::IsSameEtag(end.etag, *object.etag)) return OverwrittenError();
    TARN_TRY(const uint64_t length, FooterBytes(end, footer_bytes_max_));
    if (length + kTailBytes <= end.bytes.size()) {
      return std::string_view(end.bytes).substr(end.bytes.size() - kTailBytes - length, length);
    }
    Result<s3::ObjectPart> whole = client.Read(object.key, end.object_bytes - kTailBytes - length,
                                               length, end.etag, deadline, is_cancelled);
    if (!whole.ok()) return StoreError(whole.error());
    rest = std::move(whole->bytes);
    if (rest.size() != length) return Unavailable("the object store sent only a part of it");
    return std::string_view(rest);
  };
  TARN_TRY(const std::string_view bytes, clients_.Use(fetch));
  if (object.size_bytes && *object.size_bytes != static_cast<int64_t>(end.object_bytes)) {
    return InvalidArgument(
        fmt::format("it has {} bytes, but is registered with {}: register it "
                    "again",
                    end.object_bytes, *object.size_bytes));
  }
  ObjectFooter footer{.object_bytes = end.object_bytes};
  TARN_TRY(footer.statistics, parquet::ReadFooterStatistics(bytes));
  footer.memory_bytes = MemoryOf(footer.statistics);
  return footer;
}

}  // namespace tarn::catalogd
