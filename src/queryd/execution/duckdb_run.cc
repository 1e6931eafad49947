#include "queryd/execution/duckdb_run.h"

#include <utility>

#include "base/log.h"

namespace tarn::queryd {

namespace asio = boost::asio;

namespace {

// A query that finds this many processes broken by other queries runs in an isolated process. Each
// try waits for a new process.
constexpr int kBrokenTriesMax = 3;
// A query whose process was replaced this many times also runs in an isolated process.
constexpr int kReplacedTriesBesideOthers = 2;
constexpr int kReplacedTriesMax = 10;
// A query that ran for less than this time when memory ran out is not likely to be the cause. It
// runs beside others again, at most kExhaustedTriesMax times.
constexpr auto kExhaustsAfter = std::chrono::milliseconds(250);
constexpr int kExhaustedTriesMax = 3;

// Records that the process ended, or that DuckDB failed in it, while the query ran. The query does
// not run again, so no other process will judge it.
void NoteEnd(Quarantine& quarantine, const std::string& key, const Query& query,
             const EngineProcess& process, bool is_isolated, EndCause cause) {
  if (!MayBeFaultOfQuery(cause)) return;
  const std::string& user = query.user().name;
  if (is_isolated && cause == EndCause::kExhausted) {
    quarantine.NoteSuspect(key);
    quarantine.NoteExhausted(user);
  } else if (!is_isolated && user.empty() &&
             (cause == EndCause::kBroken || cause == EndCause::kExhausted)) {
    // Without tokens, only this query is a suspect, and not those of all others.
    quarantine.NoteSuspect(key);
  } else if (!is_isolated) {
    quarantine.NoteCut(key, user, process.pid());
  } else if (quarantine.NoteCulprit(key, user, process.pid())) {
    log::Warn("a query ended or broke two engine processes, refusing it for a while",
              {{"query_id", query.id()}, {"user", user}});
  }
}

protocol::Query ToMessage(const Query& query, const Statement& statement, Purpose purpose) {
  return {.id = query.id(),
          .sql = statement.sql,
          .params = statement.params,
          .format = statement.format,
          .compression = statement.compression,
          .quote_big_numbers = statement.json.quote_big_numbers,
          .row_limit = statement.limits.rows,
          .byte_limit = statement.limits.bytes,
          .begins_at_once = statement.answers_when_bound,
          .only_describe = purpose == Purpose::kDescribe};
}

std::vector<ResultColumn> ToResultColumns(std::vector<protocol::Column> columns) {
  std::vector<ResultColumn> out;
  out.reserve(columns.size());
  for (auto& [name, type] : columns) out.push_back({std::move(name), std::move(type)});
  return out;
}

}  // namespace

DuckDbRun::DuckDbRun(EnginePool::Use engine, std::shared_ptr<Quarantine> quarantine,
                     std::shared_ptr<Query> query, const Statement& statement, Purpose purpose,
                     bool is_suspect, Admission::Permit permit)
    : engine_(std::move(engine)),
      quarantine_(std::move(quarantine)),
      query_(std::move(query)),
      key_(Quarantine::KeyOf(statement.sql, statement.params, query_->user().datasets)),
      message_(ToMessage(*query_, statement, purpose)),
      permit_(std::move(permit)),
      must_isolate_(is_suspect) {}

void DuckDbRun::NoteSlowReader() {
  if (running_ != nullptr) running_->permit().NoteSlowReader(query_);
  isolation_.NoteSlowReader(query_);
}

asio::awaitable<EngineEvent> DuckDbRun::Next() {
  for (;;) {
    EngineLost lost{.never_ran = true};
    if (running_ == nullptr) {
      const Result<bool> started = co_await Start();
      if (!started.ok()) co_return Fail(started.error());
    }
    if (running_ != nullptr) {
      ProcessEvent event = co_await running_->Next();
      if (auto* begun = std::get_if<protocol::Begun>(&event)) co_return ToBegun(std::move(*begun));
      if (auto* read = std::get_if<RowsRead>(&event)) {
        co_return EncodedRows{std::move(read->bytes), read->header.rows, read->header.compression};
      }
      if (const auto* summary = std::get_if<ResultSummary>(&event)) {
        if (is_isolated_) quarantine_->NoteInnocent(key_);
        co_return *summary;
      }
      if (auto* error = std::get_if<Error>(&event)) {
        EngineEvent next = co_await AfterError(std::move(*error));
        co_return next;
      }
      lost = std::move(std::get<EngineLost>(event));
      TakeBack();
    }
    if (lost.never_ran && !query_->answer_begun()) {
      const Result<> again = co_await TryElsewhere();
      if (!again.ok()) co_return Fail(again.error());
      continue;
    }
    EngineEvent next = co_await AfterLoss(std::move(lost));
    co_return next;
  }
}

asio::awaitable<Result<bool>> DuckDbRun::Start() {
  if (std::exchange(must_isolate_, false)) {
    const Result<> isolated = co_await Isolate();
    if (!isolated.ok()) co_return isolated.error();
  }
  Result<EngineProcess::Lease> lease = Error{};
  if (is_isolated_) {
    lease = co_await engine_->TakeIsolatedSlot(*query_, process_.get());
  } else {
    lease = co_await engine_->TakeSlot(*query_, process_.get());
  }
  if (!lease.ok()) co_return lease.error();
  query_->SetRunning();
  tried_at_ = Query::Clock::now();
  process_ = lease->process().shared_from_this();
  auto on_lost = [quarantine = quarantine_, key = key_, is_isolated = is_isolated_](
                     const Query& query, const EngineProcess& process, EndCause cause) {
    NoteEnd(*quarantine, key, query, process, is_isolated, cause);
  };
  running_ = std::make_unique<EngineQuery>(*engine_, query_, std::move(permit_), std::move(*lease),
                                           std::move(on_lost));
  const bool is_sent = co_await running_->Send(message_);
  if (!is_sent) TakeBack();
  co_return is_sent;
}

void DuckDbRun::TakeBack() {
  permit_ = std::move(running_->permit());
  running_ = nullptr;
}

ResultBegun DuckDbRun::ToBegun(protocol::Begun begun) const {
  ResultBegun result{.revision = begun.revision,
                     .is_repeatable = begun.is_repeatable,
                     .columns = ToResultColumns(std::move(begun.columns)),
                     .parameters = ToResultColumns(std::move(begun.parameters)),
                     .is_withdrawn = process_->has_crashed()};
  result.reads.reserve(begun.reads.size());
  for (auto& [name, version] : begun.reads) result.reads.push_back({std::move(name), version});
  return result;
}

asio::awaitable<Result<>> DuckDbRun::Isolate() {
  permit_.Release();
  Result<Admission::Permit> entered = co_await engine_->isolation().Enter(*query_);
  if (!entered.ok() && !query_->cancel_reason()) {
    co_return Unavailable(
        "too many queries wait to run in an engine process of their own "
        "(queryd.suspect_queue_limit, queryd.suspect_queue_timeout): try again later");
  }
  if (!entered.ok()) co_return entered.error();
  isolation_ = std::move(*entered);
  is_isolated_ = true;
  // An equal query may have ended the isolated process meanwhile.
  co_return quarantine_->CheckKey(key_);
}

asio::awaitable<Result<>> DuckDbRun::TryElsewhere() {
  if (++broken_tries_ < kBrokenTriesMax) co_return Result<>();
  if (is_isolated_) {
    co_return Unavailable("no engine process could run the query, try again later");
  }
  broken_tries_ = 0;
  Result<> isolated = co_await Isolate();
  co_return isolated;
}

asio::awaitable<EngineEvent> DuckDbRun::AfterError(Error error) {
  const bool is_stale = error.kind == ErrorKind::kStale;
  if (is_stale) engine_->ForgetObjects(*process_);
  if (is_stale && stale_tries_++ == 0 && !query_->answer_begun()) {
    TakeBack();
    broken_tries_ = 0;
    log::Info("a query runs again, an object was overwritten", {{"query_id", query_->id()}});
    co_return Restarted{.has_changed_objects = true};
  }
  const bool has_run = error.kind != ErrorKind::kUnavailable && !query_->cancel_reason();
  if (is_isolated_ && has_run) quarantine_->NoteInnocent(key_);
  co_return Fail(std::move(error));
}

asio::awaitable<EngineEvent> DuckDbRun::AfterLoss(EngineLost lost) {
  if (lost.is_exhausted) {
    if (is_isolated_) {
      NoteEnd(*quarantine_, key_, *query_, *process_, is_isolated_, EndCause::kExhausted);
      // A query that does not fit alone never fits.
      co_return Fail(InvalidArgument(std::move(lost.error->message)));
    }
    engine_->ReplaceExhausted(*process_);
    if (query_->answer_begun()) co_return Fail(std::move(*lost.error));
    const Result<> recovered = co_await RunAfterExhaustion(EndCause::kExhausted);
    if (!recovered.ok()) co_return Fail(recovered.error());
    co_return Restarted{};
  }
  if (query_->answer_begun() || lost.error) {
    if (!lost.never_ran) co_await NoteLost(lost.is_broken);
    co_return Fail(lost.error ? std::move(*lost.error)
                              : Unavailable("the engine process ended before the query did"));
  }
  const Result<> recovered = co_await RecoverLost();
  if (!recovered.ok()) co_return Fail(recovered.error());
  co_return Restarted{};
}

asio::awaitable<Result<>> DuckDbRun::RecoverLost() {
  const EndCause cause = co_await process_->WaitForEndCause();
  if (cause == EndCause::kReplaced) {
    if (replaced_tries_++ >= kReplacedTriesMax) {
      co_return Unavailable("the engine process was replaced while the query ran, try again later");
    }
  } else if (is_isolated_) {
    if (IsMemory(cause)) quarantine_->NoteExhausted(query_->user().name);
    NoteEnd(*quarantine_, key_, *query_, *process_, is_isolated_, cause);
    co_return EngineSupervisor::LostError(cause);
  } else if (IsMemory(cause)) {
    Result<> recovered = co_await RunAfterExhaustion(cause);
    co_return recovered;
  } else if (MayBeFaultOfQuery(cause)) {
    quarantine_->NoteSuspect(key_);
    lost_process_ = process_->pid();
  }
  broken_tries_ = 0;
  log::Info("a query runs again, its engine ended", {{"query_id", query_->id()}});
  const bool is_replaced = cause == EndCause::kReplaced;
  if (is_replaced && (is_isolated_ || replaced_tries_ < kReplacedTriesBesideOthers)) {
    co_return Result<>();
  }
  Result<> isolated = co_await Isolate();
  co_return isolated;
}

asio::awaitable<Result<>> DuckDbRun::RunAfterExhaustion(EndCause cause) {
  broken_tries_ = 0;
  log::Info("a query runs again, memory ran out", {{"query_id", query_->id()}});
  const bool is_brief = Query::Clock::now() - tried_at_ < kExhaustsAfter;
  if (is_brief && ++exhausted_tries_ <= kExhaustedTriesMax) co_return Result<>();
  if (MayBeFaultOfQuery(cause)) {
    quarantine_->NoteSuspect(key_);
    lost_process_ = process_->pid();
  }
  Result<> isolated = co_await Isolate();
  co_return isolated;
}

asio::awaitable<void> DuckDbRun::NoteLost(bool is_broken) {
  EndCause cause = EndCause::kBroken;
  if (!is_broken) cause = co_await process_->WaitForEndCause();
  NoteEnd(*quarantine_, key_, *query_, *process_, is_isolated_, cause);
}

EngineEvent DuckDbRun::Fail(Error error) {
  // The query was cancelled before an isolated process could judge it.
  if (lost_process_ && query_->cancel_reason() && !query_->answer_begun()) {
    quarantine_->NoteCut(key_, query_->user().name, *lost_process_);
  }
  return error;
}

}  // namespace tarn::queryd
