#include "queryd/query/query_service.h"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.h"
#include "base/redact.h"
#include "base/text.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

// The registry stores the beginning of a query's text. A text that is cut ends with "…".
constexpr size_t kSqlShownBytes = 2003;

// The limit for the error of a failed query in the log. GET /queries has all of it.
constexpr size_t kLoggedErrorBytesMax = 512;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Increments a gauge while it exists.
class CountedWhile {
 public:
  explicit CountedWhile(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
  ~CountedWhile() { gauge_.Decrement(); }
  CountedWhile(const CountedWhile&) = delete;
  CountedWhile& operator=(const CountedWhile&) = delete;

 private:
  prometheus::Gauge& gauge_;
};

}  // namespace

QueryService::QueryService(Engine& engine, const Options& options, Metrics& metrics,
                           DatasetsInUse* in_use)
    : engine_(engine),
      options_(options),
      admission_(options.admission),
      place_waiters_(options.admission.queue_max),
      registry_(options.history_max),
      cache_(options.cache_bytes_max, metrics),
      in_use_(in_use),
      succeeded_(metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "ok"}})),
      failed_(metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "error"}})),
      cancelled_(
          metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "cancelled"}})),
      retried_(metrics.Counter("tarn_query_retries_total",
                               "Queries that ran again because the engine failed, or an object was "
                               "overwritten")),
      rows_(metrics.Counter("tarn_result_rows_total", "Rows of results that ended well")),
      bytes_(metrics.Counter("tarn_result_bytes_total", "Encoded bytes of results")),
      queued_(metrics.Gauge("tarn_queries_queued", "Queries that are queued")),
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
  ResultBegun& begun = result->begun;
  co_return Description{.revision = begun.revision,
                        .columns = std::move(begun.columns),
                        .parameters = std::move(begun.parameters)};
}

asio::awaitable<Result<PartialResult>> QueryService::RunUntilAnswered(const Statement& statement,
                                                                      std::shared_ptr<Query> query,
                                                                      Purpose purpose) {
  const std::string key = ResultCache::KeyOf(statement, query->user().datasets);
  if (purpose == Purpose::kRun) {
    std::optional<PartialResult> cached = FindCached(statement, key, *query);
    if (cached) co_return std::move(*cached);
  }
  const Result<bool> is_suspect = engine_.Check(statement, query->user());
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
  PartialResult result;
  result.rest =
      admitted->place->Run(query, statement, purpose, *is_suspect, std::move(admitted->permit));
  const Result<> read = co_await ReadFirst(statement, key, purpose, *query, result);
  if (!read.ok()) {
    Finish(*query, read.error());
    co_return read.error();
  }
  co_return result;
}

asio::awaitable<Result<QueryService::Admitted>> QueryService::Admit(Query& query) {
  const Deadline deadline = Deadline::After(options_.admission.queue_timeout);
  for (;;) {
    Result<Admission::Permit> entered = co_await admission_.Enter(query);
    if (!entered.ok()) co_return entered.error();
    Result<std::shared_ptr<EnginePlace>> place = engine_.TakePlace(query.user());
    if (!place.ok()) co_return place.error();
    if (*place != nullptr) co_return Admitted{std::move(*entered), std::move(*place)};
    // Other queries can use the permit meanwhile.
    entered->Release();
    const SharedSlots::Slot waiter = place_waiters_.Acquire(query.user().name);
    if (waiter == nullptr) {
      co_return Unavailable(
          "too many queries wait for an engine (queryd.scoped_engines_max, queryd.queue_limit), "
          "try again later");
    }
    const Result<> waited = co_await engine_.WaitForPlace(query, deadline);
    if (!waited.ok()) co_return waited.error();
  }
}

asio::awaitable<Result<>> QueryService::ReadFirst(const Statement& statement,
                                                  const std::string& key, Purpose purpose,
                                                  Query& query, PartialResult& result) {
  const bool returns_when_bound = purpose == Purpose::kRun && statement.answers_when_bound;
  bool is_bound = false;
  while (result.bytes.size() <= options_.whole_bytes_max && !(is_bound && returns_when_bound)) {
    EngineEvent event = co_await result.rest->Next();
    if (auto* begun = std::get_if<ResultBegun>(&event)) {
      Begin(std::move(*begun), result);
      is_bound = true;
    } else if (auto* read = std::get_if<EncodedRows>(&event)) {
      result.compression = read->compression;
      result.summary.rows = read->rows;
      if (result.bytes.empty()) {
        result.bytes = std::move(read->bytes);
      } else {
        result.bytes += read->bytes;
      }
    } else if (const auto* restart = std::get_if<Restarted>(&event)) {
      NoteRestart(*restart);
    } else if (const auto* summary = std::get_if<ResultSummary>(&event)) {
      result.summary = *summary;
      result.rest = nullptr;
      query.SetSent(summary->rows, result.bytes.size());
      bytes_.Increment(static_cast<double>(result.bytes.size()));
      if (purpose == Purpose::kRun && result.begun.is_repeatable) Store(statement, key, result);
      Finish(query, *summary);
      co_return Result<>();
    } else {
      co_return NoteError(std::move(std::get<Error>(event)));
    }
  }
  query.SetAnswerBegun();
  bytes_.Increment(static_cast<double>(result.bytes.size()));
  query.SetSent(result.summary.rows, result.bytes.size());
  co_return Result<>();
}

asio::awaitable<Result<std::string>> QueryService::ReadOn(PartialResult& result, Query& query) {
  EngineEvent event = co_await result.rest->Next();
  if (auto* read = std::get_if<EncodedRows>(&event)) {
    result.compression = read->compression;
    result.summary.rows = read->rows;
    bytes_.Increment(static_cast<double>(read->bytes.size()));
    query.AddSent(read->rows, read->bytes.size());
    co_return std::move(read->bytes);
  }
  if (const auto* summary = std::get_if<ResultSummary>(&event)) {
    result.summary = *summary;
    Finish(query, *summary);
    co_return std::string();
  }
  const auto* failed = std::get_if<Error>(&event);
  const Error error = NoteError(
      failed != nullptr ? *failed : Internal("the engine began a result that was sent before"));
  Finish(query, error);
  co_return error;
}

void QueryService::Begin(ResultBegun begun, PartialResult& result) {
  result.bytes.clear();
  result.summary = {};
  result.begun = std::move(begun);
  if (in_use_ != nullptr) in_use_->Note(result.begun.reads);
}

void QueryService::NoteRestart(const Restarted& restart) {
  retried_.Increment();
  if (restart.has_changed_objects) cache_.Clear();
}

Error QueryService::NoteError(Error error) {
  if (error.kind == ErrorKind::kStale) cache_.Clear();
  return error;
}

std::optional<PartialResult> QueryService::FindCached(const Statement& statement,
                                                      const std::string& key, Query& query) {
  if (!cache_.is_on() || statement.cache != CacheUse::kAnswer) return std::nullopt;
  PartialResult result;
  const auto is_current = [&](const std::vector<DatasetRead>& reads) {
    const std::optional<uint64_t> revision = engine_.RevisionWith(reads);
    result.begun.revision = revision.value_or(0);
    return revision.has_value();
  };
  const std::shared_ptr<const CachedResult> cached = cache_.Find(key, is_current);
  if (cached == nullptr) return std::nullopt;
  if (in_use_ != nullptr) in_use_->Note(cached->reads);
  result.bytes = cached->bytes;
  result.compression = cached->compression;
  result.begun.columns = cached->columns;
  result.summary = cached->summary;
  result.tag = cached->tag;
  result.is_cached = true;
  query.SetCached();
  query.SetRunning();
  query.SetSent(result.summary.rows, result.bytes.size());
  bytes_.Increment(static_cast<double>(result.bytes.size()));
  Finish(query, result.summary);
  return result;
}

void QueryService::Store(const Statement& statement, const std::string& key,
                         PartialResult& result) {
  result.tag = TagOf(result.bytes);
  if (statement.cache == CacheUse::kNone) return;
  result.is_stored = cache_.Keep(key, {.bytes = result.bytes,
                                       .tag = result.tag,
                                       .compression = result.compression,
                                       .summary = result.summary,
                                       .columns = result.begun.columns,
                                       .reads = result.begun.reads,
                                       .is_withdrawn = result.begun.is_withdrawn});
}

void QueryService::Finish(Query& query, const Result<ResultSummary>& outcome) {
  if (!registry_.Finish(query, outcome)) return;
  const QueryInfo info = query.Info();
  seconds_.Observe(Seconds(info.queued + info.run));
  if (outcome.ok()) {
    succeeded_.Increment();
    rows_.Increment(static_cast<double>(outcome->rows));
    log::WriteForClient(info.user, log::Level::kInfo, "query",
                        {{"query_id", query.id()},
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
