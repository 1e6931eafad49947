#include "engine/views/object_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/deadline.h"
#include "duck/database.h"
#include "s3/etag.h"

namespace tarn::engine {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(5);

}  // namespace

ObjectCheck::ObjectCheck(const protocol::Setup& setup)
    : store_(setup.store),
      client_({.store = setup.store,
               .credentials = setup.credentials,
               .tls_verify = setup.tls_verify,
               .tls_ca_path = setup.tls_ca_path}) {}

bool ObjectCheck::IsNeeded(const Error& error) {
  return error.message.find("(HTTP 416") != std::string::npos ||
         error.message.find("Prefetch registered for bytes outside file") != std::string::npos;
}

// DuckDB's prefix for exceptions of its libraries, such as Thrift and the decompressors.
bool ObjectCheck::IsOfDecoding(const Error& error) {
  return error.message.starts_with("Invalid Error: ");
}

bool ObjectCheck::IsAnyOverwritten(const std::vector<KnownObject>& objects,
                                   std::chrono::system_clock::time_point since) {
  return std::any_of(objects.begin(), objects.end(), [&](const KnownObject& object) {
    return IsOverwritten(object, since).value_or(false);
  });
}

std::optional<bool> ObjectCheck::IsOverwritten(const KnownObject& object,
                                               std::chrono::system_clock::time_point since) {
  if (store_.is_folder) {
    std::error_code code;
    const auto changed = std::filesystem::last_write_time(store_.root + object.key, code);
    if (code) return true;
    return std::chrono::file_clock::to_sys(changed) >= since;
  }
  if (object.etag.empty()) return std::nullopt;
  const MutexLock lock(mutex_);
  const auto now = client_.Stat(object.key, Deadline::After(kAnswerTime));
  if (!now.ok() || (*now && (*now)->etag.empty())) return std::nullopt;
  return !*now || !s3::IsSameEtag((*now)->etag, object.etag);
}

Error ObjectCheck::Explain(const KnownObject& object, std::chrono::system_clock::time_point since) {
  if (IsOverwritten(object, since).value_or(true)) return duck::ChangedObjectError();
  return InvalidArgument(fmt::format(
      "object \"{}\" is damaged: its footer names data that is not in it; write it again",
      object.key));
}

}  // namespace tarn::engine
