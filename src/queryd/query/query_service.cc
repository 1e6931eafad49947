#include "queryd/query/query_service.h"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/redact.h"
#include "base/text.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

// A query that finds processes broken by others so often runs in one of its own, which others
// cannot break. Each try waits for a new process.
constexpr int kTriesMax = 3;
// The same of a query whose process was ended so often, because another one replaced it.
constexpr int kReplacedTriesBesideOthers = 2;
constexpr int kReplacedTriesMax = 10;

// What the registry keeps of a query's text, with the "…" of one that is cut.
constexpr size_t kSqlShownBytes = 2003;

// The limit for the error of a failed query in the log. GET /queries has all of it.
constexpr size_t kLoggedErrorBytesMax = 512;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Holds a gauge up while it lives.
class CountedWhile {
 public:
  explicit CountedWhile(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
  ~CountedWhile() { gauge_.Decrement(); }
  CountedWhile(const CountedWhile&) = delete;
  CountedWhile& operator=(const CountedWhile&) = delete;

 private:
  prometheus::Gauge& gauge_;
};

// The process ended, or DuckDB failed in it, while the query ran. The query does not run again: no
// other process will judge it.
void NoteEnd(Quarantine& quarantine, const std::string& key, const Query& query,
             const EngineProcess& process, bool is_isolated, EndCause cause) {
  if (!MayBeFaultOfQuery(cause)) return;
  const std::string& user = query.user().name;
  if (!is_isolated && cause == EndCause::kBroken && user.empty()) {
    // Without tokens, the queries of all others need not run alone: none of them is cut off.
    quarantine.NoteSuspect(key);
  } else if (!is_isolated) {
    quarantine.NoteCut(key, user, process.pid());
  } else if (quarantine.NoteCulprit(key, user, process.pid())) {
    log::Warn("a query ended or broke two engine processes, refusing it for a while",
              {{"query_id", query.id()}, {"user", user}});
  }
}

}  // namespace

QueryService::QueryService(EnginePool& engines, const Options& options, Metrics& metrics,
                           DatasetsInUse* in_use)
    : engines_(engines),
      options_(options),
      admission_(options.admission),
      place_waiters_(options.admission.queue_max),
      quarantine_(std::make_shared<Quarantine>(options.quarantine, metrics)),
      registry_(options.history_max),
      cache_(options.cache_bytes_max, metrics),
      in_use_(in_use),
      succeeded_(metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "ok"}})),
      failed_(metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "error"}})),
      cancelled_(
          metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "cancelled"}})),
      retried_(
          metrics.Counter("tarn_query_retries_total",
                          "Queries that ran again because their engine process ended, or an object "
                          "was overwritten")),
      rows_(metrics.Counter("tarn_result_rows_total", "Rows of results that ended well")),
      bytes_(metrics.Counter("tarn_result_bytes_total", "Encoded bytes of results")),
      queued_(metrics.Gauge("tarn_queries_queued", "Queries that wait for their turn")),
      running_(metrics.Gauge("tarn_queries_running",
                             "Queries that run and have not begun to send their answer")),
      queue_seconds_(metrics.Seconds("tarn_query_queue_seconds", "How long a query waited")),
      seconds_(metrics.Seconds("tarn_query_seconds",
                               "From a query's arrival to the end of its answer")) {}

asio::awaitable<Result<QueryHandle>> QueryService::Open(const Statement& statement,
                                                        const std::string& id,
                                                        std::shared_ptr<const auth::Identity> user,
                                                        QueryClient client) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  QueryInfo info{.id = id,
                 .user = user->name,
                 .sql = Shortened(ProcessRedactor().Redact(statement.sql), kSqlShownBytes),
                 .format = statement.format,
                 .submitted_at = std::chrono::system_clock::now()};
  const auto query =
      std::make_shared<Query>(executor, std::move(info), std::move(user), statement.limits.timeout);
  if (!registry_.Add(query)) {
    co_return Error{ErrorKind::kConflict, "a query with this X-Query-Id runs already"};
  }
  query->StartTimeout();
  co_return QueryHandle(*this, query, std::move(client));
}

asio::awaitable<Result<ResultStream>> QueryService::Run(const Statement& statement,
                                                        QueryHandle handle) {
  Result<PartialResult> result =
      co_await RunUntilAnswered(statement, handle.shared_query(), Purpose::kRun);
  if (!result.ok()) co_return result.error();
  co_return ResultStream(std::move(handle), std::move(*result));
}

asio::awaitable<Result<Description>> QueryService::Describe(const Statement& statement,
                                                            QueryHandle handle) {
  Result<PartialResult> result =
      co_await RunUntilAnswered(statement, handle.shared_query(), Purpose::kDescribe);
  if (!result.ok()) co_return result.error();
  co_return Description{.revision = result->revision,
                        .columns = std::move(result->columns),
                        .parameters = std::move(result->parameters)};
}

asio::awaitable<Result<PartialResult>> QueryService::RunUntilAnswered(const Statement& statement,
                                                                      std::shared_ptr<Query> query,
                                                                      Purpose purpose) {
  const std::string key = ResultCache::KeyOf(statement, query->user().datasets);
  if (purpose == Purpose::kRun) {
    std::optional<PartialResult> cached = FindCached(statement, key, *query);
    if (cached) co_return std::move(*cached);
  }
  const std::string quarantine_key =
      Quarantine::KeyOf(statement.sql, statement.params, query->user().datasets);
  const Result<bool> is_suspect = quarantine_->Check(quarantine_key, query->user().name);
  if (!is_suspect.ok()) {
    Finish(*query, is_suspect.error());
    co_return is_suspect.error();
  }
  Result<Admitted> admitted = Error{};
  {
    const CountedWhile counted(queued_);
    admitted = co_await Admit(*query);
  }
  queue_seconds_.Observe(Seconds(query->queued()));
  if (!admitted.ok()) {
    Finish(*query, admitted.error());
    co_return admitted.error();
  }
  const CountedWhile counted(running_);
  Hold hold{.purpose = purpose,
            .engine = std::move(admitted->engine),
            .permit = std::move(admitted->permit),
            .quarantine_key = quarantine_key};
  Result<> go_on;
  if (*is_suspect) go_on = co_await Isolate(*query, hold);
  while (go_on.ok()) {
    Attempt attempt = co_await TryUntilItRuns(statement, query, key, hold);
    if (auto* result = std::get_if<PartialResult>(&attempt)) co_return std::move(*result);
    go_on = co_await Recover(attempt, *query, hold);
  }
  // It was cancelled before a process of its own could judge it.
  if (hold.lost_process && query->cancel_reason()) {
    quarantine_->NoteCut(quarantine_key, query->user().name, *hold.lost_process);
  }
  Finish(*query, go_on.error());
  co_return go_on.error();
}

asio::awaitable<Result<QueryService::Admitted>> QueryService::Admit(Query& query) {
  const Deadline deadline = Deadline::After(options_.admission.queue_timeout);
  for (;;) {
    Result<Admission::Permit> entered = co_await admission_.Enter(query);
    if (!entered.ok()) co_return entered.error();
    Result<EnginePool::Use> engine = engines_.For(query.user().datasets);
    if (!engine.ok()) co_return engine.error();
    if (*engine != nullptr) co_return Admitted{std::move(*entered), std::move(*engine)};
    // Without its slot, which the queries of other engines can use meanwhile.
    entered->Release();
    const SharedSlots::Slot waiter = place_waiters_.Acquire(query.user().name);
    if (waiter == nullptr) {
      co_return Unavailable(
          "too many queries wait for an engine (queryd.scoped_engines_max, queryd.queue_limit), "
          "try again later");
    }
    const Result<> waited = co_await engines_.WaitForPlace(query, deadline);
    if (!waited.ok()) co_return waited.error();
  }
}

asio::awaitable<Result<>> QueryService::Isolate(Query& query, Hold& hold) {
  hold.permit.Release();
  Result<Admission::Permit> entered = co_await hold.engine->isolation().Enter(query);
  if (!entered.ok() && !query.cancel_reason()) {
    co_return Unavailable(
        "too many queries wait to run in an engine process of their own "
        "(queryd.suspect_queue_limit, queryd.suspect_queue_timeout): try again later");
  }
  if (!entered.ok()) co_return entered.error();
  hold.isolation = std::move(*entered);
  hold.is_isolated = true;
  // The same query may have ended the process that it had, while this one waited.
  co_return quarantine_->CheckKey(hold.quarantine_key);
}

asio::awaitable<Result<>> QueryService::Recover(const Attempt& attempt, Query& query, Hold& hold) {
  const auto* error = std::get_if<Error>(&attempt);
  if (error == nullptr) {
    const auto& lost = std::get<EngineLost>(attempt);
    if (lost.never_ran && hold.is_isolated) {
      co_return Unavailable("no engine process could run the query, try again later");
    }
    if (lost.never_ran) {
      Result<> isolated = co_await Isolate(query, hold);
      co_return isolated;
    }
    if (lost.error) {
      co_await NoteLost(lost, hold.process, hold.quarantine_key, query, hold.is_isolated);
      co_return *lost.error;
    }
    Result<> recovered = co_await RecoverLost(query, hold);
    co_return recovered;
  }
  if (error->kind == ErrorKind::kStale) ForgetObjects(*hold.engine, *hold.process);
  if (error->kind != ErrorKind::kStale || hold.stale_tries++ > 0) {
    const bool has_run = error->kind != ErrorKind::kUnavailable && !query.cancel_reason();
    if (hold.is_isolated && has_run) quarantine_->NoteInnocent(hold.quarantine_key);
    co_return *error;
  }
  retried_.Increment();
  log::Info("a query runs again, an object was overwritten", {{"query_id", query.id()}});
  if (hold.is_isolated) co_return Result<>();
  Result<Admission::Permit> again = co_await admission_.Enter(query);
  if (!again.ok()) co_return again.error();
  hold.permit = std::move(*again);
  co_return Result<>();
}

asio::awaitable<Result<>> QueryService::RecoverLost(Query& query, Hold& hold) {
  const EndCause cause = co_await hold.process->WaitForEndCause();
  if (cause == EndCause::kReplaced) {
    if (hold.replaced_tries++ >= kReplacedTriesMax) {
      co_return Unavailable("the engine process was replaced while the query ran, try again later");
    }
  } else if (hold.is_isolated) {
    NoteEnd(*quarantine_, hold.quarantine_key, query, *hold.process, hold.is_isolated, cause);
    co_return EngineSupervisor::LostError(cause);
  } else if (MayBeFaultOfQuery(cause)) {
    quarantine_->NoteSuspect(hold.quarantine_key);
    hold.lost_process = hold.process->pid();
  }
  retried_.Increment();
  log::Info("a query runs again, its engine ended", {{"query_id", query.id()}});
  const bool is_replaced = cause == EndCause::kReplaced;
  if (is_replaced && (hold.is_isolated || hold.replaced_tries < kReplacedTriesBesideOthers)) {
    co_return Result<>();
  }
  Result<> isolated = co_await Isolate(query, hold);
  co_return isolated;
}

asio::awaitable<void> QueryService::NoteLost(const EngineLost& lost,
                                             std::shared_ptr<EngineProcess> process,
                                             std::string quarantine_key, const Query& query,
                                             bool is_isolated) {
  EndCause cause = EndCause::kBroken;
  if (!lost.is_broken) cause = co_await process->WaitForEndCause();
  NoteEnd(*quarantine_, quarantine_key, query, *process, is_isolated, cause);
}

void QueryService::ForgetObjects(EngineSupervisor& engine, const EngineProcess& process) {
  engine.ForgetObjects(process);
  cache_.Clear();
}

std::optional<PartialResult> QueryService::FindCached(const Statement& statement,
                                                      const std::string& key, Query& query) {
  if (!cache_.is_on() || statement.cache != CacheUse::kAnswer) return std::nullopt;
  PartialResult result;
  const auto is_current = [&](const std::vector<protocol::DatasetRead>& reads) {
    const std::optional<uint64_t> revision = engines_.first().RevisionWith(reads);
    result.revision = revision.value_or(0);
    return revision.has_value();
  };
  const std::shared_ptr<const CachedResult> kept = cache_.Find(key, is_current);
  if (kept == nullptr) return std::nullopt;
  if (in_use_ != nullptr) in_use_->Note(kept->reads);
  result.bytes = kept->bytes;
  result.compression = kept->compression;
  result.columns = kept->columns;
  result.summary = kept->summary;
  result.tag = kept->tag;
  result.is_cached = true;
  query.SetCached();
  query.SetRunning();
  query.SetSent(result.summary.rows, result.bytes.size());
  bytes_.Increment(static_cast<double>(result.bytes.size()));
  Finish(query, result.summary);
  return result;
}

void QueryService::Store(const Statement& statement, const std::string& key,
                         std::vector<protocol::DatasetRead> reads, PartialResult& result) {
  result.tag = TagOf(result.bytes);
  if (statement.cache == CacheUse::kNone) return;
  result.is_stored = cache_.Keep(key, {.bytes = result.bytes,
                                       .tag = result.tag,
                                       .compression = result.compression,
                                       .summary = result.summary,
                                       .columns = result.columns,
                                       .reads = std::move(reads),
                                       .has_crashed = result.process->has_crashed()});
}

asio::awaitable<QueryService::Attempt> QueryService::TryUntilItRuns(const Statement& statement,
                                                                    std::shared_ptr<Query> query,
                                                                    const std::string& key,
                                                                    Hold& hold) {
  Attempt attempt;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    attempt = co_await Try(statement, query, key, hold);
    const auto* lost = std::get_if<EngineLost>(&attempt);
    if (lost == nullptr || !lost->never_ran) break;
  }
  co_return attempt;
}

asio::awaitable<QueryService::Attempt> QueryService::Try(const Statement& statement,
                                                         std::shared_ptr<Query> query,
                                                         const std::string& key, Hold& hold) {
  Result<EngineProcess::Lease> lease = Error{};
  if (hold.is_isolated) {
    lease = co_await hold.engine->TakeIsolatedSlot(*query, hold.process.get());
  } else {
    lease = co_await hold.engine->TakeSlot(*query, hold.process.get());
  }
  if (!lease.ok()) co_return lease.error();
  query->SetRunning();
  hold.process = lease->process().shared_from_this();
  PartialResult result;
  result.process = hold.process;
  result.engine = hold.engine;
  result.quarantine_key = hold.quarantine_key;
  result.is_isolated = hold.is_isolated;
  auto on_lost = [quarantine = quarantine_, key = hold.quarantine_key,
                  is_isolated = hold.is_isolated](const Query& lost, const EngineProcess& process,
                                                  EndCause cause) {
    NoteEnd(*quarantine, key, lost, process, is_isolated, cause);
  };
  result.rest = std::make_unique<EngineQuery>(*hold.engine, query, std::move(hold.permit),
                                              std::move(*lease), std::move(on_lost));
  const protocol::Query message{.id = query->id(),
                                .sql = statement.sql,
                                .params = statement.params,
                                .format = statement.format,
                                .compression = statement.compression,
                                .quote_big_numbers = statement.json.quote_big_numbers,
                                .row_limit = statement.limits.rows,
                                .byte_limit = statement.limits.bytes,
                                .begins_at_once = statement.answers_when_bound,
                                .only_describe = hold.purpose == Purpose::kDescribe};
  protocol::Begun begun;
  const bool sent = co_await result.rest->Send(message);
  while (sent && result.bytes.size() <= options_.whole_bytes_max) {
    EngineEvent event = co_await result.rest->Next();
    if (auto* first = std::get_if<protocol::Begun>(&event)) {
      begun = std::move(*first);
      result.revision = begun.revision;
      result.columns = std::move(begun.columns);
      result.parameters = std::move(begun.parameters);
      if (in_use_ != nullptr) in_use_->Note(begun.reads);
      if (statement.answers_when_bound) break;
    } else if (auto* read = std::get_if<RowsRead>(&event)) {
      result.compression = read->header.compression;
      result.summary.rows = read->header.rows;
      if (result.bytes.empty()) {
        result.bytes = std::move(read->bytes);
      } else {
        result.bytes += read->bytes;
      }
    } else if (const auto* summary = std::get_if<ResultSummary>(&event)) {
      result.summary = *summary;
      result.rest = nullptr;
      if (hold.is_isolated) quarantine_->NoteInnocent(hold.quarantine_key);
      query->SetSent(summary->rows, result.bytes.size());
      bytes_.Increment(static_cast<double>(result.bytes.size()));
      const bool has_run = hold.purpose == Purpose::kRun;
      if (has_run && begun.is_repeatable) Store(statement, key, std::move(begun.reads), result);
      Finish(*query, *summary);
      co_return result;
    } else if (const auto* error = std::get_if<Error>(&event)) {
      co_return *error;
    } else {
      hold.permit = std::move(result.rest->permit());
      co_return std::get<EngineLost>(event);
    }
  }
  if (!sent) {
    hold.permit = std::move(result.rest->permit());
    co_return EngineLost{.never_ran = true};
  }
  result.isolation = std::move(hold.isolation);
  query->SetAnswerBegun();
  bytes_.Increment(static_cast<double>(result.bytes.size()));
  query->SetSent(result.summary.rows, result.bytes.size());
  co_return result;
}

asio::awaitable<Result<std::string>> QueryService::ReadOn(PartialResult& result, Query& query) {
  EngineEvent event = co_await result.rest->Next();
  if (auto* read = std::get_if<RowsRead>(&event)) {
    result.summary.rows = read->header.rows;
    bytes_.Increment(static_cast<double>(read->bytes.size()));
    query.AddSent(read->header.rows, read->bytes.size());
    co_return std::move(read->bytes);
  }
  if (const auto* summary = std::get_if<ResultSummary>(&event)) {
    result.summary = *summary;
    if (result.is_isolated) quarantine_->NoteInnocent(result.quarantine_key);
    Finish(query, *summary);
    co_return std::string();
  }
  Error error = Unavailable("the engine process ended before the query did");
  if (auto* lost = std::get_if<EngineLost>(&event)) {
    if (!lost->never_ran) {
      co_await NoteLost(*lost, result.process, result.quarantine_key, query, result.is_isolated);
    }
    if (lost->error) error = std::move(*lost->error);
  }
  if (auto* failed = std::get_if<Error>(&event)) error = std::move(*failed);
  if (error.kind == ErrorKind::kStale) ForgetObjects(*result.engine, *result.process);
  Finish(query, error);
  co_return error;
}

void QueryService::Finish(Query& query, const Result<ResultSummary>& outcome) {
  if (!registry_.Finish(query, outcome)) return;
  const QueryInfo info = query.Info();
  seconds_.Observe(Seconds(info.queued + info.run));
  if (outcome.ok()) {
    succeeded_.Increment();
    rows_.Increment(static_cast<double>(outcome->rows));
    log::Info("query", {{"query_id", query.id()},
                        {"user", info.user},
                        {"ms", Seconds(info.run) * 1000},
                        {"queued_ms", Seconds(info.queued) * 1000},
                        {"rows", info.rows},
                        {"bytes", info.bytes}});
    return;
  }
  const Error& error = outcome.error();
  (info.state == QueryState::kCancelled ? cancelled_ : failed_).Increment();
  log::WriteForClient(info.user,
                      error.kind == ErrorKind::kInternal ? log::Level::kError : log::Level::kInfo,
                      "query failed",
                      {{"query_id", query.id()},
                       {"user", info.user},
                       {"ms", Seconds(info.run) * 1000},
                       {"rows", info.rows},
                       {"bytes", info.bytes},
                       {"error", Shortened(error.message, kLoggedErrorBytesMax)}});
}

}  // namespace tarn::queryd
