#include "cli/up/bucket_catalog.h"

#include <fmt/format.h>

#include "cli/commands/object_grouping.h"

namespace tarn::cli {
namespace {

// The limit of a list. More objects would take minutes and cost real money.
constexpr uint64_t kObjectsMax = 1'000'000;

}  // namespace

Result<> BucketCatalog::Connect() {
  const Result<s3::Bucket> bucket = open_();
  if (!bucket.ok()) return client_ ? Result<>() : bucket.error();
  if (client_ && credentials_ == bucket->credentials) return {};
  client_.emplace(*bucket);
  credentials_ = bucket->credentials;
  return {};
}

Result<std::vector<catalog::ObjectRef>> BucketCatalog::ListObjects(Deadline deadline,
                                                                   const std::stop_token& stop) {
  TARN_CHECK_OK(Connect());
  const auto keep = [this](const s3::ListedObject& object) {
    return IsOfDataset(std::string_view(object.key).substr(prefix().size()));
  };
  Result<std::vector<s3::ListedObject>> listed =
      client_->List({.prefix = prefix(), .objects_max = kObjectsMax, .keep = keep}, deadline,
                    [&stop] { return stop.stop_requested(); });
  if (!listed.ok()) {
    Error error = listed.error().Wrap("cannot list the bucket");
    if (error.kind == ErrorKind::kTooLarge) {
      error.message += "; use a prefix, or register datasets with catalogd";
    }
    return error;
  }
  std::vector<catalog::ObjectRef> objects;
  objects.reserve(listed->size());
  for (s3::ListedObject& object : *listed) {
    catalog::ObjectRef ref{.key = std::move(object.key)};
    ref.size_bytes = static_cast<int64_t>(object.bytes);
    if (!object.etag.empty()) ref.etag = std::move(object.etag);
    objects.push_back(std::move(ref));
  }
  return objects;
}

}  // namespace tarn::cli
