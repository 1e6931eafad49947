#include "engine/views/prober.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/machine.h"
#include "base/mutex.h"
#include "base/text.h"
#include "catalog/partitions.h"
#include "catalog/schema_union.h"
#include "duck/quote.h"
#include "engine/views/dataset_schema.h"
#include "engine/views/footer_memory.h"
#include "engine/views/prober_state.h"

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

// glibc keeps memory for each thread (arenas), so few threads decode long footers.
constexpr size_t kLongFooterThreads = 2;

constexpr auto kProgressEvery = std::chrono::milliseconds(200);

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
    for (const uint32_t column : object.guarded) {
      guarded.insert(object.schema->columns[column].name);
    }
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

Prober::Prober(const protocol::Setup& setup, std::shared_ptr<Watchdog> watchdog) {
  protocol::Setup probe_setup = setup;
  probe_setup.views.clear();
  probe_setup.cache_objects = false;
  // A process that only probes may use all of the limit.
  if (!setup.only_probes) probe_setup.memory_limit /= kMemoryShare;
  probe_setup.temp_directory.clear();
  state_ = std::make_shared<State>(std::move(probe_setup), std::move(watchdog));
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
  state_->added_long.notify_all();
  state_->ended.wait_for(lock, kGrace, [this]() TARN_REQUIRES(state_->mutex) {
    return state_->threads + state_->long_threads == 0;
  });
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
      StartThread(state_, /*reads_long_footers=*/false);
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

void Prober::StartThread(const std::shared_ptr<State>& state, bool reads_long_footers) {
  ++(reads_long_footers ? state->long_threads : state->threads);
  std::thread([state, reads_long_footers] {
    pthread_setname_np(pthread_self(), "probe");
    Loop(state, reads_long_footers);
  }).detach();
}

void Prober::Loop(const std::shared_ptr<State>& state, bool reads_long_footers) {
  Tools tools;
  MutexLock lock(state->mutex);
  while (!state->stopping) {
    const std::shared_ptr<Read> read = reads_long_footers ? state->NextLong() : state->Next();
    if (read == nullptr && reads_long_footers) {
      state->added_long.wait(lock);
    } else if (read == nullptr) {
      ++state->idle;
      state->added.wait(lock);
      --state->idle;
    } else if (reads_long_footers) {
      state->Run(tools, read);
      read->memory = {};
      state->added_long.notify_all();  // The next long footer may fit now.
      lock.unlock();
      ReturnFreeMemory();
      lock.lock();
    } else {
      state->CountRead(*read, /*begins=*/true);
      state->Run(tools, read);
      state->CountRead(*read, /*begins=*/false);
      state->added.notify_one();  // Its owner may read again.
      while (!state->long_footers.empty() && state->long_threads < kLongFooterThreads) {
        StartThread(state, /*reads_long_footers=*/true);
      }
    }
  }
  lock.unlock();
  tools.Drop();
  lock.lock();
  --(reads_long_footers ? state->long_threads : state->threads);
  state->ended.notify_all();
}

void Prober::State::Run(Tools& tools, const std::shared_ptr<Read>& read) {
  Job& job = *read->job;
  const bool is_retry = job.request.is_retry;
  job.reading.insert(read->task);
  retries += is_retry ? 1 : 0;
  mutex.unlock();
  watchdog->Add(read->task);
  Result<FooterProbe::Object> object = Internal("it was not read");
  try {
    object = read->task->deadline().Passed() ? Error{ErrorKind::kTimeout, "timed out"}
                                             : ReadObject(*this, tools, *read);
  } catch (const std::bad_alloc&) {
    object = Error{ErrorKind::kOutOfMemory, ""};
  } catch (const std::exception& e) {
    object = Internal(e.what());
  }
  watchdog->Remove(read->task);
  if (!object.ok() && IsOutOfMemory(object.error())) {
    object = FooterMemoryError(read->key(), setup.memory_limit);
  }
  if (std::exchange(tools.is_decoding, false)) job.request.on_decoding(read->index, true);
  if (const auto cancelled = read->task->CancelReason()) object = *cancelled;
  // After an internal error, a database may refuse all further statements. After a lack of memory,
  // it may still hold some memory.
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
  job.reading.erase(read->task);
  if (std::exchange(read->is_put_back, false) && object.error().kind == ErrorKind::kUnavailable) {
    PutBack(read);
  } else {
    Take(*read, std::move(object));
  }
  if (!IsCurrent(read->job)) return;
  const bool is_done = job.IsDone();
  const auto now = Deadline::Clock::now();
  const bool tells = !is_done && now - job.told_at >= kProgressEvery;
  if (tells) job.told_at = now;
  const uint64_t count = job.read;
  if (is_done) {
    if (job.HasFailed()) Keep(job);
    Forget(read->job);
  }
  mutex.unlock();
  if (tells && job.request.on_progress) job.request.on_progress(count);
  if (is_done) job.request.on_done(Outcome(*this, job));
  mutex.lock();
}

// Returns the result of a job whose reads have ended.
Result<Prober::Schema> Prober::Outcome(const State& state, Job& job) {
  if (job.HasFailed()) return job.error;
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
  return FooterProbe::Make(state.setup, *state.planner, state.schemas, state.memory);
}

Result<FooterProbe::Object> Prober::ReadFooter(State& state, Tools& tools, Read& read) {
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
  const auto may_read_long = [&state, &read](uint64_t footer_bytes) {
    if (footer_bytes <= std::max(state.short_footer_bytes, read.long_footer_bytes)) return true;
    read.long_footer_bytes = footer_bytes;
    read.is_put_back = true;
    return false;
  };
  return tools.footers->Read(
      read.key(), *read.task,
      {.may_read_long = may_read_long, .on_decoding = [&] { BeginDecoding(tools, read); }});
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
  return ToUnknownObject(ToObjectSchema(planned->Columns(), *state.memory), *state.memory);
}

Result<FooterProbe::Object> Prober::ReadObject(State& state, Tools& tools, Read& read) {
  Result<FooterProbe::Object> object = ReadFooter(state, tools, read);
  if (object.ok() || read.is_put_back || read.task->CancelReason() ||
      read.job->request.only_etags) {
    return object;
  }
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
