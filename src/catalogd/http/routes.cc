#include "catalogd/http/routes.h"

#include <fmt/format.h>

#include <charconv>

#include "base/log.h"
#include "catalog/manifest_json.h"
#include "catalogd/http/list_handler.h"
#include "http/entity_tags.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

constexpr uint64_t kHistoryCount = 100;
constexpr uint64_t kHistoryCountMax = 1000;

std::string_view OutcomeName(Store::PutOutcome outcome) {
  return outcome == Store::PutOutcome::kCreated ? "created" : "updated";
}

// A dataset as a response. It is made on a pool thread, because it may have megabytes.
struct RenderedDataset {
  std::string tag;
  std::optional<std::string> json;  // nullopt: the client has it already.

  static RenderedDataset Of(const Record& record) {
    return {TagOf(record.manifest), record.Json()};
  }
};

struct RenderedChange {
  Store::PutOutcome outcome = Store::PutOutcome::kUnchanged;
  uint64_t version = 0;
  RenderedDataset dataset;

  static RenderedChange Of(const Store::PutResult& put) {
    if (put.outcome == Store::PutOutcome::kIsLarge) return {.outcome = put.outcome};
    return {put.outcome, put.record.manifest.version, RenderedDataset::Of(put.record)};
  }
};

Response RenderDataset(int status, RenderedDataset dataset) {
  Response response = Response::Json(status, std::move(dataset.json).value_or(""));
  response.headers.emplace_back("ETag", http::Quoted(dataset.tag));
  return response;
}

Store::Reserve ReserveFor(const Request& request) {
  return [&request](uint64_t bytes) { return request.ReserveResponse(bytes); };
}

Store::ChangeOptions ChangeOptionsOf(const Request& request, Store::Condition condition) {
  const auth::Identity& identity = *request.identity;
  return {.condition = std::move(condition),
          .keys = identity.Keys(),
          .changed_by = identity.name,
          .is_tenant = !identity.datasets.is_all(),
          .reserve = ReserveFor(request)};
}

std::string Describe(const catalog::Manifest* current) {
  if (current == nullptr) return "there is no such dataset";
  return fmt::format("the current version is {}, ETag \"{}\"", current->version, TagOf(*current));
}

// The condition for a change that If-Match and If-None-Match express (RFC 9110, 13.1).
Result<Store::Condition> ConditionOf(const Request& request) {
  TARN_TRY(std::optional<http::EntityTags> if_match, http::EntityTags::Of(request, "If-Match"));
  TARN_TRY(std::optional<http::EntityTags> if_none_match,
           http::EntityTags::Of(request, "If-None-Match"));
  return [if_match = std::move(if_match),
          if_none_match = std::move(if_none_match)](const catalog::Manifest* current) -> Result<> {
    if (if_match && (current == nullptr || !if_match->HasStrong(TagOf(*current)))) {
      return Error{ErrorKind::kPrecondition, "If-Match failed: " + Describe(current)};
    }
    if (if_none_match && current != nullptr && if_none_match->Has(TagOf(*current))) {
      return Error{ErrorKind::kPrecondition, "If-None-Match failed: " + Describe(current)};
    }
    return {};
  };
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

class Handlers {
 public:
  explicit Handlers(Service& service) : service_(service) {}

  asio::awaitable<Response> List(const Request& request) const {
    return HandleList(service_, request);
  }

  asio::awaitable<Response> Backup(const Request& request) const {
    return HandleBackup(service_, request);
  }

  // The rights of the request's token to change datasets and objects; null means unlimited.
  asio::awaitable<Response> Rights(const Request& request) const {
    const auto list = [](const std::optional<std::vector<std::string>>& texts) {
      if (!texts) return std::string("null");
      std::string json;
      for (const std::string& text : *texts) {
        json += (json.empty() ? "" : ",") + catalog::JsonText(text);
      }
      return "[" + json + "]";
    };
    const auth::Identity& identity = *request.identity;
    co_return Response::Json(
        200, fmt::format(R"({{"datasets":{},"prefixes":{}}})", list(identity.datasets.patterns()),
                         list(identity.Keys().prefixes())));
  }

  asio::awaitable<Response> Get(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> access = CheckReadAccess(request); !access.ok()) {
      co_return http::RenderError(access.error(), request);
    }
    const auto known = http::EntityTags::Of(request, "If-None-Match");
    if (!known.ok()) co_return http::RenderError(known.error(), request);
    const auto read = [&]() -> Result<RenderedDataset> {
      if (*known) {
        TARN_TRY(const catalog::Manifest manifest, service_.store.Find(name));
        if ((*known)->Has(TagOf(manifest))) return RenderedDataset{.tag = TagOf(manifest)};
      }
      TARN_TRY(const Record record, service_.store.Get(name, ReserveFor(request)));
      return RenderedDataset::Of(record);
    };
    Result<RenderedDataset> dataset = co_await service_.readers.Run(request.identity->name, read);
    if (!dataset.ok()) co_return RenderStoreError(service_, dataset.error(), request);
    const bool is_known = !dataset->json;
    Response response = RenderDataset(is_known ? 304 : 200, std::move(*dataset));
    if (is_known) response.content_type = "";
    co_return response;
  }

  asio::awaitable<Response> Put(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (std::optional<Response> refusal = WriteRefusal(request)) co_return std::move(*refusal);
    Result<Store::Condition> condition = ConditionOf(request);
    if (!condition.ok()) co_return http::RenderError(condition.error(), request);
    const Result<bool> allowed = request.Flag("allow_schema_change");
    if (!allowed.ok()) co_return http::RenderError(allowed.error(), request);
    const Result<bool> touch = request.Flag("touch");
    if (!touch.ok()) co_return http::RenderError(touch.error(), request);
    Store::PutOptions options{.change = ChangeOptionsOf(request, std::move(*condition)),
                              .allow_schema_change = *allowed,
                              .touch = *touch};
    const auto write = [this, &name, &request,
                        &options](bool only_small) -> Result<RenderedChange> {
      options.change.only_small = only_small;
      if (options.touch && request.body.empty()) {
        TARN_TRY(const Store::PutResult put, service_.store.Touch(name, options.change));
        return RenderedChange::Of(put);
      }
      TARN_TRY(const catalog::DatasetContent content, ReadManifest(request));
      TARN_TRY(const Store::PutResult put, service_.store.Put(name, content, options));
      return RenderedChange::Of(put);
    };
    Result<RenderedChange> put =
        co_await service_.MakeChange(request.identity->name, request.body.size(), write);
    if (!put.ok()) co_return RenderStoreError(service_, put.error(), request);
    const std::string_view outcome = OutcomeName(put->outcome);
    co_return RenderChange(request, std::move(*put), outcome);
  }

  asio::awaitable<Response> Delete(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> access = CheckReadAccess(request); !access.ok()) {
      co_return http::RenderError(access.error(), request);
    }
    const Result<Store::Condition> condition = ConditionOf(request);
    if (!condition.ok()) co_return http::RenderError(condition.error(), request);
    const Store::ChangeOptions options = ChangeOptionsOf(request, *condition);
    const auto remove = [this, &name, &options] { return service_.store.Delete(name, options); };
    const Result<> removed = co_await service_.writers.Run(request.identity->name, remove);
    if (!removed.ok()) co_return RenderStoreError(service_, removed.error(), request);
    log::WriteForClient(request.identity->name, log::Level::kInfo, "dataset changed",
                        {{"query_id", request.id}, {"name", name}, {"change", "deleted"}});
    co_return Response::NoContent();
  }

  asio::awaitable<Response> History(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> access = CheckReadAccess(request); !access.ok()) {
      co_return http::RenderError(access.error(), request);
    }
    const Result<uint64_t> before = request.Count("before", INT64_MAX);
    if (!before.ok()) co_return http::RenderError(before.error(), request);
    const Result<uint64_t> limit = request.Count("limit", kHistoryCount);
    if (!limit.ok()) co_return http::RenderError(limit.error(), request);
    const auto read = [&]() -> Result<std::string> {
      TARN_TRY(const Store::HistoryPage page,
               service_.store.History(name, *before, std::min(*limit, kHistoryCountMax),
                                      ReserveFor(request)));
      return FormatHistory(name, page);
    };
    Result<std::string> json = co_await service_.readers.Run(request.identity->name, read);
    if (!json.ok()) co_return RenderStoreError(service_, json.error(), request);
    co_return Response::Json(200, std::move(*json));
  }

  asio::awaitable<Response> Restore(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (std::optional<Response> refusal = WriteRefusal(request)) co_return std::move(*refusal);
    Result<Store::Condition> condition = ConditionOf(request);
    if (!condition.ok()) co_return http::RenderError(condition.error(), request);
    const auto asked = catalog::ParseRestoreRequest(request.body);
    if (!asked.ok()) co_return http::RenderError(asked.error(), request);
    Store::ChangeOptions options = ChangeOptionsOf(request, std::move(*condition));
    const auto restore = [&](bool only_small) -> Result<RenderedChange> {
      options.only_small = only_small;
      TARN_TRY(const Store::PutResult put,
               service_.store.Restore(name, asked->dataset_id, asked->version, options));
      return RenderedChange::Of(put);
    };
    Result<RenderedChange> put = co_await service_.MakeChange(request.identity->name, 0, restore);
    if (!put.ok()) co_return RenderStoreError(service_, put.error(), request);
    co_return RenderChange(request, std::move(*put), "restored");
  }

 private:
  // A dataset outside of the token's scope is reported as missing.
  static Result<> CheckReadAccess(const Request& request) {
    const std::string& name = request.path_arguments[0];
    TARN_CHECK_OK(catalog::ValidateName(name));
    if (!request.identity->datasets.Allows(name)) return NoSuchDatasetError(name);
    return {};
  }

  std::optional<Response> WriteRefusal(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> valid = catalog::ValidateName(name); !valid.ok()) {
      return http::RenderError(valid.error(), request);
    }
    if (request.identity->datasets.Allows(name)) return std::nullopt;
    const Error refusal{ErrorKind::kForbidden, "this token may not change a dataset of that name"};
    return RenderStoreError(service_, refusal, request);
  }

  Result<catalog::DatasetContent> ReadManifest(const Request& request) const {
    const auto values_max = static_cast<size_t>(service_.settings.json_values_max);
    Result<catalog::DatasetContent> content =
        catalog::ParseDatasetContent(request.body, values_max);
    if (content.ok() || content.error().kind != ErrorKind::kTooLarge) return content;
    const std::string& why = content.error().message;
    return Error{ErrorKind::kTooLarge,
                 fmt::format("manifest too large: {} (catalogd.json_values_max)", why)};
  }

  static Response RenderChange(const Request& request, RenderedChange put,
                               std::string_view change) {
    if (put.outcome != Store::PutOutcome::kUnchanged) {
      log::WriteForClient(request.identity->name, log::Level::kInfo, "dataset changed",
                          {{"query_id", request.id},
                           {"name", request.path_arguments[0]},
                           {"change", change},
                           {"version", put.version}});
    }
    return RenderDataset(put.outcome == Store::PutOutcome::kCreated ? 201 : 200,
                         std::move(put.dataset));
  }

  Service& service_;
};

}  // namespace

Response RenderStoreError(Service& service, const Error& error, const Request& request) {
  if (error.kind == ErrorKind::kInternal) {
    service.failures.Increment();
    log::Error("catalogue request failed", {{"query_id", request.id}, {"error", error.message}});
  }
  if (error.kind == ErrorKind::kTooLarge && request.method != "GET") {
    service.too_large.Increment();
    log::WriteForClient(
        request.identity->name, log::Level::kInfo, "change refused: over a limit",
        {{"query_id", request.id}, {"user", request.identity->name}, {"error", error.message}});
  }
  if (error.kind == ErrorKind::kForbidden) {
    service.forbidden.Increment();
    log::WriteForClient(
        request.identity->name, log::Level::kInfo, "change refused: the token lacks the right",
        {{"query_id", request.id}, {"user", request.identity->name}, {"error", error.message}});
  }
  return http::RenderError(error, request);
}

std::vector<http::Route> CatalogRoutes(Service& service) {
  const auto handlers = std::make_shared<Handlers>(service);
  using Handle = asio::awaitable<Response> (Handlers::*)(const Request&) const;
  const auto route = [&](std::string method, std::string path, Handle handle) {
    return http::Route{
        .method = std::move(method),
        .path = std::move(path),
        .handler = [handlers,
                    handle](const Request& request) { return ((*handlers).*handle)(request); },
        .roles = {auth::Role::kCatalog}};
  };
  const std::string dataset = "/catalog/datasets/{name}";
  http::Route put = route("PUT", dataset, &Handlers::Put);
  put.body_bytes_max = service.settings.body_bytes_max;
  put.too_large_message = "manifest too large (catalogd.body_bytes_max)";
  std::vector<http::Route> routes = {route("GET", "/catalog/list", &Handlers::List),
                                     route("GET", "/catalog/rights", &Handlers::Rights),
                                     route("GET", dataset, &Handlers::Get),
                                     std::move(put),
                                     route("DELETE", dataset, &Handlers::Delete),
                                     route("GET", dataset + "/history", &Handlers::History),
                                     route("POST", dataset + "/restore", &Handlers::Restore)};
  if (service.store.is_on_disk()) {
    http::Route backup = route("GET", "/catalog/backup", &Handlers::Backup);
    backup.roles = {auth::Role::kAdmin};
    routes.push_back(std::move(backup));
  }
  return routes;
}

}  // namespace tarn::catalogd
