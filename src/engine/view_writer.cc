#include "engine/view_writer.h"

#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <thread>

#include "duck/quote.h"

namespace tarn::engine {
namespace {

// After an interrupt a statement has so long to end before it is given up.
constexpr auto kGrace = std::chrono::milliseconds(500);

// So many threads may be left alone; then nothing new is tried until one is back.
constexpr int kLostMax = 4;

// All in one transaction, which is only committed when nobody has cancelled it by then.
Result<> RunStatements(duck::Connection& connection, WatchedTask& task,
                       const std::vector<std::string>& statements) {
  if (!task.Begin(connection)) return *task.CancelReason();
  Result<> done = connection.Execute("BEGIN");
  for (const std::string& sql : statements) {
    if (done.ok()) done = connection.Execute(sql);
  }
  // From here on no interrupt comes, and a cancel is too late.
  task.End();
  const std::optional<Error> cancelled = task.CancelReason();
  if (done.ok() && !cancelled) return connection.Execute("COMMIT");
  // Fails where there is no transaction, which is just as well.
  [[maybe_unused]] const Result<> ignored = connection.Execute("ROLLBACK");
  return cancelled ? Result<>(*cancelled) : done;
}

}  // namespace

Result<std::string> CreateViewSql(const protocol::ObjectStore& store,
                                  const protocol::ViewSpec& view) {
  if (view.keys.empty()) return InvalidArgument("it has no objects");
  std::string urls;
  for (const std::string& key : view.keys) {
    TARN_TRY(const std::string url, store.Url(key));
    if (!urls.empty()) urls += ", ";
    urls += duck::QuoteLiteral(url);
  }
  if (view.keys.size() > 1) urls = "[" + urls + "]";
  return fmt::format("CREATE OR REPLACE VIEW {} AS SELECT * FROM read_parquet({})",
                     duck::QuoteIdentifier(view.name), urls);
}

// One change, shared by the caller and the thread that runs it.
struct ViewWriter::Change {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<Result<>> outcome;  // guarded by mutex
  bool lost = false;                // guarded by mutex: the caller has gone
};

ViewWriter::ViewWriter(const protocol::ObjectStore& store, ConnectionFactory& factory,
                       std::shared_ptr<Watchdog> watchdog)
    : store_(store),
      factory_(factory),
      watchdog_(std::move(watchdog)),
      lost_(std::make_shared<std::atomic<int>>(0)) {}

Result<> ViewWriter::Put(const protocol::ViewSpec& view, Deadline deadline) {
  TARN_TRY(std::string create, CreateViewSql(store_, view));
  std::vector<std::string> statements = {std::move(create)};
  // Answered from the footers, so it reads that of every object; the view alone reads the first.
  if (view.keys.size() > 1) {
    statements.push_back("SELECT count(*) FROM " + duck::QuoteIdentifier(view.name));
  }
  return Run(std::move(statements), deadline);
}

Result<> ViewWriter::Drop(const std::string& name, Deadline deadline) {
  return Run({"DROP VIEW IF EXISTS " + duck::QuoteIdentifier(name)}, deadline);
}

Result<> ViewWriter::Run(std::vector<std::string> statements, Deadline deadline) {
  const std::lock_guard lock(mutex_);
  if (*lost_ >= kLostMax) return Unavailable("the object store has not answered for a while");
  if (connection_ == nullptr) {
    TARN_TRY(duck::Connection connection, factory_.Connect());
    connection_ = std::make_shared<duck::Connection>(std::move(connection));
  }
  const auto change = std::make_shared<Change>();
  const auto task = std::make_shared<WatchedTask>(deadline);
  watchdog_->Add(task);
  std::thread thread([change, task, lost = lost_, watchdog = watchdog_, connection = connection_,
                      statements = std::move(statements)] {
    pthread_setname_np(pthread_self(), "view-writer");
    Result<> outcome = RunStatements(*connection, *task, statements);
    watchdog->Remove(task);
    const std::lock_guard change_lock(change->mutex);
    change->outcome = std::move(outcome);
    change->ended.notify_all();
    if (change->lost) --*lost;
  });

  std::unique_lock change_lock(change->mutex);
  const auto ended = [&] { return change->outcome.has_value(); };
  if (deadline.IsNever()) {
    change->ended.wait(change_lock, ended);
  } else {
    change->ended.wait_until(change_lock, deadline.At() + kGrace, ended);
  }
  if (!ended()) {
    change->lost = true;
    ++*lost_;
    connection_ = nullptr;
    thread.detach();
    return Error{ErrorKind::kTimeout, "timed out, the object store does not answer"};
  }
  Result<> outcome = std::move(*change->outcome);
  change_lock.unlock();
  thread.join();
  // A connection that saw an internal error may refuse everything from now on.
  if (!outcome.ok() && outcome.error().kind == ErrorKind::kInternal) connection_ = nullptr;
  return outcome;
}

}  // namespace tarn::engine
