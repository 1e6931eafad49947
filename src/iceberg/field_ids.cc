#include "iceberg/field_ids.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/bounded_json.h"
#include "base/json_text.h"

namespace tarn::iceberg {
namespace {

Error FieldIdsError(std::string_view detail) {
  return InvalidArgument(fmt::format("the field ids are damaged: {}", detail));
}

// Returns an id of at most `id_max`; nullopt if the value is not one.
std::optional<int32_t> ReadId(const nlohmann::json& value, int64_t id_max) {
  if (!value.is_number_integer()) return std::nullopt;
  // A number above int64 is unsigned, and negative here.
  const auto id = value.get<int64_t>();
  if (id < 1 || id > id_max) return std::nullopt;
  return static_cast<int32_t>(id);
}

}  // namespace

Result<int32_t> FieldIds::Assign(const std::string& path) {
  if (const auto found = ids_.find(path); found != ids_.end()) return found->second;
  if (ids_.size() >= kPathsMax) {
    return Error{ErrorKind::kTooLarge,
                 fmt::format("the dataset has had more than {} columns and fields, which is the "
                             "limit for Iceberg",
                             kPathsMax)};
  }
  ids_[path] = ++last_id_;
  return last_id_;
}

std::string FieldIds::ToJson() const {
  std::string json = "{\"ids\":{";
  for (const auto& [path, id] : ids_) {
    if (json.back() != '{') json += ',';
    AppendJsonText(json, path);
    json += fmt::format(":{}", id);
  }
  return json + fmt::format("}},\"last-id\":{}}}", last_id_);
}

Result<FieldIds> FieldIds::FromJson(std::string_view json) {
  TARN_TRY(const nlohmann::json root, ParseBoundedJson(json));
  if (!root.is_object()) return FieldIdsError("not an object");
  const auto last = root.find("last-id");
  const auto ids = root.find("ids");
  if (last == root.end() || ids == root.end() || !ids->is_object() || ids->size() > kPathsMax) {
    return FieldIdsError("no \"ids\" or no \"last-id\"");
  }
  FieldIds read;
  if (ids->empty() && *last == 0) return read;
  const std::optional<int32_t> last_id = ReadId(*last, kPathsMax);
  if (!last_id) return FieldIdsError("\"last-id\" is not an id");
  read.last_id_ = *last_id;
  std::set<int32_t> used;
  for (const auto& [path, value] : ids->items()) {
    const std::optional<int32_t> id = ReadId(value, *last_id);
    if (!id || !used.insert(*id).second) return FieldIdsError("an id is repeated or out of range");
    read.ids_[path] = *id;
  }
  return read;
}

}  // namespace tarn::iceberg
