#include "engine/run/worker.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "base/text.h"
#include "engine/run/parameters.h"

namespace tarn::engine {
namespace {

// The most objects whose ETags are compared after an error in decoding.
constexpr size_t kCheckedObjectsMax = 20;

// The worker reports the progress of queries that take longer.
constexpr auto kProgressAfter = std::chrono::milliseconds(500);

// A statement stays prepared after runs of at most this time. They use little memory, and to
// prepare the statement again would take a large part of such a run.
constexpr auto kKeepsStatementFor = std::chrono::milliseconds(5);

// The time that a query waits for datasets that are still being read, and the interval in which it
// checks whether it was cancelled.
constexpr auto kPatience = std::chrono::seconds(1);
constexpr auto kLookAtPending = std::chrono::milliseconds(50);

// Rows are encoded in steps of about this many bytes, so that the first rows of a wide chunk can be
// sent before the rest is encoded.
constexpr uint64_t kStepBytes = 64 * 1024;

// The memory that MemoryCheckSql needs, and that of each of its rows.
constexpr uint64_t kCheckedBytesMin = 1'000'000;
constexpr uint64_t kCheckedBytesMax = 16'000'000;
constexpr uint64_t kCheckedRowBytes = 50;

const Error& ClientGone() {
  static const Error kGone{ErrorKind::kCancelled, "the client has disconnected"};
  return kGone;
}

// Increments a counter while it exists.
class CountedIn {
 public:
  explicit CountedIn(std::atomic<int>& count) : count_(count) { ++count_; }
  ~CountedIn() { --count_; }
  CountedIn(const CountedIn&) = delete;
  CountedIn& operator=(const CountedIn&) = delete;

 private:
  std::atomic<int>& count_;
};

// Returns the reason of an error in a stream. DuckDB 1.5 interrupts its other threads after such an
// error, and reports up to 3 % of them as an interrupt. In that case, this function runs the
// statement again to get the reason, and discards the result.
Error ReasonOf(const Error& error, duck::Statement& statement, const WatchedTask& task) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries && error.kind == ErrorKind::kCancelled && !task.CancelReason(); ++i) {
    Result<duck::ResultStream> rows = statement.Execute();
    if (!rows.ok()) return rows.error();
    for (;;) {
      const Result<std::optional<duck::Chunk>> chunk = rows->Next();
      if (!chunk.ok() && chunk.error().kind != ErrorKind::kCancelled) return chunk.error();
      if (!chunk.ok() || !*chunk) break;
    }
  }
  return error;
}

bool IsRepeatable(const Verdict& verdict) {
  return !verdict.is_volatile && !verdict.reads_catalog && !verdict.reads_files &&
         verdict.others.empty();
}

// Encodes chunks into the sink, up to the limits of the query.
class RowWriter {
 public:
  RowWriter(const protocol::Query& query, result::ResultEncoder& encoder, ResultSink& sink,
            ResultSummary& summary)
      : query_(query),
        encoder_(encoder),
        sink_(sink),
        summary_(summary),
        row_by_row_(query.byte_limit > 0 && Describe(query.format).is_row_by_row),
        step_(row_by_row_ ? 1 : duck::Chunk::kRowsMax) {}

  Result<> Write(const duck::Chunk& chunk) {
    uint64_t count = chunk.row_count();
    if (query_.row_limit > 0 && count > query_.row_limit - summary_.rows) {
      count = query_.row_limit - summary_.rows;
      summary_.truncated = true;
    }
    for (uint64_t begin = 0; begin < count;) {
      const uint64_t end = std::min(count, begin + step_);
      TARN_TRY(const bool fits, WriteRows(chunk, begin, end));
      if (!fits) {
        summary_.truncated = true;
        return {};
      }
      begin = end;
      if (!sink_.Offer(summary_.rows)) return ClientGone();
    }
    return {};
  }

 private:
  // Returns false if the byte limit leaves no room for the rows.
  Result<bool> WriteRows(const duck::Chunk& chunk, uint64_t begin, uint64_t end) {
    const uint64_t before = sink_.encoded_bytes();
    if (query_.byte_limit > 0 && before >= query_.byte_limit) return false;
    const size_t size = sink_.buffer().size();
    TARN_CHECK_OK(encoder_.Rows(chunk.columns(), begin, end, sink_.buffer()));
    const uint64_t bytes = sink_.encoded_bytes() - before;
    if (row_by_row_ && before + bytes > query_.byte_limit) {
      sink_.buffer().resize(size);
      return false;
    }
    summary_.rows += end - begin;
    if (!row_by_row_) {
      step_ = std::clamp<uint64_t>(kStepBytes * (end - begin) / std::max<uint64_t>(bytes, 1), 1,
                                   duck::Chunk::kRowsMax);
    }
    return true;
  }

  const protocol::Query& query_;
  result::ResultEncoder& encoder_;
  ResultSink& sink_;
  ResultSummary& summary_;
  const bool row_by_row_;
  uint64_t step_;  // Rows to encode at once.
};

std::vector<duck::Statement::Column> ColumnsOf(const duck::ResultStream& rows) {
  std::vector<duck::Statement::Column> columns;
  for (size_t i = 0; i < rows.names().size(); ++i) {
    columns.push_back({rows.names()[i], rows.types()[i]});
  }
  return columns;
}

// Returns an empty list if the columns exceed the limits of a message.
std::vector<protocol::Column> ToMessage(const std::vector<duck::Statement::Column>& columns) {
  std::vector<protocol::Column> out;
  if (columns.size() > protocol::Begun::kColumnsMax) return out;
  size_t bytes = 0;
  for (const auto& [name, type] : columns) {
    out.push_back({name, duck::TypeName(type)});
    bytes += name.size() + out.back().type.size();
    if (bytes > protocol::Begun::kColumnBytesMax) return {};
  }
  return out;
}

// Adds the columns of a prepared statement, as far as they are known, and its parameters.
Result<> AddDescription(const duck::Statement& statement, protocol::Begun& begun) {
  const std::vector<duck::Statement::Column> columns = statement.Columns();
  const std::vector<duck::Statement::Column> parameters = statement.Parameters();
  const bool depend_on_values =
      !parameters.empty() && std::any_of(columns.begin(), columns.end(), [](const auto& column) {
        return duck::HasUnknown(column.type);
      });
  if (!depend_on_values) begun.columns = ToMessage(columns);
  begun.parameters = ToMessage(parameters);
  const bool is_complete = (depend_on_values || begun.columns.size() == columns.size()) &&
                           begun.parameters.size() == parameters.size();
  if (!is_complete) {
    return InvalidArgument(
        fmt::format("the result or the parameters are too many to describe: more than {}, or "
                    "more than {} bytes of names and types",
                    protocol::Begun::kColumnsMax, protocol::Begun::kColumnBytesMax));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (duck::HasUnknown(parameters[i].type)) begun.parameters[i].type.clear();
  }
  return {};
}

// DuckDB's messages contain values of any size.
std::string BoundedMessage(const Error& error) {
  return Shortened(error.message, protocol::kErrorBytesMax);
}

protocol::Failed ToFailed(const Error& error) {
  return {.kind = static_cast<int>(error.kind), .message = BoundedMessage(error)};
}

}  // namespace

std::string MemoryCheckSql(uint64_t memory_limit) {
  const uint64_t bytes = std::clamp(memory_limit / 32, kCheckedBytesMin, kCheckedBytesMax);
  return fmt::format("SELECT count(*) FROM (SELECT DISTINCT range FROM range({}))",
                     bytes / kCheckedRowBytes);
}

Worker::Worker(uint64_t slot, int descriptor, duck::Connection connection, WorkerContext& context)
    : slot_(slot),
      socket_(descriptor),
      context_(context),
      connection_(std::move(connection)),
      gate_(connection_,
            {.is_dataset = [this](std::string_view name) { return context_.views.IsDataset(name); },
             .allow_direct_reads = context.allow_direct_reads,
             .nesting_max = context.depths.nesting,
             .subqueries_max = context.depths.subqueries}),
      plans_(context.plan_cache_entries),
      thread_([this] {
        pthread_setname_np(pthread_self(), fmt::format("query-{}", slot_).c_str());
        Loop();
        socket_.Shutdown();  // After an invalid message, the front must not wait for a response.
      }) {}

Worker::~Worker() {
  socket_.Shutdown();
  Cancel(std::numeric_limits<uint64_t>::max());
  thread_.join();
}

void Worker::Cancel(uint64_t query) {
  const MutexLock lock(mutex_);
  cancelled_ = std::max(cancelled_, query);
  if (task_ != nullptr && query_ <= query) context_.watchdog.Cancel(task_, ClientGone());
}

std::optional<protocol::Progress> Worker::Progress() const {
  const MutexLock lock(mutex_);
  if (task_ == nullptr || std::chrono::steady_clock::now() - started_at_ < kProgressAfter) {
    return std::nullopt;
  }
  const std::optional<double> percent = task_->Progress();
  if (!percent) return std::nullopt;
  return protocol::Progress{
      .slot = slot_, .query = query_, .permille = static_cast<int>(*percent * 10)};
}

void Worker::Loop() {
  for (;;) {
    const Result<std::optional<protocol::Frame>> frame = socket_.Read();
    if (!frame.ok()) {
      log::Error("a slot failed", {{"slot", slot_}, {"error", frame.error().message}});
      return;
    }
    if (!*frame) return;
    const Result<protocol::Query> query = protocol::FromPayload<protocol::Query>((*frame)->payload);
    if (!query.ok()) {
      log::Error("a slot failed", {{"slot", slot_}, {"error", query.error().message}});
      return;
    }
    RunOne(*query);
  }
}

void Worker::RunOne(const protocol::Query& query) {
  const auto task = std::make_shared<WatchedTask>(Deadline::Never());
  {
    const MutexLock lock(mutex_);
    task_ = task;
    query_ = query.number;
    started_at_ = std::chrono::steady_clock::now();
    if (cancelled_ >= query.number) task->Cancel(ClientGone());
  }
  ResultSink sink(socket_, query.compression);
  ResultSummary summary;
  Result<> result;
  protocol::Failed failed;
  {
    const CountedIn counted(context_.running);
    const uint64_t number = ++context_.begun;
    const bool begins_alone = context_.running == 1;
    context_.watchdog.Add(task);
    try {
      result = Execute(query, *task, sink, summary);
    } catch (const std::bad_alloc&) {
      result = Error{ErrorKind::kOutOfMemory, "Out of Memory Error: no memory for the result"};
    } catch (const std::exception& e) {
      result = Internal(e.what());
    }
    task->End();
    context_.watchdog.Remove(task);
    if (!result.ok()) {
      const bool is_alone = begins_alone && context_.running == 1 && context_.begun == number;
      failed = Judge(result.error(), query, is_alone);
    }
  }
  {
    const MutexLock lock(mutex_);
    task_ = nullptr;
  }
  if (const auto reason = task->CancelReason()) {
    result = *reason;
    const protocol::Failed former = std::move(failed);
    failed = ToFailed(*reason);
    failed.has_broken_engine = former.has_broken_engine;
    failed.has_exhausted_memory = former.has_exhausted_memory;
    sink.buffer().clear();
  }
  const std::string end =
      result.ok()
          ? protocol::ToFrame(protocol::End{.rows = summary.rows, .truncated = summary.truncated})
          : protocol::ToFrame(failed);
  sink.Finish(summary.rows, end, result.ok());
}

protocol::Failed Worker::Judge(const Error& error, const protocol::Query& query, bool is_alone) {
  // A query can raise this error text itself with error('…').
  if (duck::IsDatabaseInvalidated(error) && !DatabaseAnswers()) {
    context_.report_unhealthy({.reason = "DuckDB failed", .broken = true});
    protocol::Failed failed = ToFailed(error);
    failed.is_for_another = true;
    return failed;
  }
  if (error.kind == ErrorKind::kInternal) {
    // Some INTERNAL errors are about a wrong argument and have no consequences, such as
    // repeat_row(1, num_rows := -1). After others, DuckDB refuses all further statements. Running
    // statements are not affected, and the process drains.
    const bool goes_on = DatabaseAnswers();
    log::Error("DuckDB failed", {{"query_id", query.id},
                                 {"error", error.message},
                                 {"engine", goes_on ? "goes on" : "replaced"}});
    if (!goes_on) context_.report_unhealthy({.reason = "DuckDB failed", .broken = true});
    protocol::Failed failed = ToFailed(InvalidArgument(error.message));
    failed.has_broken_engine = !goes_on;
    return failed;
  }
  if (error.kind == ErrorKind::kOutOfMemory) {
    log::Warn("out of memory", {{"query_id", query.id}, {"running", context_.running.load()}});
    context_.has_run_out_of_memory = true;
    context_.report_unhealthy({.reason = "out of memory", .can_wait = true});
    // A query that does not fit alone never fits. Otherwise the front runs it in another process:
    // beside other queries, or if earlier ones left too little memory.
    if (is_alone && connection_.Execute(context_.memory_check).ok()) {
      return ToFailed(InvalidArgument(error.message));
    }
    protocol::Failed failed = ToFailed(error);
    failed.has_exhausted_memory = true;
    return failed;
  }
  return ToFailed(error);
}

bool Worker::DatabaseAnswers() { return connection_.Execute("SELECT 1").ok(); }

Result<Plan*> Worker::PlanOf(const std::string& sql) {
  if (Plan* plan = plans_.Find(sql)) return plan;
  TARN_TRY(Verdict verdict, gate_.Check(sql));
  return &plans_.Keep(sql, {.verdict = std::move(verdict)});
}

Result<Worker::Bound> Worker::Bind(const protocol::Query& query, const WatchedTask& task) {
  const Deadline patience = Deadline::After(kPatience);
  for (;;) {
    TARN_TRY(Plan * plan, PlanOf(query.sql));
    const Verdict& verdict = plan->verdict;
    cut_ = context_.views.TakeCut(verdict.datasets, verdict.others, verdict.reads_catalog);
    if (!cut_) {
      plans_.Forget(query.sql);
      continue;
    }
    const std::vector<std::string> pending = cut_->Pending();
    if (!pending.empty() && !patience.Passed() && !task.CancelReason()) {
      for (const std::string& name : pending) context_.hurry(name);
      context_.views.WaitForPending(*cut_, Deadline::After(kLookAtPending));
      continue;
    }
    TARN_TRY(const Views::Pins pins, context_.views.Pin(connection_, task, *cut_));
    std::vector<protocol::DatasetRead> reads = cut_->Reads();
    TARN_CHECK_OK(Prepare(query, reads, *plan));
    const bool are_few = reads.size() <= protocol::Begun::kReadsMax;
    if (!are_few) reads.clear();
    Bound bound{.plan = plan,
                .statement = std::nullopt,
                .begun = {.revision = cut_->revision(),
                          .is_repeatable = IsRepeatable(verdict) && are_few,
                          .reads = std::move(reads)}};
    TARN_CHECK_OK(Start(query, bound));
    return bound;
  }
}

Result<> Worker::Prepare(const protocol::Query& query,
                         const std::vector<protocol::DatasetRead>& reads, Plan& plan) {
  std::vector<uint64_t> versions;
  for (const protocol::DatasetRead& read : reads) versions.push_back(read.version);
  // DuckDB replans a statement if its views have changed, but does not report the new columns.
  // After a run with values, the parameters of a statement have the types of the values.
  const bool has_columns = !query.begins_at_once || plan.versions == versions;
  if (query.only_describe || !has_columns) plan.statement.reset();
  if (plan.statement) return {};
  TARN_TRY(duck::Statement statement, connection_.Prepare(plan.verdict.sql));
  plan.statement.emplace(std::move(statement));
  plan.versions = std::move(versions);
  return {};
}

Result<> Worker::Start(const protocol::Query& query, Bound& bound) {
  duck::Statement& statement = *bound.plan->statement;
  if (query.only_describe) return AddDescription(statement, bound.begun);
  TARN_CHECK_OK(BindParameters(statement, query.params));
  if (query.begins_at_once && statement.parameter_count() == 0) {
    bound.begun.columns = ToMessage(statement.Columns());
    bound.has_columns = true;
  }
  TARN_TRY(duck::BoundStatement started, statement.Start());
  bound.statement.emplace(std::move(started));
  return {};
}

Result<> Worker::CheckUnchanged(const std::vector<std::string>& datasets) const {
  if (!context_.changed.HasAny(datasets)) return {};
  return duck::ChangedObjectError();
}

Error Worker::ExplainRead(const Error& error,
                          std::chrono::system_clock::time_point begun_at) const {
  if (!cut_) return error;
  if (ObjectCheck::IsNeeded(error)) {
    const auto object = cut_->FindObject(error.message);
    return object ? context_.object_check.Explain(*object, begun_at) : duck::ChangedObjectError();
  }
  // A thread can fail to decode bytes of the new version before another thread detects the change.
  if (ObjectCheck::IsOfDecoding(error) &&
      context_.object_check.IsAnyOverwritten(cut_->Objects(kCheckedObjectsMax), begun_at)) {
    return duck::ChangedObjectError();
  }
  return error;
}

void Worker::NoteChanged(const std::string& sql) {
  // Without caches, results cannot mix versions.
  if (!context_.cache_objects) return;
  if (const Plan* plan = plans_.Find(sql)) context_.changed.Add(plan->verdict.datasets);
}

Result<> Worker::Execute(const protocol::Query& query, WatchedTask& task, ResultSink& sink,
                         ResultSummary& summary) {
  if (!task.Begin(connection_)) return *task.CancelReason();
  const auto begin = std::chrono::steady_clock::now();
  const auto begun_at = std::chrono::system_clock::now();
  Result<> result;
  {
    Result<Bound> bound = Bind(query, task);
    if (!bound.ok()) {
      result = bound.error();
    } else if (query.only_describe) {
      sink.Begin(protocol::ToFrame(bound->begun));
    } else {
      result = Stream(query, *bound, task, sink, summary);
    }
    if (result.ok() && (bound->plan->verdict.reads_files ||
                        std::chrono::steady_clock::now() - begin > kKeepsStatementFor)) {
      bound->plan->statement.reset();
    }
  }
  if (!result.ok()) result = ExplainRead(result.error(), begun_at);
  cut_.reset();
  if (!result.ok() && result.error().kind == ErrorKind::kStale) NoteChanged(query.sql);
  // The plan of a failed query may be incomplete.
  if (!result.ok()) plans_.Forget(query.sql);
  return result;
}

Result<> Worker::Stream(const protocol::Query& query, Bound& bound, const WatchedTask& task,
                        ResultSink& sink, ResultSummary& summary) {
  duck::Statement& statement = *bound.plan->statement;
  if (bound.has_columns && !socket_.Write(protocol::ToFrame(bound.begun))) return ClientGone();
  Result<duck::ResultStream> rows = bound.statement->Execute();
  if (!rows.ok()) return ReasonOf(rows.error(), statement, task);
  TARN_TRY(const std::unique_ptr<result::ResultEncoder> encoder,
           result::MakeEncoder(query.format, {.quote_big_numbers = query.quote_big_numbers},
                               rows->names(), rows->types()));
  if (!bound.has_columns) {
    bound.begun.columns = ToMessage(ColumnsOf(*rows));
    sink.Begin(protocol::ToFrame(bound.begun));
  }
  RowWriter writer(query, *encoder, sink, summary);
  TARN_CHECK_OK(encoder->Begin(sink.buffer()));
  Result<> written;
  while (written.ok() && !summary.truncated) {
    Result<std::optional<duck::Chunk>> chunk = rows->Next();
    if (chunk.ok()) {
      written = CheckUnchanged(bound.plan->verdict.datasets);
    } else {
      written = ReasonOf(chunk.error(), statement, task);
    }
    if (!written.ok() || !*chunk) break;
    written = writer.Write(**chunk);
  }
  if (written.ok()) return encoder->End(summary, sink.buffer());
  encoder->Failed(BoundedMessage(written.error()), sink.buffer());
  return written;
}

}  // namespace tarn::engine
