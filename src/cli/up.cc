#include "cli/up.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/lakehouse.h"
#include "base/log.h"
#include "catalogd/routes.h"
#include "cli/folder_catalog.h"
#include "cli/sample_data.h"
#include "cli/table.h"
#include "cli/text.h"
#include "duck/quote.h"
#include "http/client.h"
#include "http/runtime.h"
#include "http/server.h"
#include "queryd/service.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// A file that is put into the folder can be queried within this time.
constexpr auto kRefreshEvery = std::chrono::seconds(1);
constexpr auto kFirstAnswerTimeout = std::chrono::seconds(60);

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Result<fs::path> ChooseFolder(const std::string& named) {
  if (!named.empty()) {
    std::error_code code;
    fs::path folder = fs::canonical(named, code);
    if (code || !fs::is_directory(folder, code)) {
      return InvalidArgument(fmt::format("{} is not a folder", named));
    }
    return folder;
  }
  TARN_TRY(fs::path folder, SampleFolder());
  TARN_TRY(const bool made, MakeSampleData(folder));
  if (made) Print(fmt::format("Sample data was made in {}\n", folder.string()));
  return folder;
}

// The folder is the truth, so the catalogue can only be read.
std::vector<http::Route> ReadOnlyRoutes(catalogd::Service& service) {
  std::vector<http::Route> routes = catalogd::CatalogRoutes(service);
  std::erase_if(routes, [](const http::Route& route) { return route.method != "GET"; });
  return routes;
}

std::string DatasetList(const catalog::Snapshot& snapshot) {
  if (snapshot.manifests.empty()) {
    return "No datasets yet: put a Parquet file, or a folder of them, into it.\n";
  }
  constexpr size_t kShown = 20;
  std::string out;
  for (size_t i = 0; i < snapshot.manifests.size() && i < kShown; ++i) {
    const catalog::Manifest& manifest = snapshot.manifests[i];
    uint64_t bytes = 0;
    for (const auto& object : manifest.content.objects) {
      bytes += static_cast<uint64_t>(object.size_bytes.value_or(0));
    }
    out += fmt::format("  {}  ({}, {})\n", manifest.name,
                       Plural(manifest.content.objects.size(), "file"), FormatBytes(bytes));
  }
  if (snapshot.manifests.size() > kShown) {
    out += fmt::format("  and {} more\n", snapshot.manifests.size() - kShown);
  }
  return out;
}

std::string ShellQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string CurlLine(const std::string& url, const std::string& sql) {
  const std::string body = nlohmann::json({{"sql", sql}}).dump();
  return fmt::format("curl -s {}/sql -H 'Content-Type: application/json' -d {}\n", url,
                     ShellQuoted(body));
}

// The way every client goes: over HTTP, so that what is shown is known to work.
Result<std::string> AskOverHttp(const std::string& address, const std::string& sql) {
  TARN_TRY(const http::Url url, http::ParseHttpUrl("http://" + address));
  TARN_TRY(
      const http::ClientResponse answer,
      http::Send(url,
                 {.method = "POST", .path = "/sql", .body = nlohmann::json({{"sql", sql}}).dump()},
                 Deadline::After(kFirstAnswerTimeout)));
  if (answer.status != 200) {
    const nlohmann::json problem = nlohmann::json::parse(answer.body, nullptr, false);
    return Internal(problem.is_object() ? problem.value("detail", answer.body) : answer.body);
  }
  TARN_TRY(const Table table, TableOf(answer.body));
  return table.Text();
}

Result<> Greet(const std::string& address, const fs::path& folder, bool sample,
               catalogd::Store& store) {
  TARN_TRY(const catalog::Snapshot snapshot, store.List());
  const std::string url = "http://" + address;
  Print(fmt::format("Tarn serves {} at {}\n{}", folder.string(), url, DatasetList(snapshot)));
  std::string sql = "SELECT 42 AS answer";
  if (sample) {
    sql = SampleQuery();
  } else if (!snapshot.manifests.empty()) {
    sql = "SELECT count(*) AS row_count FROM " + duck::QuoteIdentifier(snapshot.manifests[0].name);
  }
  const Result<std::string> table = AskOverHttp(address, sql);
  Print(fmt::format("\n{}\n\n{}", sql,
                    table.ok() ? *table : fmt::format("failed: {}\n", table.error().message)));
  const std::string short_sql =
      sample ? "SELECT city, country FROM airports ORDER BY latitude DESC LIMIT 3" : sql;
  Print(fmt::format("\nAsk from anywhere:\n  {}\nCtrl-C stops it.\n", CurlLine(url, short_sql)));
  return {};
}

}  // namespace

Result<> Up(const UpOptions& options) {
  http::Runtime runtime(
      http::IoThreads());  // Before any thread is there: it blocks the signals it waits for.
  TARN_TRY(const fs::path folder, ChooseFolder(options.folder));
  TARN_TRY(const std::unique_ptr<catalogd::Store> store, catalogd::Store::Open(":memory:"));
  LakehouseSettings settings;
  settings.queryd.refresh_every = kRefreshEvery;

  Metrics metrics;
  catalogd::Service catalogue(*store, settings.catalogd, metrics);
  const queryd::Lake lake{
      .store = protocol::ObjectStore::Folder(folder.string()),
      .credentials = []() -> Result<protocol::Credentials> { return protocol::Credentials{}; }};
  TARN_TRY(const std::unique_ptr<queryd::Service> service,
           queryd::Service::Open(runtime.io(), settings, lake,
                                 std::make_unique<FolderCatalog>(folder, *store), metrics));
  std::vector<http::Route> routes = service->Routes(metrics);
  for (http::Route& route : ReadOnlyRoutes(catalogue)) routes.push_back(std::move(route));
  http::Server server(runtime.io(), http::Router(std::move(routes)), settings.http, metrics);
  server.Protect(nullptr, options.allow_anonymous);
  if (const Result<> bound = server.Listen(options.bind); !bound.ok()) {
    return bound.error().Wrap("--bind");
  }
  log::Info("listening", {{"addr", server.address()}});
  service->Start();
  service->WaitFirstRefresh(Deadline::After(kFirstAnswerTimeout));

  const Result<> greeted = Greet(server.address(), folder, options.folder.empty(), *store);
  if (greeted.ok()) log::Info("stopping", {{"signal", runtime.WaitForStop()}});
  catalogue.EndWaits();
  queryd::ShutDown(server, *service, settings.queryd.shutdown_timeout);
  catalogue.Join();
  return greeted;
}

}  // namespace tarn::cli
