#include "engine/prober.h"

#include <fmt/format.h>
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "catalog/partitions.h"
#include "catalog/schema_union.h"
#include "duck/quote.h"
#include "engine/dataset_schema.h"
#include "engine/footer_probe.h"

namespace tarn::engine {
namespace {

// After an interrupt a statement has so long to end before its thread is left alone.
constexpr auto kGrace = std::chrono::milliseconds(500);

// A probe may take this part of the memory that queries may.
constexpr uint64_t kMemoryShare = 4;

}  // namespace

struct Prober::Job {
  protocol::ViewSpec view;
  std::string key;  // Its name in lower case.
  std::shared_ptr<WatchedTask> task;
  Done done;
};

// What a thread has, once it has needed it.
struct Prober::Tools {
  std::optional<FooterProbe> footers;
  std::optional<duck::Connection> connection;

  void Drop() {
    footers.reset();
    connection.reset();
  }
};

// Shared with the threads: one that hangs may outlive the prober.
struct Prober::State {
  protocol::Setup setup;
  std::shared_ptr<Watchdog> watchdog;
  size_t threads_max;

  std::mutex opening;
  std::shared_ptr<ConnectionFactory> factory;  // guarded by opening: from the first need on
  std::optional<duck::Database> planner;       // guarded by opening: from the first need on
  const std::shared_ptr<SchemaCache> schemas = std::make_shared<SchemaCache>();

  std::mutex mutex;
  std::condition_variable added;
  std::condition_variable ended;                 // A thread.
  std::deque<Job> waiting;                       // guarded by mutex
  std::set<std::string> running;                 // guarded by mutex: keys
  std::set<std::shared_ptr<WatchedTask>> tasks;  // guarded by mutex: of what runs
  size_t threads = 0;                            // guarded by mutex
  size_t idle = 0;                               // guarded by mutex
  bool stopping = false;                         // guarded by mutex
};

Prober::Prober(const protocol::Setup& setup, std::shared_ptr<Watchdog> watchdog)
    : state_(std::make_shared<State>()) {
  state_->setup = setup;
  state_->setup.views.clear();
  state_->setup.cache_objects = false;
  // Footers are all that it holds.
  state_->setup.memory_limit /= kMemoryShare;
  state_->setup.temp_directory.clear();
  state_->watchdog = std::move(watchdog);
  state_->threads_max = std::max<size_t>(setup.probes_max, 1);
}

Prober::~Prober() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->waiting.clear();
  for (const auto& task : state_->tasks) {
    state_->watchdog->Cancel(task, {ErrorKind::kCancelled, "the server is shutting down"});
  }
  state_->added.notify_all();
  state_->ended.wait_for(lock, kGrace, [this] { return state_->threads == 0; });
}

void Prober::Probe(const protocol::ViewSpec& view, Deadline deadline, Done done) {
  Job job{.view = view,
          .key = ToLowerAscii(view.name),
          .task = std::make_shared<WatchedTask>(deadline),
          .done = std::move(done)};
  const std::lock_guard lock(state_->mutex);
  if (state_->stopping) return;
  state_->waiting.push_back(std::move(job));
  if (state_->idle >= state_->waiting.size() || state_->threads >= state_->threads_max) {
    state_->added.notify_one();
    return;
  }
  ++state_->threads;
  std::thread([state = state_] { Loop(state); }).detach();
}

void Prober::Loop(const std::shared_ptr<State>& state) {
  pthread_setname_np(pthread_self(), "probe");
  Tools tools;
  std::unique_lock lock(state->mutex);
  for (;;) {
    ++state->idle;
    state->added.wait(lock, [&] { return state->stopping || !state->waiting.empty(); });
    --state->idle;
    if (state->stopping) break;
    Job job = std::move(state->waiting.front());
    state->waiting.pop_front();
    const bool is_first = state->running.insert(job.key).second;
    if (is_first) state->tasks.insert(job.task);
    lock.unlock();

    Result<Schema> outcome =
        Error{ErrorKind::kTimeout, "the object store has not answered the try before"};
    if (is_first) {
      try {
        outcome = Run(*state, tools, job);
      } catch (const std::exception& e) {
        outcome = Internal(e.what());
      }
      // A database that saw an internal error may refuse everything from now on.
      if (!outcome.ok() && outcome.error().kind == ErrorKind::kInternal) {
        tools.Drop();
        const std::lock_guard opening(state->opening);
        state->planner.reset();
        state->factory.reset();
      }
    }

    lock.lock();
    if (is_first) {
      state->running.erase(job.key);
      state->tasks.erase(job.task);
    }
    if (state->stopping) break;
    lock.unlock();
    job.done(outcome);
    lock.lock();
  }
  lock.unlock();
  tools.Drop();
  lock.lock();
  --state->threads;
  state->ended.notify_all();
}

Result<duck::Connection> Prober::Connect(State& state) {
  std::shared_ptr<ConnectionFactory> factory;
  {
    const std::lock_guard lock(state.opening);
    if (state.factory == nullptr) {
      TARN_TRY(state.factory, ConnectionFactory::Open(state.setup, 0));
    }
    factory = state.factory;
  }
  return factory->Connect();
}

Result<FooterProbe> Prober::OpenFooters(State& state) {
  const std::lock_guard lock(state.opening);
  if (!state.planner) {
    TARN_TRY(state.planner, FooterProbe::OpenPlanner());
  }
  return FooterProbe::Make(state.setup, *state.planner, state.schemas);
}

Result<FooterProbe::Object> Prober::ReadFooter(State& state, Tools& tools, Job& job,
                                               const std::string& key) {
  if (!tools.footers) {
    TARN_TRY(FooterProbe footers, OpenFooters(state));
    tools.footers.emplace(std::move(footers));
  }
  return tools.footers->Read(key, *job.task);
}

Result<FooterProbe::Object> Prober::ReadWithDuckdb(State& state, Tools& tools, Job& job,
                                                   const std::string& key) {
  TARN_TRY(const std::string url, state.setup.store.Url(key));
  if (!tools.connection) {
    TARN_TRY(duck::Connection opened, Connect(state));
    tools.connection.emplace(std::move(opened));
  }
  if (!job.task->Begin(*tools.connection)) {
    return Error{ErrorKind::kCancelled, "it was cancelled"};
  }
  const Result<duck::Statement> planned = tools.connection->Prepare(fmt::format(
      "SELECT * FROM read_parquet({}, hive_partitioning = false)", duck::QuoteLiteral(url)));
  job.task->End();
  if (!planned.ok()) return planned.error();
  return ToUnknownObject(ToObjectSchema(planned->Columns()));
}

Result<FooterProbe::Object> Prober::ReadObject(State& state, Tools& tools, Job& job,
                                               const std::string& key) {
  Result<FooterProbe::Object> object = ReadFooter(state, tools, job, key);
  if (object.ok() || job.task->CancelReason()) return object;
  const auto with_key = [&key](const Error& error) {
    return error.Wrap(fmt::format("object \"{}\"", key));
  };
  if (object.error().kind == ErrorKind::kTooLarge) return with_key(object.error());
  log::Debug("an object is not read from its footer",
             {{"dataset", job.view.name}, {"key", key}, {"reason", object.error().message}});
  object = ReadWithDuckdb(state, tools, job, key);
  if (object.ok()) return object;
  return with_key(object.error());
}

Result<Prober::Schema> Prober::RunWatched(State& state, Tools& tools, Job& job) {
  if (job.view.keys.empty()) return InvalidArgument("it has no objects");
  catalog::SchemaUnion columns;
  std::vector<std::string> etags;
  std::set<std::string> guarded;
  bool may_hide_nan = false;
  std::string unnamed_key;
  for (const std::string& key : job.view.keys) {
    TARN_TRY(FooterProbe::Object object, ReadObject(state, tools, job, key));
    TARN_CHECK_OK(columns.Add(key, {object.schema, &object.schema->columns}));
    if (object.has_empty_names) unnamed_key = key;
    may_hide_nan = may_hide_nan || object.may_hide_nan;
    guarded.insert(object.guarded.begin(), object.guarded.end());
    etags.push_back(std::move(object.etag));
  }
  Schema schema = ToDatasetSchema(columns, catalog::FindPartitions(job.view.name, job.view.keys));
  if (!unnamed_key.empty() && !schema.groups.empty()) {
    return Error{
        ErrorKind::kConflict,
        fmt::format("object \"{}\" has a column or a field without a name, which cannot be "
                    "matched with those of the other objects",
                    unnamed_key)};
  }
  schema.may_hide_nan = may_hide_nan;
  schema.guarded.assign(guarded.begin(), guarded.end());
  if (!state.setup.store.is_folder) schema.etags = std::move(etags);
  return schema;
}

Result<Prober::Schema> Prober::Run(State& state, Tools& tools, Job& job) {
  if (job.task->deadline().Passed()) {
    return Error{ErrorKind::kCancelled, "it did not begin in time"};
  }
  state.watchdog->Add(job.task);
  Result<Schema> schema = RunWatched(state, tools, job);
  state.watchdog->Remove(job.task);
  if (const auto cancelled = job.task->CancelReason()) return *cancelled;
  return schema;
}

}  // namespace tarn::engine
