#include "catalogd/service/datasets.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"

namespace tarn::catalogd {

namespace asio = boost::asio;

namespace {

// A dataset outside of the scope of the caller is reported as missing.
Result<> CheckReadAccess(const Caller& caller, const std::string& name) {
  TARN_CHECK_OK(catalog::ValidateName(name));
  if (!caller.identity.datasets.Allows(name)) return NoSuchDatasetError(name);
  return {};
}

Result<> CheckWriteAccess(const Caller& caller, const std::string& name) {
  TARN_CHECK_OK(catalog::ValidateName(name));
  if (caller.identity.datasets.Allows(name)) return {};
  return Error{ErrorKind::kForbidden, "this token may not change a dataset of that name"};
}

DatasetJson ToDatasetJson(const Record& record) { return {TagOf(record.manifest), record.Json()}; }

ChangedDataset ToChangedDataset(const Store::PutResult& put) {
  if (put.outcome == Store::PutOutcome::kIsLarge) return {.outcome = put.outcome};
  return {put.outcome, put.record.manifest.version, ToDatasetJson(put.record)};
}

Store::ChangeOptions OptionsOf(const Caller& caller, const Store::Condition& condition) {
  return {.condition = condition,
          .keys = caller.identity.Keys(),
          .changed_by = caller.identity.name,
          .is_tenant = !caller.identity.datasets.is_all(),
          .reserve = caller.reserve};
}

Result<catalog::DatasetContent> ParseManifest(const Service& service, std::string_view body) {
  const auto values_max = static_cast<size_t>(service.settings.json_values_max);
  Result<catalog::DatasetContent> content = catalog::ParseDatasetContent(body, values_max);
  if (content.ok() || content.error().kind != ErrorKind::kTooLarge) return content;
  return Error{
      ErrorKind::kTooLarge,
      fmt::format("manifest too large: {} (catalogd.json_values_max)", content.error().message)};
}

void LogChange(const Caller& caller, const std::string& name, std::string_view change,
               const ChangedDataset& changed) {
  if (changed.outcome == Store::PutOutcome::kUnchanged) return;
  log::WriteForClient(caller.identity.name, log::Level::kInfo, "dataset changed",
                      {{"query_id", caller.request_id},
                       {"name", name},
                       {"change", change},
                       {"version", changed.version}});
}

std::string FormatHistory(const std::string& name, const Store::HistoryPage& page) {
  std::string json = fmt::format(R"({{"name":{},"versions":[)", catalog::JsonText(name));
  for (size_t i = 0; i < page.entries.size(); ++i) {
    const HistoryEntry& entry = page.entries[i];
    json += fmt::format(
        R"({}{{"dataset_id":{},"version":{},"revision":{},"updated_at":"{}","deleted":{})",
        i == 0 ? "" : ",", catalog::JsonText(entry.dataset_id), entry.version, entry.revision,
        FormatRfc3339(entry.updated_at), !entry.content);
    json += entry.content ? ",\"content\":" + *entry.content + "}" : "}";
  }
  json += ']';
  if (page.has_more) json += fmt::format(R"(,"next_before":{})", page.entries.back().revision);
  return json + "}";
}

}  // namespace

asio::awaitable<Result<DatasetJson>> GetDataset(
    Service& service, const Caller& caller, const std::string& name,
    const std::function<bool(const std::string& tag)>& is_known) {
  if (const Result<> access = CheckReadAccess(caller, name); !access.ok()) co_return access.error();
  const auto read = [&]() -> Result<DatasetJson> {
    if (is_known) {
      TARN_TRY(const catalog::Manifest manifest, service.store.Find(name));
      if (is_known(TagOf(manifest))) return DatasetJson{.tag = TagOf(manifest)};
    }
    TARN_TRY(const Record record, service.store.Get(name, caller.reserve));
    return ToDatasetJson(record);
  };
  co_return co_await service.readers.Run(caller.identity.name, read);
}

asio::awaitable<Result<ChangedDataset>> PutDataset(Service& service, const Caller& caller,
                                                   const std::string& name,
                                                   const PutRequest& request) {
  if (const Result<> access = CheckWriteAccess(caller, name); !access.ok()) {
    co_return access.error();
  }
  Store::PutOptions options{.change = OptionsOf(caller, request.condition),
                            .allow_schema_change = request.allow_schema_change,
                            .touch = request.touch};
  const auto put = [&](bool only_small) -> Result<ChangedDataset> {
    options.change.only_small = only_small;
    if (request.touch && request.body.empty()) {
      TARN_TRY(const Store::PutResult touched, service.store.Touch(name, options.change));
      return ToChangedDataset(touched);
    }
    TARN_TRY(const catalog::DatasetContent content, ParseManifest(service, request.body));
    TARN_TRY(const Store::PutResult stored, service.store.Put(name, content, options));
    return ToChangedDataset(stored);
  };
  Result<ChangedDataset> changed =
      co_await service.MakeChange(caller.identity.name, request.body.size(), put);
  if (changed.ok()) {
    const bool is_new = changed->outcome == Store::PutOutcome::kCreated;
    LogChange(caller, name, is_new ? "created" : "updated", *changed);
  }
  co_return changed;
}

asio::awaitable<Result<ChangedDataset>> RestoreDataset(Service& service, const Caller& caller,
                                                       const std::string& name,
                                                       const catalog::RestoreRequest& version,
                                                       const Store::Condition& condition) {
  if (const Result<> access = CheckWriteAccess(caller, name); !access.ok()) {
    co_return access.error();
  }
  Store::ChangeOptions options = OptionsOf(caller, condition);
  const auto restore = [&](bool only_small) -> Result<ChangedDataset> {
    options.only_small = only_small;
    TARN_TRY(const Store::PutResult put,
             service.store.Restore(name, version.dataset_id, version.version, options));
    return ToChangedDataset(put);
  };
  Result<ChangedDataset> changed = co_await service.MakeChange(caller.identity.name, 0, restore);
  if (changed.ok()) LogChange(caller, name, "restored", *changed);
  co_return changed;
}

asio::awaitable<Result<>> DeleteDataset(Service& service, const Caller& caller,
                                        const std::string& name,
                                        const Store::Condition& condition) {
  if (const Result<> access = CheckReadAccess(caller, name); !access.ok()) co_return access.error();
  const Store::ChangeOptions options = OptionsOf(caller, condition);
  const auto remove = [&] { return service.store.Delete(name, options); };
  Result<> removed = co_await service.writers.Run(caller.identity.name, remove);
  if (removed.ok()) {
    log::WriteForClient(caller.identity.name, log::Level::kInfo, "dataset changed",
                        {{"query_id", caller.request_id}, {"name", name}, {"change", "deleted"}});
  }
  co_return removed;
}

asio::awaitable<Result<std::string>> ReadHistory(Service& service, const Caller& caller,
                                                 const std::string& name,
                                                 const HistoryRequest& request) {
  if (const Result<> access = CheckReadAccess(caller, name); !access.ok()) co_return access.error();
  const auto read = [&]() -> Result<std::string> {
    TARN_TRY(const Store::HistoryPage page,
             service.store.History(name, request.before, request.count, caller.reserve));
    return FormatHistory(name, page);
  };
  co_return co_await service.readers.Run(caller.identity.name, read);
}

}  // namespace tarn::catalogd
