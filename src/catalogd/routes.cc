#include "catalogd/routes.h"

#include "base/log.h"
#include "catalog/manifest_json.h"
#include "http/blocking.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

// The store's own failures are logged here, where the request is known.
Response RenderStoreError(const Error& error, const Request& request) {
  if (error.kind == ErrorKind::kInternal) {
    log::Error("catalogue request failed", {{"query_id", request.id}, {"error", error.message}});
  }
  return http::RenderError(error, request);
}

std::string_view OutcomeName(Store::PutOutcome outcome) {
  return outcome == Store::PutOutcome::kCreated ? "created" : "updated";
}

class Handlers {
 public:
  Handlers(Store& store, asio::thread_pool& pool) : store_(store), pool_(pool) {}

  asio::awaitable<Response> List(const Request& request) const {
    const auto list = [this, &request]() -> Result<std::string> {
      TARN_TRY(catalog::Snapshot snapshot, store_.List());
      if (const auth::DatasetScope& scope = request.identity->datasets; !scope.is_all()) {
        std::erase_if(snapshot.manifests, [&scope](const catalog::Manifest& manifest) {
          return !scope.Allows(manifest.name);
        });
      }
      return catalog::FormatSnapshot(snapshot);
    };
    Result<std::string> json = co_await http::RunBlocking(pool_, list);
    if (!json.ok()) co_return RenderStoreError(json.error(), request);
    co_return Response::Json(200, std::move(*json));
  }

  asio::awaitable<Response> Get(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> valid = catalog::ValidateName(name); !valid.ok()) {
      co_return http::RenderError(valid.error(), request);
    }
    if (!request.identity->datasets.Allows(name)) {
      co_return http::RenderError(NoSuchDataset(name), request);
    }
    const auto get = [this, &name] { return store_.Get(name); };
    Result<catalog::Manifest> manifest = co_await http::RunBlocking(pool_, get);
    if (!manifest.ok()) co_return RenderStoreError(manifest.error(), request);
    co_return Response::Json(200, catalog::FormatManifest(*manifest));
  }

  asio::awaitable<Response> Put(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> valid = catalog::ValidateName(name); !valid.ok()) {
      co_return http::RenderError(valid.error(), request);
    }
    if (!request.identity->datasets.Allows(name)) {
      co_return http::RenderProblem(403, "this token may not change a dataset of that name",
                                    request.WantsProblemJson());
    }
    // A manifest may have megabytes: it is read where nothing else waits for the thread.
    const auto write = [this, &name, &request]() -> Result<Store::PutResult> {
      TARN_TRY(const catalog::DatasetContent content, catalog::ParseDatasetContent(request.body));
      return store_.Put(name, content);
    };
    Result<Store::PutResult> put = co_await http::RunBlocking(pool_, write);
    if (!put.ok()) co_return RenderStoreError(put.error(), request);
    if (put->outcome != Store::PutOutcome::kUnchanged) {
      log::Info("dataset changed", {{"query_id", request.id},
                                    {"name", name},
                                    {"change", OutcomeName(put->outcome)},
                                    {"objects", uint64_t{put->manifest.content.objects.size()}}});
    }
    co_return Response::Json(put->outcome == Store::PutOutcome::kCreated ? 201 : 200,
                             catalog::FormatManifest(put->manifest));
  }

  asio::awaitable<Response> Delete(const Request& request) const {
    const std::string& name = request.path_arguments[0];
    if (const Result<> valid = catalog::ValidateName(name); !valid.ok()) {
      co_return http::RenderError(valid.error(), request);
    }
    if (!request.identity->datasets.Allows(name)) {
      co_return http::RenderError(NoSuchDataset(name), request);
    }
    const auto remove = [this, &name] { return store_.Delete(name); };
    const Result<> removed = co_await http::RunBlocking(pool_, remove);
    if (!removed.ok()) co_return RenderStoreError(removed.error(), request);
    log::Info("dataset changed", {{"query_id", request.id}, {"name", name}, {"change", "deleted"}});
    co_return Response::NoContent();
  }

 private:
  Store& store_;
  asio::thread_pool& pool_;
};

}  // namespace

std::vector<http::Route> CatalogRoutes(Store& store, asio::thread_pool& pool,
                                       int64_t body_bytes_max) {
  const auto handlers = std::make_shared<Handlers>(store, pool);
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
  put.body_bytes_max = body_bytes_max;
  put.too_large_message = "manifest too large (catalogd.body_bytes_max)";
  return {route("GET", "/catalog/list", &Handlers::List), route("GET", dataset, &Handlers::Get),
          std::move(put), route("DELETE", dataset, &Handlers::Delete)};
}

}  // namespace tarn::catalogd
