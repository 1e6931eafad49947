#include "engine/views/prober.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"
#include "base/owner_turns.h"
#include "base/text.h"
#include "catalog/partitions.h"
#include "catalog/schema_union.h"
#include "duck/quote.h"
#include "engine/views/dataset_schema.h"
#include "engine/views/footer_memory.h"
#include "engine/views/footer_probe.h"
#include "s3/etag.h"

namespace tarn::engine {
namespace {

// The time for a statement to end after an interrupt, before the prober stops waiting for its
// thread.
constexpr auto kGrace = std::chrono::milliseconds(500);

// In a process that also runs queries, the memory limit of probes is this fraction of that of
// queries.
constexpr uint64_t kMemoryShare = 4;

// A dataset with at most this many objects may be read before all others.
constexpr size_t kSmallObjects = 64;

constexpr auto kProgressEvery = std::chrono::milliseconds(200);

// The most objects that are cached for retries. When there are more, all of them are evicted.
constexpr size_t kKeptMax = 200'000;

Result<protocol::DatasetSchema> ToSchema(const protocol::ViewSpec& view,
                                         std::vector<FooterProbe::Object> objects, bool has_etags) {
  catalog::SchemaUnion columns;
  std::vector<std::string> etags;
  std::set<std::string> guarded;
  bool may_hide_nan = false;
  std::string unnamed_key;
  for (size_t i = 0; i < objects.size(); ++i) {
    FooterProbe::Object& object = objects[i];
    TARN_CHECK_OK(columns.Add(std::string(view.keys[i]), {object.schema, &object.schema->columns}));
    if (object.has_empty_names) unnamed_key = view.keys[i];
    may_hide_nan = may_hide_nan || object.may_hide_nan;
    guarded.insert(object.guarded.begin(), object.guarded.end());
    etags.push_back(std::move(object.etag));
  }
  protocol::DatasetSchema schema = ToDatasetSchema(
      columns, catalog::FindPartitions(view.name, {view.keys.begin(), view.keys.end()}));
  if (!unnamed_key.empty() && !schema.groups.empty()) {
    return Error{
        ErrorKind::kConflict,
        fmt::format("object \"{}\" has a column or a field without a name, which cannot be "
                    "matched with those of the other objects",
                    unnamed_key)};
  }
  schema.may_hide_nan = may_hide_nan;
  schema.guarded.assign(guarded.begin(), guarded.end());
  if (has_etags) schema.etags = etags;
  return schema;
}

}  // namespace

// The probe of a dataset. Guarded by State::mutex, except for the constants.
struct Prober::Job {
  const Request request;
  const std::string name;  // In lower case.

  std::vector<std::optional<FooterProbe::Object>> objects = {};  // In the order of the keys.
  size_t next = 0;                                               // The next key to read.
  size_t read = 0;
  std::set<std::shared_ptr<WatchedTask>> reading = {};
  size_t failed_at = SIZE_MAX;  // The first key that failed, with `error`.
  Error error = {};
  Deadline::Clock::time_point told_at = {};  // When the progress was last reported.
  bool is_first = false;                     // Read before the other datasets.

  bool HasNext() {
    while (next < objects.size() && objects[next]) ++next;
    return failed_at == SIZE_MAX && next < objects.size();
  }
  void Fail(size_t index, Error why) {
    if (index >= failed_at) return;
    failed_at = index;
    error = std::move(why);
  }
};

// The read of one object.
struct Prober::Read {
  std::shared_ptr<Job> job;
  size_t index = 0;  // The index of its key.
  std::shared_ptr<WatchedTask> task;

  std::string key() const { return std::string(job->request.view.keys[index]); }
};

// The objects of a thread, created when it first needs them.
struct Prober::Tools {
  std::optional<FooterProbe> footers;
  std::optional<duck::Connection> connection;
  bool is_decoding = false;  // The last reported state.

  void Drop() {
    footers.reset();
    connection.reset();
  }
};

// The state that threads share. A thread that hangs may outlive the prober.
struct Prober::State {
  protocol::Setup setup;
  std::shared_ptr<Watchdog> watchdog;
  size_t threads_max;

  Mutex opening;
  // Both are created at the first use.
  std::shared_ptr<ConnectionFactory> factory TARN_GUARDED_BY(opening);
  std::optional<duck::Database> planner TARN_GUARDED_BY(opening);
  const std::shared_ptr<SchemaCache> schemas = std::make_shared<SchemaCache>();

  // Jobs that have unread objects, in the order in which threads take an object of each.
  struct Jobs {
    std::deque<std::shared_ptr<Job>> first;
    OwnerTurns<std::shared_ptr<Job>> others;

    bool empty() const { return first.empty() && others.empty(); }
    size_t size() const { return first.size() + others.size(); }
    void Push(const std::shared_ptr<Job>& job) {
      if (job->is_first) {
        first.push_front(job);
      } else {
        others.Push(job->request.owner, job);
      }
    }
    std::shared_ptr<Job> Pop() {
      if (first.empty()) return others.Pop();
      std::shared_ptr<Job> job = std::move(first.front());
      first.pop_front();
      return job;
    }
    void Remove(const std::shared_ptr<Job>& job) {
      std::erase(first, job);
      others.Remove(job->request.owner, job);
    }
  };
  Mutex mutex;
  std::condition_variable_any added;
  std::condition_variable_any ended;  // A thread has ended.
  std::map<std::string, std::shared_ptr<Job>> jobs TARN_GUARDED_BY(mutex);
  Jobs waiting TARN_GUARDED_BY(mutex);
  Jobs waiting_retries TARN_GUARDED_BY(mutex);
  size_t retries TARN_GUARDED_BY(mutex) = 0;  // The number of running reads of retries.
  size_t turns_taken TARN_GUARDED_BY(mutex) = 1;
  struct Kept {
    std::string etag;
    FooterProbe::Object object;
  };
  std::unordered_map<std::string, Kept> kept TARN_GUARDED_BY(mutex);  // By key.
  size_t threads TARN_GUARDED_BY(mutex) = 0;
  size_t idle TARN_GUARDED_BY(mutex) = 0;
  bool stopping TARN_GUARDED_BY(mutex) = false;

  Jobs& WaitingOf(const Job& job) TARN_REQUIRES(mutex) {
    return job.request.is_retry ? waiting_retries : waiting;
  }
  // Returns the queue to take the next object from, or null if both are empty. Every fourth object
  // is one of a retry.
  Jobs* Turn() TARN_REQUIRES(mutex) {
    const bool may_retry =
        !waiting_retries.empty() && retries < std::max<size_t>(threads_max / 2, 1);
    if (!waiting.empty() && (!may_retry || turns_taken % 4 != 0)) return &waiting;
    return may_retry ? &waiting_retries : nullptr;
  }
  void Keep(Job& job) TARN_REQUIRES(mutex);
  void FindKept(Job& job) TARN_REQUIRES(mutex);
  // Removes a job whose result was reported.
  void Forget(const std::shared_ptr<Job>& job) TARN_REQUIRES(mutex);
  // Reads an object without the mutex. After the last one, reports the result of its job.
  void Run(Tools& tools, const Read& read) TARN_REQUIRES(mutex);
};

// Caches the objects that were read for a job that failed.
void Prober::State::Keep(Job& job) {
  const protocol::ViewSpec& view = job.request.view;
  if (view.etags.empty() || job.request.only_etags) return;
  for (size_t i = 0; i < job.objects.size(); ++i) {
    if (!job.objects[i] || view.etags[i].empty()) continue;
    if (!s3::IsSameEtag(job.objects[i]->etag, view.etags[i])) continue;
    if (kept.size() >= kKeptMax) kept.clear();
    kept.insert_or_assign(std::string(view.keys[i]),
                          Kept{std::string(view.etags[i]), std::move(*job.objects[i])});
  }
}

void Prober::State::FindKept(Job& job) {
  const protocol::ViewSpec& view = job.request.view;
  if (view.etags.empty()) return;
  for (size_t i = 0; i < view.keys.size(); ++i) {
    const auto found = kept.find(std::string(view.keys[i]));
    if (found == kept.end()) continue;
    if (found->second.etag == view.etags[i]) {
      job.objects[i] = std::move(found->second.object);
      ++job.read;
    }
    kept.erase(found);
  }
}

void Prober::State::Forget(const std::shared_ptr<Job>& job) {
  const auto known = jobs.find(job->name);
  if (known != jobs.end() && known->second == job) jobs.erase(known);
  WaitingOf(*job).Remove(job);
}

Prober::Prober(const protocol::Setup& setup, std::shared_ptr<Watchdog> watchdog)
    : state_(std::make_shared<State>()) {
  state_->setup = setup;
  state_->setup.views.clear();
  state_->setup.cache_objects = false;
  // A process that only probes may use all of the limit.
  if (!setup.only_probes) state_->setup.memory_limit /= kMemoryShare;
  state_->setup.temp_directory.clear();
  state_->watchdog = std::move(watchdog);
  state_->threads_max = std::max<size_t>(setup.probes_max, 1);
}

Prober::~Prober() {
  MutexLock lock(state_->mutex);
  state_->stopping = true;
  for (const auto& [name, job] : state_->jobs) {
    for (const auto& task : job->reading) {
      state_->watchdog->Cancel(task, {ErrorKind::kCancelled, "the server is shutting down"});
    }
  }
  state_->added.notify_all();
  state_->ended.wait_for(lock, kGrace,
                         [this]() TARN_REQUIRES(state_->mutex) { return state_->threads == 0; });
}

void Prober::Probe(Request request) {
  if (request.view.keys.empty()) {
    request.on_done(InvalidArgument("it has no objects"));
    return;
  }
  const std::string name = ToLowerAscii(request.view.name);
  const auto job = std::make_shared<Job>(Job{.request = std::move(request), .name = name});
  const size_t count = job->request.view.keys.size();
  job->objects.resize(count);
  job->told_at = Deadline::Clock::now();
  std::shared_ptr<Job> former;
  {
    const MutexLock lock(state_->mutex);
    if (state_->stopping) return;
    if (const auto found = state_->jobs.find(name); found != state_->jobs.end()) {
      former = found->second;
      const Error reason{ErrorKind::kCancelled, "the dataset has changed meanwhile"};
      former->Fail(0, reason);
      for (const auto& task : former->reading) state_->watchdog->Cancel(task, reason);
      state_->Keep(*former);
      state_->Forget(former);
    }
    if (!job->request.only_etags) state_->FindKept(*job);
    // One object is read again, because the thread that reads the last object reports the result.
    if (job->read == count) {
      job->objects.back().reset();
      --job->read;
    }
    state_->jobs.emplace(name, job);
    job->is_first = job->request.is_first && count <= kSmallObjects;
    // Idle threads may have been notified of other jobs already.
    const size_t others = state_->waiting.size() + state_->waiting_retries.size();
    state_->WaitingOf(*job).Push(job);
    const size_t wanted = std::min(count, state_->threads_max);
    for (size_t ready = state_->idle - std::min(state_->idle, others);
         ready < wanted && state_->threads < state_->threads_max; ++ready) {
      ++state_->threads;
      std::thread([state = state_] { Loop(state); }).detach();
    }
    state_->added.notify_all();
  }
  if (former != nullptr) former->request.on_done(former->error);
}

void Prober::Hurry(const std::string& dataset) {
  const MutexLock lock(state_->mutex);
  const auto found = state_->jobs.find(ToLowerAscii(dataset));
  if (found == state_->jobs.end()) return;
  const std::shared_ptr<Job> job = found->second;
  if (job->is_first || job->objects.size() > kSmallObjects) return;
  State::Jobs& turns = state_->WaitingOf(*job);
  turns.Remove(job);
  job->is_first = true;
  if (job->HasNext()) turns.Push(job);
}

void Prober::Loop(const std::shared_ptr<State>& state) {
  pthread_setname_np(pthread_self(), "probe");
  Tools tools;
  MutexLock lock(state->mutex);
  for (;;) {
    ++state->idle;
    state->added.wait(lock, [&]() TARN_REQUIRES(state->mutex) {
      return state->stopping || state->Turn() != nullptr;
    });
    --state->idle;
    if (state->stopping) break;
    State::Jobs& turns = *state->Turn();
    ++state->turns_taken;
    const std::shared_ptr<Job> job = turns.Pop();
    if (!job->HasNext()) continue;
    const Read read{
        .job = job,
        .index = job->next++,
        .task = std::make_shared<WatchedTask>(Deadline::After(job->request.object_timeout))};
    if (job->HasNext()) turns.Push(job);
    state->Run(tools, read);
    if (state->stopping) break;
  }
  lock.unlock();
  tools.Drop();
  lock.lock();
  --state->threads;
  state->ended.notify_all();
}

void Prober::State::Run(Tools& tools, const Read& read) {
  Job& job = *read.job;
  const bool is_retry = job.request.is_retry;
  job.reading.insert(read.task);
  retries += is_retry ? 1 : 0;
  mutex.unlock();
  watchdog->Add(read.task);
  Result<FooterProbe::Object> object = Internal("it was not read");
  try {
    object = read.task->deadline().Passed() ? Error{ErrorKind::kTimeout, "timed out"}
                                            : ReadObject(*this, tools, read);
  } catch (const std::bad_alloc&) {
    object = Error{ErrorKind::kOutOfMemory, ""};
  } catch (const std::exception& e) {
    object = Internal(e.what());
  }
  watchdog->Remove(read.task);
  if (!object.ok() && IsOutOfMemory(object.error())) {
    object = FooterMemoryError(read.key(), setup.memory_limit);
  }
  if (std::exchange(tools.is_decoding, false)) job.request.on_decoding(read.index, true);
  if (const auto cancelled = read.task->CancelReason()) object = *cancelled;
  // A database that saw an internal error may refuse everything from now on. One that had too
  // little memory may hold some of it.
  const bool is_suspect = !object.ok() && (object.error().kind == ErrorKind::kInternal ||
                                           object.error().kind == ErrorKind::kOutOfMemory);
  if (is_suspect) {
    tools.Drop();
    const MutexLock lock(opening);
    planner.reset();
    factory.reset();
  }
  mutex.lock();
  retries -= is_retry ? 1 : 0;
  if (is_retry) added.notify_one();
  job.reading.erase(read.task);
  if (object.ok()) {
    job.objects[read.index] = std::move(*object);
    ++job.read;
  } else {
    job.Fail(read.index, object.error());
  }
  const auto known = jobs.find(job.name);
  if (stopping || known == jobs.end() || known->second != read.job) return;
  const bool is_done = job.reading.empty() && !job.HasNext();
  const auto now = Deadline::Clock::now();
  const bool tells = !is_done && now - job.told_at >= kProgressEvery;
  if (tells) job.told_at = now;
  const uint64_t count = job.read;
  if (is_done) {
    if (job.failed_at != SIZE_MAX) Keep(job);
    Forget(read.job);
  }
  mutex.unlock();
  if (tells && job.request.on_progress) job.request.on_progress(count);
  if (is_done) job.request.on_done(Outcome(*this, job));
  mutex.lock();
}

// Returns the result of a job whose reads have ended.
Result<Prober::Schema> Prober::Outcome(const State& state, Job& job) {
  if (job.failed_at != SIZE_MAX) return job.error;
  if (job.request.only_etags) return Schema();
  std::vector<FooterProbe::Object> objects;
  objects.reserve(job.objects.size());
  for (auto& object : job.objects) objects.push_back(std::move(*object));
  try {
    return ToSchema(job.request.view, std::move(objects), !state.setup.store.is_folder);
  } catch (const std::exception& e) {
    return Internal(e.what());
  }
}

void Prober::BeginDecoding(Tools& tools, const Read& read) {
  const auto& report = read.job->request.on_decoding;
  if (!report || std::exchange(tools.is_decoding, true)) return;
  report(read.index, /*has_ended=*/false);
}

Result<duck::Connection> Prober::Connect(State& state) {
  std::shared_ptr<ConnectionFactory> factory;
  {
    const MutexLock lock(state.opening);
    if (state.factory == nullptr) {
      TARN_TRY(state.factory, ConnectionFactory::Open(state.setup, 0));
    }
    factory = state.factory;
  }
  return factory->Connect();
}

Result<FooterProbe> Prober::OpenFooters(State& state) {
  const MutexLock lock(state.opening);
  if (!state.planner) {
    TARN_TRY(state.planner, FooterProbe::OpenPlanner());
  }
  return FooterProbe::Make(state.setup, *state.planner, state.schemas);
}

Result<FooterProbe::Object> Prober::ReadFooter(State& state, Tools& tools, const Read& read) {
  if (!tools.footers) {
    TARN_TRY(FooterProbe footers, OpenFooters(state));
    tools.footers.emplace(std::move(footers));
  }
  const Request& request = read.job->request;
  if (request.only_etags) {
    TARN_CHECK_OK(tools.footers->CheckEtag(
        read.key(), std::string(request.view.etags.at(read.index)), *read.task));
    return FooterProbe::Object();
  }
  return tools.footers->Read(read.key(), *read.task, [&] { BeginDecoding(tools, read); });
}

Result<FooterProbe::Object> Prober::ReadWithDuckdb(State& state, Tools& tools, const Read& read) {
  TARN_TRY(const std::string url, state.setup.store.Url(read.key()));
  if (!tools.connection) {
    TARN_TRY(duck::Connection opened, Connect(state));
    tools.connection.emplace(std::move(opened));
  }
  if (!read.task->Begin(*tools.connection)) {
    return Error{ErrorKind::kCancelled, "it was cancelled"};
  }
  BeginDecoding(tools, read);
  const Result<duck::Statement> planned = tools.connection->Prepare(fmt::format(
      "SELECT * FROM read_parquet({}, hive_partitioning = false)", duck::QuoteLiteral(url)));
  read.task->End();
  if (!planned.ok()) return planned.error();
  return ToUnknownObject(ToObjectSchema(planned->Columns()));
}

Result<FooterProbe::Object> Prober::ReadObject(State& state, Tools& tools, const Read& read) {
  Result<FooterProbe::Object> object = ReadFooter(state, tools, read);
  if (object.ok() || read.task->CancelReason() || read.job->request.only_etags) return object;
  const auto with_key = [&read](const Error& error) {
    return error.Wrap(fmt::format("object \"{}\"", read.key()));
  };
  if (tools.footers && tools.footers->refused()) return with_key(object.error());
  log::Debug("an object is not read from its footer", {{"dataset", read.job->request.view.name},
                                                       {"key", read.key()},
                                                       {"reason", object.error().message}});
  const ErrorKind footer_error = object.error().kind;
  object = ReadWithDuckdb(state, tools, read);
  if (object.ok()) return object;
  Error error = with_key(object.error());
  // DuckDB's errors do not distinguish a store that is down from a missing object.
  const bool is_store_down =
      footer_error == ErrorKind::kUnavailable || footer_error == ErrorKind::kTimeout;
  if (is_store_down && error.kind == ErrorKind::kInvalidArgument) {
    error.kind = ErrorKind::kUnavailable;
  }
  return error;
}

}  // namespace tarn::engine
