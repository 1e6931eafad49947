#include "queryd/query_service.h"

#include <fmt/format.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/text.h"

namespace tarn::queryd {

namespace asio = boost::asio;
using engine::QueryEnd;
using engine::QueryEvent;

namespace {

Error BadBody(std::string_view why) { return InvalidArgument(fmt::format("decode body: {}", why)); }

// The text of an exception of nlohmann's without its tag: "[json.exception…] parse error …".
std::string_view Reason(std::string_view what) {
  if (const size_t end = what.find("] "); end != std::string_view::npos)
    what.remove_prefix(end + 2);
  return what;
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

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

}  // namespace

Result<SqlRequest> ParseSqlRequest(std::string_view body) {
  nlohmann::json parsed;
  try {
    parsed = nlohmann::json::parse(body);
  } catch (const nlohmann::json::exception& e) {
    return BadBody(Reason(e.what()));
  }
  if (!parsed.is_object()) return BadBody("must be an object, as in {\"sql\":\"SELECT 1\"}");
  SqlRequest request;
  for (const auto& [key, value] : parsed.items()) {
    if (key == "sql") {
      if (value.is_null()) continue;
      if (!value.is_string()) return BadBody("sql must be a text");
      request.sql = value.get<std::string>();
    } else if (key == "big_numbers") {
      if (value != "string" && value != "number") {
        return BadBody("big_numbers must be \"number\" or \"string\"");
      }
      request.json.quote_big_numbers = value == "string";
    } else {
      return BadBody(fmt::format("unknown field \"{}\"", key.substr(0, 64)));
    }
  }
  if (Trim(request.sql).empty()) return InvalidArgument("sql is empty");
  return request;
}

asio::awaitable<QueryEvent> NextEvent(engine::QueryStream& stream) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(QueryEvent)>(
      [&stream](auto handler) {
        // The engine calls from a thread of its own: back to the coroutine's executor.
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        const auto executor = asio::get_associated_executor(*shared);
        stream.Next([shared, executor](QueryEvent event) {
          asio::post(executor,
                     [shared, event = std::move(event)]() mutable { (*shared)(std::move(event)); });
        });
      },
      asio::use_awaitable);
}

QueryService::QueryService(engine::Engine& engine, Metrics& metrics, size_t whole_bytes_max)
    : engine_(engine),
      whole_bytes_max_(whole_bytes_max),
      succeeded_(metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "ok"}})),
      failed_(metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "error"}})),
      cancelled_(
          metrics.Counter("tarn_queries_total", "Queries that ended", {{"result", "cancelled"}})),
      rows_(metrics.Counter("tarn_result_rows_total", "Rows of results that ended well")),
      bytes_(metrics.Counter("tarn_result_bytes_total", "Encoded bytes of results")),
      running_(metrics.Gauge("tarn_queries_unanswered",
                             "Queries that wait or run and have no byte of an answer yet")),
      first_bytes_seconds_(metrics.Seconds(
          "tarn_query_first_bytes_seconds",
          "From a query's arrival to the first byte of its answer, or its error")) {}

asio::awaitable<Result<QueryAnswer>> QueryService::Run(SqlRequest request, const std::string& id) {
  const auto start = std::chrono::steady_clock::now();
  QueryAnswer answer;
  {
    const CountedWhile counted(running_);
    answer.rest = engine_.Execute({.id = id, .sql = std::move(request.sql), .json = request.json});
    while (answer.rest != nullptr && answer.bytes.size() <= whole_bytes_max_) {
      QueryEvent event = co_await NextEvent(*answer.rest);
      if (auto* bytes = std::get_if<std::string>(&event)) {
        bytes_.Increment(static_cast<double>(bytes->size()));
        if (answer.bytes.empty()) {
          answer.bytes = std::move(*bytes);
        } else {
          answer.bytes += *bytes;
        }
      } else if (const auto* error = std::get_if<Error>(&event)) {
        first_bytes_seconds_.Observe(SecondsSince(start));
        co_return CountError(*error, id).Wrap("query");
      } else {
        CountEnd(std::get<QueryEnd>(event));
        answer.rest = nullptr;
      }
    }
  }
  const double seconds = SecondsSince(start);
  first_bytes_seconds_.Observe(seconds);
  log::Debug("query", {{"query_id", id},
                       {"ms", seconds * 1000},
                       {"bytes", uint64_t{answer.bytes.size()}},
                       {"whole", answer.rest == nullptr}});
  co_return answer;
}

asio::awaitable<Result<std::string>> QueryService::ReadOn(engine::QueryStream& rest,
                                                          const std::string& id) {
  QueryEvent event = co_await NextEvent(rest);
  if (const auto* error = std::get_if<Error>(&event))
    co_return CountError(*error, id).Wrap("query");
  if (const auto* end = std::get_if<QueryEnd>(&event)) {
    CountEnd(*end);
    co_return std::string();
  }
  auto& bytes = std::get<std::string>(event);
  bytes_.Increment(static_cast<double>(bytes.size()));
  co_return std::move(bytes);
}

void QueryService::CountEnd(const QueryEnd& end) {
  succeeded_.Increment();
  rows_.Increment(static_cast<double>(end.rows));
}

Error QueryService::CountError(const Error& error, const std::string& id) {
  (error.kind == ErrorKind::kCancelled ? cancelled_ : failed_).Increment();
  const log::Level level =
      error.kind == ErrorKind::kInternal ? log::Level::kError : log::Level::kInfo;
  log::Write(level, "query failed", {{"query_id", id}, {"error", error.message}});
  return error;
}

}  // namespace tarn::queryd
