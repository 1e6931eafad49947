#include "catalogd/service/iceberg_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "base/log.h"
#include "catalog/manifest_json.h"
#include "iceberg/table.h"

namespace tarn::catalogd {

namespace asio = boost::asio;

namespace {

prometheus::Counter& LoadsCounter(Metrics& metrics, const char* answer) {
  return metrics.Counter("tarn_iceberg_loads_total", "Loads of Iceberg tables",
                         {{"answer", answer}});
}

template <class T>
bool IsStale(const Result<T>& result) {
  return !result.ok() && result.error().kind == ErrorKind::kStale;
}

Error TooSlowError() {
  return Error{ErrorKind::kTimeout,
               "the table was not made within iceberg.load_timeout: try again, the footers that "
               "were read are cached"};
}

}  // namespace

// The making of a table. Used on the strand of its request, and by one thread of the workers at a
// time, apart from the footers.
struct IcebergCatalog::Making {
  Deadline deadline;
  Record record;
  std::vector<catalog::ObjectRef> objects;
  std::optional<IcebergState> state;
  std::vector<std::shared_ptr<const ObjectFooter>> footers = {};  // One for each object.
  // The next object to read, and the memory of those that were read.
  size_t next = 0;
  uint64_t bytes = 0;
  size_t running = 0;  // Coroutines that read footers.
  Result<> failure = {};
  std::shared_ptr<net::Wakeup> done = nullptr;
};

IcebergCatalog::IcebergCatalog(Service& service, IcebergOptions options, Metrics& metrics)
    : service_(service),
      options_(std::move(options)),
      footers_(options_, stopping_, metrics),
      objects_(service.store, options_, stopping_, metrics),
      tables_(options_.settings.table_cache_bytes),
      slots_(static_cast<size_t>(options_.settings.loads_max)),
      workers_(static_cast<size_t>(options_.settings.workers), "iceberg"),
      loads_cached_(LoadsCounter(metrics, "cached")),
      loads_made_(LoadsCounter(metrics, "made")),
      loads_unchanged_(LoadsCounter(metrics, "unchanged")),
      loads_failed_(LoadsCounter(metrics, "failed")),
      making_seconds_(
          metrics.Seconds("tarn_iceberg_making_seconds", "Time to make the metadata of a table")) {}

IcebergCatalog::~IcebergCatalog() { Join(); }

void IcebergCatalog::Join() {
  stopping_ = true;
  objects_.Stop();
  workers_.Stop();
}

// --- Use cases --------------------------------------------------------------------------------

asio::awaitable<Result<>> IcebergCatalog::Require(const Caller& caller, const std::string& name) {
  if (!caller.identity.datasets.Allows(name)) co_return NoSuchDatasetError(name);
  const auto find = [&]() -> Result<> {
    TARN_TRY(const catalog::Manifest manifest, service_.store.Find(name));
    return {};
  };
  co_return co_await service_.readers.Run(caller.identity.name, find);
}

asio::awaitable<Result<std::vector<std::string>>> IcebergCatalog::List(const Caller& caller,
                                                                       const std::string& after,
                                                                       size_t count) {
  const auto list = [&] { return service_.store.Names(caller.identity.datasets, after, count); };
  co_return co_await service_.readers.Run(caller.identity.name, list);
}

asio::awaitable<Result<IcebergCatalog::TablePtr>> IcebergCatalog::Load(const Caller& caller,
                                                                       const std::string& name) {
  if (!caller.identity.datasets.Allows(name)) co_return NoSuchDatasetError(name);
  const Deadline deadline = Deadline::After(options_.settings.load_timeout);
  const auto find = [&] { return service_.store.Find(name); };
  for (;;) {
    const Result<catalog::Manifest> manifest =
        co_await service_.readers.Run(caller.identity.name, find);
    if (!manifest.ok()) co_return manifest.error();
    if (TablePtr table = tables_.Find(manifest->dataset_id);
        table && table->version == manifest->version) {
      loads_cached_.Increment();
      co_return table;
    }
    bool is_final = true;
    Result<TablePtr> table = co_await LoadVersion(caller, *manifest, deadline, is_final);
    if (!is_final && !deadline.Passed()) continue;
    if (!table.ok()) {
      loads_failed_.Increment();
      log::WriteForClient(
          caller.identity.name, log::Level::kWarn, "cannot load an Iceberg table",
          {{"query_id", caller.request_id}, {"name", name}, {"error", table.error().message}});
    }
    co_return table;
  }
}

// --- Flights ----------------------------------------------------------------------------------

std::shared_ptr<IcebergCatalog::Flight> IcebergCatalog::JoinFlight(
    const catalog::Manifest& manifest, std::shared_ptr<Flight>& own) {
  const MutexLock lock(mutex_);
  std::shared_ptr<Flight>& flight = flights_[manifest.dataset_id];
  if (flight) return flight;
  own = flight = std::make_shared<Flight>();
  flight->version = manifest.version;
  return nullptr;
}

void IcebergCatalog::EndFlight(const std::string& dataset_id, const std::shared_ptr<Flight>& flight,
                               Result<TablePtr> result) {
  const MutexLock lock(mutex_);
  flight->result = std::move(result);
  flight->is_done = true;
  for (const std::shared_ptr<net::Wakeup>& wakeup : flight->waiting) wakeup->Wake();
  flights_.erase(dataset_id);
}

bool IcebergCatalog::IsDone(const std::shared_ptr<Flight>& flight) {
  const MutexLock lock(mutex_);
  return flight->is_done;
}

asio::awaitable<Result<IcebergCatalog::TablePtr>> IcebergCatalog::Wait(
    const std::shared_ptr<Flight>& flight, Deadline deadline) {
  const auto wakeup = std::make_shared<net::Wakeup>(co_await asio::this_coro::executor);
  {
    const MutexLock lock(mutex_);
    flight->waiting.push_back(wakeup);
  }
  while (!IsDone(flight) && !deadline.Passed()) co_await wakeup->Wait(deadline);
  const MutexLock lock(mutex_);
  if (!flight->is_done) co_return TooSlowError();
  co_return flight->result;
}

// Sets `is_final` to false if the result is that of an older version.
asio::awaitable<Result<IcebergCatalog::TablePtr>> IcebergCatalog::LoadVersion(
    const Caller& caller, const catalog::Manifest& manifest, Deadline deadline, bool& is_final) {
  std::shared_ptr<Flight> own;
  if (const std::shared_ptr<Flight> other = JoinFlight(manifest, own)) {
    Result<TablePtr> result = co_await Wait(other, deadline);
    is_final = result.ok() ? (*result)->version >= manifest.version
                           : other->version >= manifest.version && !IsStale(result);
    co_return result;
  }
  Result<TablePtr> result = Internal("the table was not made");
  try {
    result = co_await Make(caller, manifest, deadline);
  } catch (const std::exception& e) {
    result = Internal(e.what());
  }
  is_final = !IsStale(result);
  EndFlight(manifest.dataset_id, own, result);
  co_return result;
}

// --- The making of a table --------------------------------------------------------------------

asio::awaitable<Result<IcebergCatalog::TablePtr>> IcebergCatalog::Make(
    const Caller& caller, const catalog::Manifest& manifest, Deadline deadline) {
  const SharedSlots::Slot slot = slots_.Acquire(caller.identity.name);
  if (!slot) co_return Unavailable("too many tables are being made (iceberg.loads_max)");
  const auto start = Deadline::Clock::now();
  Making making{.deadline = deadline};
  const auto prepare = [&] { return Prepare(manifest, making); };
  const Result<> prepared = co_await workers_.Run(caller.identity.name, prepare);
  if (!prepared.ok()) co_return prepared.error();
  const Result<> read = co_await ReadFooters(caller, making);
  if (!read.ok()) co_return read.error();
  const auto finish = [&] { return Finish(making); };
  Result<TablePtr> table = co_await workers_.Run(caller.identity.name, finish);
  if (!table.ok()) co_return table.error();
  const std::chrono::duration<double> took = Deadline::Clock::now() - start;
  making_seconds_.Observe(took.count());
  log::WriteForClient(caller.identity.name, log::Level::kInfo, "Iceberg table made",
                      {{"query_id", caller.request_id},
                       {"name", manifest.name},
                       {"version", (*table)->version},
                       {"objects", making.objects.size()},
                       {"ms", took.count() * 1000}});
  co_return table;
}

Result<> IcebergCatalog::Prepare(const catalog::Manifest& manifest, Making& making) {
  TARN_TRY(making.record, service_.store.Get(manifest.name));
  if (making.record.manifest.dataset_id != manifest.dataset_id) {
    return Error{ErrorKind::kStale, "the dataset was deleted and created again: try again"};
  }
  Result<catalog::DatasetContent> content = catalog::ParseDatasetContent(making.record.content);
  if (!content.ok()) {
    return Internal(fmt::format("the stored manifest of \"{}\" is damaged: {}", manifest.name,
                                content.error().message));
  }
  making.record.content = std::string();
  making.objects = std::move(content->objects);
  making.footers.resize(making.objects.size());
  TARN_TRY(making.state, service_.store.FindIcebergState(making.record.manifest.dataset_id));
  return {};
}

asio::awaitable<Result<>> IcebergCatalog::ReadFooters(const Caller& caller, Making& making) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  making.done = std::make_shared<net::Wakeup>(executor);
  // All of them run on the strand of this coroutine.
  const size_t count =
      std::min(making.objects.size(), static_cast<size_t>(options_.settings.workers));
  making.running = count;
  for (size_t i = 0; i < count; ++i) {
    asio::co_spawn(executor, ReadSome(caller, making), [&making](const std::exception_ptr& error) {
      if (error) making.failure = Internal("cannot read the footers");
      if (--making.running == 0) making.done->Wake();
    });
  }
  while (making.running > 0) co_await making.done->Wait(Deadline::Never());
  co_return making.failure;
}

asio::awaitable<void> IcebergCatalog::ReadSome(const Caller& caller, Making& making) {
  while (making.failure.ok() && making.next < making.objects.size()) {
    const size_t index = making.next++;
    const catalog::ObjectRef& object = making.objects[index];
    std::shared_ptr<const ObjectFooter> footer = footers_.FindCached(object);
    if (!footer) {
      const auto read = [&]() -> Result<std::shared_ptr<const ObjectFooter>> {
        if (making.deadline.Passed() || stopping_) return TooSlowError();
        return footers_.Read(object, making.deadline);
      };
      Result<std::shared_ptr<const ObjectFooter>> fetched =
          co_await workers_.Run(caller.identity.name, read);
      if (!fetched.ok()) {
        if (making.failure.ok()) making.failure = fetched.error();
        co_return;
      }
      footer = std::move(*fetched);
    }
    making.bytes += footer->memory_bytes;
    if (making.bytes > static_cast<uint64_t>(options_.settings.footers_bytes_max)) {
      making.failure = Error{ErrorKind::kTooLarge,
                             "the footers of the objects need too much memory "
                             "(iceberg.footers_bytes_max)"};
    }
    making.footers[index] = std::move(footer);
  }
}

Result<IcebergCatalog::TablePtr> IcebergCatalog::Finish(Making& making) {
  const catalog::Manifest& dataset = making.record.manifest;
  const std::string location =
      options_.bucket_uri + options_.settings.metadata_prefix + dataset.dataset_id;
  iceberg::TableInput input{.dataset = dataset.name,
                            .catalog_id = service_.store.Now().catalog_id,
                            .version = dataset.version,
                            .updated_at = std::min(dataset.updated_at, NowMicros()),
                            .location = location,
                            .data_prefix = options_.bucket_uri,
                            .metadata_prefix = location + "/metadata/",
                            .files = {},
                            .field_ids = {},
                            .previous = std::nullopt,
                            .snapshots_max = static_cast<size_t>(options_.settings.snapshots_max)};
  for (size_t i = 0; i < making.objects.size(); ++i) {
    const std::shared_ptr<const ObjectFooter>& footer = making.footers[i];
    input.files.push_back({.key = making.objects[i].key,
                           .size_bytes = static_cast<int64_t>(footer->object_bytes),
                           .etag = making.objects[i].etag.value_or(""),
                           .footer = {footer, &footer->statistics}});
  }
  if (making.state) {
    TARN_TRY(input.field_ids, iceberg::FieldIds::FromJson(making.state->field_ids));
    if (!making.state->metadata.empty()) {
      input.previous = {making.state->metadata, making.state->metadata_location};
    }
  }
  TARN_TRY(iceberg::Table made, iceberg::MakeTable(input));
  if (made.metadata.size() > static_cast<size_t>(options_.settings.metadata_bytes_max)) {
    return Error{ErrorKind::kTooLarge,
                 fmt::format("the metadata of the table has {} bytes, more than {} "
                             "(iceberg.metadata_bytes_max)",
                             made.metadata.size(), options_.settings.metadata_bytes_max)};
  }
  if (!made.objects.empty()) TARN_CHECK_OK(objects_.Write(dataset, made, making.deadline));
  (made.objects.empty() ? loads_unchanged_ : loads_made_).Increment();
  auto table = std::make_shared<const IcebergTable>(
      IcebergTable{.dataset_id = dataset.dataset_id,
                   .version = dataset.version,
                   .metadata = std::move(made.metadata),
                   .metadata_location = std::move(made.metadata_location)});
  tables_.Put(dataset.dataset_id, table, table->metadata.size());
  return table;
}

}  // namespace tarn::catalogd
