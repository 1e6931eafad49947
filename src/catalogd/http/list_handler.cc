#include "catalogd/http/list_handler.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "catalogd/http/caller.h"
#include "catalogd/service/lists.h"
#include "http/entity_tags.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

struct ListRequest {
  std::optional<http::EntityTags> if_none_match;
  std::optional<catalog::Position> since;
  Duration wait = Duration::zero();

  // True if the client already has this state.
  bool Knows(const catalog::Position& now) const {
    if (if_none_match) return if_none_match->Has(now.Text());
    return wait > Duration::zero() && since == now;
  }
};

Result<ListRequest> ParseListRequest(const Request& request, Duration wait_max) {
  ListRequest asked;
  TARN_TRY(asked.if_none_match, http::EntityTags::Of(request, "If-None-Match"));
  if (const auto since = request.Parameter("since")) {
    asked.since = catalog::Position::Parse(*since);
    if (!asked.since)
      return InvalidArgument("since: must be ID.REVISION, as in the ETag of a list");
  }
  if (const auto wait = request.Parameter("wait")) {
    const Result<Duration> parsed = ParseDuration(*wait);
    if (!parsed.ok()) return InvalidArgument("wait: " + parsed.error().message);
    if (*parsed < Duration::zero()) return InvalidArgument("wait: must not be negative");
    asked.wait = std::min(*parsed, wait_max);
  }
  return asked;
}

void AddPosition(const catalog::Position& position, Response& response) {
  response.headers.emplace_back("ETag", http::Quoted(position.Text()));
  response.headers.emplace_back("X-Catalog-Revision", std::to_string(position.revision));
}

// Aborts a response after a timeout, even if the client reads nothing.
class ResponseTimeout {
 public:
  ResponseTimeout(const asio::any_io_executor& executor, const Request& request, Duration timeout)
      : timer_(executor, Deadline::After(timeout).At()) {
    timer_.async_wait([client = request.client, id = request.id](const auto& code) {
      if (code) return;
      log::Warn("list cut off: it took longer than catalogd.list_timeout", {{"query_id", id}});
      client->Abort();
    });
  }

 private:
  asio::steady_timer timer_;
};

// `timeout`: null for a response that may take any time.
class PieceStream : public http::BodyStream {
 public:
  PieceStream(std::unique_ptr<PieceReader> pieces, std::unique_ptr<ResponseTimeout> timeout)
      : pieces_(std::move(pieces)), timeout_(std::move(timeout)) {}

  asio::awaitable<Result<std::optional<std::string>>> Next() override { return pieces_->Next(); }

 private:
  const std::unique_ptr<PieceReader> pieces_;
  const std::unique_ptr<ResponseTimeout> timeout_;
};

}  // namespace

asio::awaitable<Result<Response>> HandleList(Service& service, const Request& request) {
  const Result<ListRequest> asked = ParseListRequest(request, service.settings.wait_max);
  if (!asked.ok()) co_return asked.error();
  const Caller caller = CallerOf(request);
  if (asked->if_none_match || asked->wait > Duration::zero()) {
    const auto is_known = [&asked](const catalog::Position& now) { return asked->Knows(now); };
    const ChangeWait wait{.is_known = is_known, .timeout = asked->wait, .client = *request.client};
    const Result<catalog::Position> now = co_await WaitForChange(service, caller, wait);
    if (!now.ok()) co_return now.error();
    if (asked->Knows(*now)) {
      service.lists_not_modified.Increment();
      Response response{.status = 304, .content_type = "", .body = ""};
      AddPosition(*now, response);
      co_return response;
    }
  }
  Result<OpenedList> list = co_await OpenList(service, caller, asked->since);
  if (!list.ok()) co_return list.error();
  Response response = Response::Json(200, std::move(list->whole));
  AddPosition(list->position, response);
  if (list->pieces != nullptr) {
    auto timeout = std::make_unique<ResponseTimeout>(co_await asio::this_coro::executor, request,
                                                     service.settings.list_timeout);
    response.body = std::make_unique<PieceStream>(std::move(list->pieces), std::move(timeout));
  }
  co_return response;
}

asio::awaitable<Result<Response>> HandleBackup(Service& service, const Request& request) {
  const Caller caller = CallerOf(request);
  Result<std::unique_ptr<PieceReader>> backup = co_await TakeBackup(service, caller);
  if (!backup.ok()) co_return backup.error();
  Response response{.content_type = "application/vnd.sqlite3"};
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"catalog.sqlite\"");
  response.body = std::make_unique<PieceStream>(std::move(*backup), /*timeout=*/nullptr);
  co_return response;
}

}  // namespace tarn::catalogd
