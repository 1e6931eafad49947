#include "cli/up/up.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/commands/bucket.h"
#include "cli/commands/check_store.h"
#include "cli/terminal/table.h"
#include "cli/terminal/text.h"
#include "cli/up/bucket_catalog.h"
#include "cli/up/folder_catalog.h"
#include "cli/up/sample_data.h"
#include "cli/up/up_routes.h"
#include "config/lakehouse.h"
#include "duck/quote.h"
#include "http/client.h"
#include "http/server.h"
#include "net/runtime.h"
#include "queryd/service.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// The default intervals of the checks for changes. To list a folder is cheap. To list a bucket
// takes a request for each 1,000 objects, which Amazon charges for.
constexpr auto kLookIntoFolderEvery = std::chrono::seconds(1);
constexpr auto kListBucketEvery = std::chrono::seconds(10);
constexpr auto kEveryMin = std::chrono::milliseconds(100);
// Lists of the maximum length take a minute or two.
constexpr auto kBucketRefreshTimeout = std::chrono::minutes(5);
// Few, because the catalogue is in memory and each version has all objects of the dataset.
constexpr int64_t kVersionsMax = 10;
constexpr auto kFirstAnswerTimeout = std::chrono::seconds(60);

// The folder or bucket that is served.
struct Place {
  std::string name;   // For output.
  std::string store;  // The endpoint of a bucket, for output. Empty for a folder.
  bool is_sample = false;
  LakehouseSettings settings;
  queryd::Lake lake;
  std::unique_ptr<ListedCatalog> catalog;
};

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

Result<fs::path> ChooseFolder(const std::string& named) {
  if (!named.empty()) {
    std::error_code code;
    fs::path folder = fs::canonical(named, code);
    if (code) return InvalidArgument(fmt::format("cannot serve {}: {}", named, code.message()));
    if (!fs::is_directory(folder, code)) {
      return InvalidArgument(fmt::format("{} is a file: serve the folder that has it", named));
    }
    return folder;
  }
  TARN_TRY(fs::path folder, SampleFolder());
  std::error_code code;
  if (fs::exists(folder, code)) return folder;
  Print(fmt::format("Creating sample data in {} (a few seconds)\n", folder.string()));
  const Result<> made = MakeSampleData(folder);
  if (!made.ok()) {
    return Error{made.error().kind,
                 made.error().message + "; serve your own folder instead: tarn up DIR"};
  }
  return folder;
}

Result<Place> OpenFolder(const UpOptions& options, catalogd::Store& store) {
  TARN_TRY(const fs::path folder, ChooseFolder(options.place));
  if (const Result<> good = protocol::ObjectStore::CheckFolder(folder.string()); !good.ok()) {
    return good.error().Wrap("cannot serve the folder");
  }
  Place place{.name = folder.string(), .is_sample = options.place.empty()};
  place.settings.queryd.refresh_every = kLookIntoFolderEvery;
  place.lake = {.store = protocol::ObjectStore::Folder(folder.string()),
                .credentials = []() -> Result<protocol::Credentials> { return {}; }};
  place.catalog = std::make_unique<FolderCatalog>(folder, store);
  return place;
}

Result<Place> OpenBucketPlace(const UpOptions& options, catalogd::Store& store) {
  TARN_TRY(const BucketUrl url, BucketUrl::Parse(options.place));
  TARN_TRY(const LakehouseSettings known, SettingsOfBucket(url, options.config_path));
  if (const Result<> good = RequireStore(known, url.prefix); !good.ok()) {
    return good.error().Wrap(fmt::format("{} at {}", url.Text(), EndpointOf(known.s3)));
  }
  if (!known.tls.verify) {
    log::Warn(
        "tls.verify is false: an attacker in the network can read and change all data between "
        "Tarn and catalogd or the store");
  }
  Place place{.name = url.Text(), .store = EndpointOf(known.s3)};
  // The other settings of lakehouse.toml are for the daemons.
  place.settings.s3 = known.s3;
  place.settings.tls = {.ca_path = known.tls.ca_path, .verify = known.tls.verify};
  place.settings.queryd.secrets_path = known.queryd.secrets_path;
  place.settings.queryd.extension_dir = known.queryd.extension_dir;
  place.settings.queryd.refresh_every = kListBucketEvery;
  place.settings.queryd.refresh_timeout = kBucketRefreshTimeout;
  TARN_TRY(place.lake.store, protocol::ObjectStore::FromSettings(known.s3));
  place.lake.credentials = [known]() -> Result<protocol::Credentials> {
    TARN_TRY(s3::Bucket bucket, OpenBucket(known));
    return std::move(bucket.credentials);
  };
  place.catalog =
      std::make_unique<BucketCatalog>([known] { return OpenBucket(known); }, url.prefix, store);
  return place;
}

Result<Place> OpenPlace(const UpOptions& options, catalogd::Store& store) {
  TARN_TRY(Place place, BucketUrl::Is(options.place) ? OpenBucketPlace(options, store)
                                                     : OpenFolder(options, store));
  if (options.every.empty()) return place;
  const Result<Duration> every = ParseDuration(options.every);
  if (!every.ok()) return every.error().Wrap("--every");
  if (*every < kEveryMin) {
    return InvalidArgument(fmt::format("--every: must be at least {}", FormatDuration(kEveryMin)));
  }
  place.settings.queryd.refresh_every = *every;
  return place;
}

std::string DatasetList(const catalog::Snapshot& snapshot) {
  if (snapshot.manifests.empty()) {
    return "No datasets yet. Add a Parquet file, or a folder with Parquet files.\n";
  }
  constexpr size_t kShown = 20;
  std::string out;
  for (size_t i = 0; i < snapshot.manifests.size() && i < kShown; ++i) {
    const catalog::Manifest& manifest = snapshot.manifests[i];
    uint64_t bytes = 0;
    for (const auto& object : manifest.content.objects) {
      bytes += static_cast<uint64_t>(object.size_bytes.value_or(0));
    }
    out += fmt::format("  {}  ({}, {})\n", WithoutControls(manifest.name),
                       Plural(manifest.content.objects.size(), "file"), FormatBytes(bytes));
  }
  if (snapshot.manifests.size() > kShown) {
    out += fmt::format("  and {} more\n", snapshot.manifests.size() - kShown);
  }
  return out;
}

std::string CurlLine(const std::string& url, const std::string& sql) {
  const std::string body = EscapeUnprintableJson(nlohmann::json({{"sql", sql}}).dump());
  return fmt::format("curl -s {}/sql --json {}", url, ShellQuoted(body));
}

// Runs a query over HTTP, like a client, so that the greeting shows a request that works.
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

// Prints the datasets, a first query with its answer, and the next steps. With the sample data,
// everything after the list of datasets fits on 24 lines.
Result<> Greet(const std::string& address, const Place& place, catalogd::Store& store) {
  TARN_TRY(const catalog::Snapshot snapshot, store.List());
  const std::string url = "http://" + address;
  Print(fmt::format("Tarn serves {} at {}\n{}{}", WithoutControls(place.name), url,
                    place.store.empty() ? "" : fmt::format("The bucket is at {}\n", place.store),
                    DatasetList(snapshot)));
  std::string sql = "SELECT 42 AS answer";
  if (place.is_sample) {
    sql = SampleQuery();
  } else if (!snapshot.manifests.empty()) {
    sql = "SELECT count(*) AS row_count FROM " + duck::QuoteIdentifier(snapshot.manifests[0].name);
  }
  const Result<std::string> table = AskOverHttp(address, sql);
  Print(fmt::format(
      "\n{}\n\n{}", LinesWithoutControls(sql),
      table.ok() ? *table
                 : fmt::format("failed: {}\n", LinesWithoutControls(table.error().message))));
  const std::string short_sql =
      place.is_sample ? "SELECT city, country FROM airports ORDER BY latitude DESC LIMIT 3" : sql;
  Print(fmt::format(
      "\nConsole: {}/\nTo query it from another terminal:\n  {}\nPress Ctrl-C to stop.\n", url,
      CurlLine(url, short_sql)));
  return {};
}

}  // namespace

Result<> Up(const UpOptions& options) {
  Metrics metrics;  // Outlives the I/O threads.
  // Starts before other threads, because it blocks the signals that it waits for.
  net::Runtime runtime(net::IoThreads());
  TARN_TRY(const std::unique_ptr<catalogd::Store> store,
           catalogd::Store::Open(":memory:", {.history_versions_max = kVersionsMax}));
  TARN_TRY(Place place, OpenPlace(options, *store));
  const LakehouseSettings& settings = place.settings;

  catalogd::Service catalogue(*store, settings.catalogd, metrics);
  TARN_TRY(
      const std::unique_ptr<queryd::Service> service,
      queryd::Service::Open(runtime.io(), settings, place.lake, std::move(place.catalog), metrics));
  http::Server server(runtime.io(), http::Router(UpRoutes(*service, catalogue, metrics)),
                      settings.http, metrics);
  server.Protect(nullptr, options.allow_anonymous);
  if (const Result<> bound = server.Listen(options.bind); !bound.ok()) {
    return Error{bound.error().kind,
                 fmt::format("{}; use --bind HOST:PORT, with port 0 for any free port",
                             bound.error().message)};
  }
  log::Info("listening", {{"addr", server.address()}});
  service->Start();
  service->WaitFirstRefresh(Deadline::After(kFirstAnswerTimeout));

  const Result<> greeted = Greet(server.address(), place, *store);
  if (greeted.ok()) {
    log::Info("stopping", {{"signal", runtime.WaitForStop()}});
    // Begins with a line break, because the terminal shows ^C.
    Print(fmt::format("\nStopping: running queries have {} to end.\n",
                      FormatDuration(settings.queryd.shutdown_timeout)));
  }
  catalogue.EndWaits();
  queryd::ShutDown(server, *service, settings.queryd.shutdown_timeout);
  catalogue.Join();
  return greeted;
}

}  // namespace tarn::cli
