#include "engine/duck_engine.h"

#include <fmt/format.h>
#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <unordered_set>

#include "base/log.h"
#include "base/text.h"
#include "engine/gate.h"
#include "engine/result_channel.h"
#include "engine/result_encoder.h"
#include "engine/view_writer.h"
#include "engine/watchdog.h"

namespace tarn::engine {
namespace {

// Encoded rows are handed on in pieces of about this size.
constexpr size_t kPieceBytes = 64 * 1024;

Error ShuttingDown() { return {ErrorKind::kCancelled, "the server is shutting down"}; }

// A query from Execute to its end, shared by its stream, the queue and its worker.
struct Query {
  Query(QueryRequest r, size_t buffer_bytes)
      : request(std::move(r)),
        channel(std::make_shared<ResultChannel>(buffer_bytes)),
        task(std::make_shared<WatchedTask>(
            request.deadline, [out = channel](const Error& reason) { out->Finish(reason); })) {}

  const QueryRequest request;
  const std::shared_ptr<ResultChannel> channel;
  const std::shared_ptr<WatchedTask> task;
};

// Computes, encodes and hands on all rows, and returns how many.
Result<uint64_t> StreamRows(duck::ResultStream& rows, ResultEncoder& encoder,
                            ResultChannel& channel) {
  const Error gone{ErrorKind::kCancelled, "the client has gone"};
  ResultSummary summary;
  std::string bytes;
  TARN_CHECK_OK(encoder.Begin(bytes));
  for (;;) {
    TARN_TRY(std::optional<duck::Chunk> chunk, rows.Next());
    if (!chunk) break;
    TARN_CHECK_OK(encoder.Rows(*chunk, 0, chunk->row_count(), bytes));
    summary.rows += chunk->row_count();
    if (bytes.size() < kPieceBytes) continue;
    std::string piece;
    piece.reserve(bytes.capacity());
    piece.swap(bytes);
    if (!channel.Write(std::move(piece))) return gone;
  }
  TARN_CHECK_OK(encoder.End(summary, bytes));
  if (!channel.Write(std::move(bytes))) return gone;
  return summary.rows;
}

}  // namespace

class DuckEngine::State {
 public:
  State(EngineOptions options, std::unique_ptr<ConnectionFactory> factory)
      : options_(std::move(options)),
        factory_(std::move(factory)),
        view_writer_(options_.store, *factory_, watchdog_) {
    for (size_t i = 0; i < options_.workers; ++i) {
      workers_.emplace_back([this] { Work(); });
      pthread_setname_np(workers_.back().native_handle(), fmt::format("query-{}", i).c_str());
    }
  }

  ~State() {
    CancelAll();
    {
      const std::lock_guard lock(queue_mutex_);
      stopping_ = true;
      work_.notify_all();
    }
    for (std::thread& worker : workers_) worker.join();
  }

  std::shared_ptr<Query> Submit(QueryRequest request) {
    auto query = std::make_shared<Query>(std::move(request), options_.result_buffer_bytes);
    const std::lock_guard lock(queue_mutex_);
    if (closed_) {
      query->channel->Finish(ShuttingDown());
    } else if (queue_.size() >= options_.queue_limit) {
      query->channel->Finish(Unavailable(
          fmt::format("too many queries: {} wait already, try again later", options_.queue_limit)));
    } else {
      watchdog_->Add(query->task);
      queue_.push_back(query);
      work_.notify_one();
    }
    return query;
  }

  void Abandon(const std::shared_ptr<Query>& query) {
    query->channel->Abandon();
    watchdog_->Cancel(query->task, {ErrorKind::kCancelled, "the client has gone"});
  }

  Result<> PutView(const ViewSpec& view, Deadline deadline) {
    TARN_CHECK_OK(view_writer_.Put(view, deadline));
    const std::unique_lock lock(views_mutex_);
    views_.insert(ToLowerAscii(view.name));
    return {};
  }

  Result<> DropView(const std::string& name, Deadline deadline) {
    TARN_CHECK_OK(view_writer_.Drop(name, deadline));
    const std::unique_lock lock(views_mutex_);
    views_.erase(ToLowerAscii(name));
    return {};
  }

  bool WaitIdle(Deadline deadline) {
    std::unique_lock lock(queue_mutex_);
    return idle_.wait_until(lock, deadline.At(), [this] { return busy_ == 0 && queue_.empty(); }) &&
           !view_writer_.HasLost();
  }

  void CancelAll() {
    {
      const std::lock_guard lock(queue_mutex_);
      closed_ = true;
    }
    watchdog_->CancelAll(ShuttingDown());
  }

 private:
  bool IsDataset(std::string_view name) const {
    const std::shared_lock lock(views_mutex_);
    return views_.contains(ToLowerAscii(name));
  }

  std::shared_ptr<Query> NextQuery() {
    std::unique_lock lock(queue_mutex_);
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return nullptr;
    std::shared_ptr<Query> query = std::move(queue_.front());
    queue_.pop_front();
    ++busy_;
    return query;
  }

  void EndQuery(const Query& query) {
    watchdog_->Remove(query.task);
    const std::lock_guard lock(queue_mutex_);
    if (--busy_ == 0 && queue_.empty()) idle_.notify_all();
  }

  void Work() {
    std::optional<duck::Connection> connection;
    while (const std::shared_ptr<Query> query = NextQuery()) {
      Result<uint64_t> rows = RunOne(connection, *query);
      EndQuery(*query);
      if (rows.ok()) {
        query->channel->Finish(QueryEnd{*rows});
      } else {
        query->channel->Finish(std::move(rows).error());
      }
    }
  }

  Result<uint64_t> RunOne(std::optional<duck::Connection>& connection, Query& query) {
    if (auto reason = query.task->CancelReason()) return *reason;
    if (!connection) {
      Result<duck::Connection> opened = factory_->Connect();
      if (!opened.ok()) {
        log::Error("cannot open a connection",
                   {{"query_id", query.request.id}, {"error", opened.error().message}});
        return Internal("the engine opens no connection, see the log");
      }
      connection.emplace(std::move(*opened));
    }
    if (!query.task->Begin(*connection)) return *query.task->CancelReason();
    Result<uint64_t> rows = Error{};
    try {
      rows = RunStatement(connection, query);
    } catch (const std::exception& e) {
      // std::bad_alloc, in the encoder.
      rows = Internal(fmt::format("the engine failed: {}", e.what()));
    }
    query.task->End();
    if (auto reason = query.task->CancelReason()) return *reason;
    return rows;
  }

  Result<uint64_t> RunStatement(std::optional<duck::Connection>& connection, Query& query) {
    Gate gate(*connection, [this](std::string_view name) { return IsDataset(name); });
    TARN_TRY(const std::string sql, gate.Check(query.request.sql));
    Result<uint64_t> rows = RunSql(*connection, sql, query);
    if (rows.ok() || rows.error().kind != ErrorKind::kInternal) return rows;
    // DuckDB failed, which is the query's failure; the connection may refuse everything from now
    // on, so the next query gets a new one.
    log::Error("DuckDB failed", {{"query_id", query.request.id}, {"error", rows.error().message}});
    query.task->End();
    connection.reset();
    return InvalidArgument(rows.error().message);
  }

  static Result<uint64_t> RunSql(duck::Connection& connection, const std::string& sql,
                                 Query& query) {
    TARN_TRY(duck::Statement statement, connection.Prepare(sql));
    TARN_TRY(duck::ResultStream rows, statement.Execute());
    TARN_TRY(const std::unique_ptr<ResultEncoder> encoder,
             MakeEncoder(Format::kJson, query.request.json, rows));
    return StreamRows(rows, *encoder, *query.channel);
  }

  const EngineOptions options_;
  const std::unique_ptr<ConnectionFactory> factory_;
  const std::shared_ptr<Watchdog> watchdog_ = std::make_shared<Watchdog>();
  ViewWriter view_writer_;

  std::mutex queue_mutex_;
  std::condition_variable work_;
  std::deque<std::shared_ptr<Query>> queue_;  // guarded by queue_mutex_
  std::condition_variable idle_;              // With queue_mutex_.
  size_t busy_ = 0;                           // guarded by queue_mutex_: queries that run
  bool closed_ = false;                       // guarded by queue_mutex_: takes no more queries
  bool stopping_ = false;                     // guarded by queue_mutex_

  mutable std::shared_mutex views_mutex_;
  std::unordered_set<std::string> views_;  // guarded by views_mutex_: names in lower case

  std::vector<std::thread> workers_;
};

Result<std::unique_ptr<DuckEngine>> DuckEngine::Open(const EngineOptions& options) {
  TARN_TRY(std::unique_ptr<ConnectionFactory> factory, ConnectionFactory::Open(options));
  return std::unique_ptr<DuckEngine>(
      new DuckEngine(std::make_shared<State>(options, std::move(factory))));
}

Result<std::unique_ptr<Engine>> OpenEngine(const EngineOptions& options) {
  TARN_TRY(std::unique_ptr<Engine> engine, DuckEngine::Open(options));
  return engine;
}

DuckEngine::~DuckEngine() = default;

std::unique_ptr<QueryStream> DuckEngine::Execute(QueryRequest request) {
  // Keeps the engine's state alive: a stream may outlive the engine's owner by a moment.
  class Stream : public QueryStream {
   public:
    Stream(std::shared_ptr<State> state, std::shared_ptr<Query> query)
        : state_(std::move(state)), query_(std::move(query)) {}
    ~Stream() override { state_->Abandon(query_); }
    void Next(std::function<void(QueryEvent)> on_event) override {
      query_->channel->Next(std::move(on_event));
    }

   private:
    std::shared_ptr<State> state_;
    std::shared_ptr<Query> query_;
  };
  return std::make_unique<Stream>(state_, state_->Submit(std::move(request)));
}

Result<> DuckEngine::PutView(const ViewSpec& view, Deadline deadline) {
  return state_->PutView(view, deadline);
}

Result<> DuckEngine::DropView(const std::string& name, Deadline deadline) {
  return state_->DropView(name, deadline);
}

std::string DuckEngine::Version() const { return "DuckDB " + duck::Database::LibraryVersion(); }

void DuckEngine::CancelAll() { state_->CancelAll(); }

bool DuckEngine::WaitIdle(Deadline deadline) { return state_->WaitIdle(deadline); }

}  // namespace tarn::engine
