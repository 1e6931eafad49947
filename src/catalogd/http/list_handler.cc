#include "catalogd/http/list_handler.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "catalogd/store/listing.h"
#include "http/entity_tags.h"

namespace tarn::catalogd {

namespace asio = boost::asio;
using http::Request;
using http::Response;

namespace {

constexpr uint64_t kWholeBytes = 1024 * 1024;  // Smaller lists are sent with Content-Length.
constexpr size_t kListPieceBytes = 256 * 1024;

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

asio::awaitable<Result<catalog::Position>> Now(Service& service, const auth::Identity& identity) {
  const auth::DatasetScope& scope = identity.datasets;
  if (scope.is_all()) co_return service.store.Now();
  const auto look = [&service, &scope] { return service.store.Now(scope); };
  co_return co_await service.readers.Run(identity.name, look);
}

// Waits until the current position is one that the client does not know, at most for asked.wait.
// Returns the current position.
asio::awaitable<Result<catalog::Position>> WaitForChange(Service& service, const Request& request,
                                                         const ListRequest& asked) {
  const auth::DatasetScope& scope = request.identity->datasets;
  const Deadline deadline = Deadline::After(asked.wait);
  Result<catalog::Position> now = co_await Now(service, *request.identity);
  if (asked.wait == Duration::zero() || !now.ok() || !asked.Knows(*now)) co_return now;
  const SharedSlots::Slot slot = service.waiter_slots.Acquire(request.identity->name);
  const Error full = Unavailable("too many requests wait for a change (catalogd.waiters_max)");
  if (!slot) co_return full;
  const auto waiter = service.feed.Join(co_await asio::this_coro::executor, scope);
  if (!waiter) co_return full;
  service.waiting.Increment();
  auto outcome = ChangeFeed::Outcome::kChanged;
  while (outcome == ChangeFeed::Outcome::kChanged) {
    // Reads again first, because a change may have come before the waiter was created.
    now = co_await Now(service, *request.identity);
    if (!now.ok() || !asked.Knows(*now)) break;
    outcome = co_await waiter->Wait(deadline, *request.client);
  }
  service.waiting.Decrement();
  co_return now;
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

class ListStream : public http::BodyStream {
 public:
  ListStream(Service& service, std::string user, SharedSlots::Slot slot,
             std::unique_ptr<Listing> listing, std::unique_ptr<ResponseTimeout> timeout)
      : service_(service),
        user_(std::move(user)),
        slot_(std::move(slot)),
        listing_(std::move(listing)),
        timeout_(std::move(timeout)) {}

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    const auto next = [this] { return listing_->Next(kListPieceBytes); };
    Result<std::optional<std::string>> piece = co_await service_.readers.Run(user_, next);
    if (!piece.ok()) service_.failures.Increment();
    co_return piece;
  }

 private:
  Service& service_;
  const std::string user_;
  const SharedSlots::Slot slot_;
  const std::unique_ptr<Listing> listing_;
  const std::unique_ptr<ResponseTimeout> timeout_;
};

struct OpenedList {
  std::unique_ptr<Listing> listing;
  SharedSlots::Slot slot;  // For a list that is streamed.
  std::string whole;       // The text of a small list.
};

// Takes the slot or the memory for a list before it reads any content. Runs on a pool thread.
Result<OpenedList> OpenList(Service& service, const Request& request,
                            const std::optional<catalog::Position>& since) {
  OpenedList opened;
  TARN_TRY(opened.listing, service.store.OpenListing(request.identity->datasets, since));
  TARN_TRY(const uint64_t bytes, opened.listing->EstimateBytes(kWholeBytes));
  if (bytes > kWholeBytes) {
    opened.slot = service.stream_slots.Acquire(request.identity->name);
    if (opened.slot) return opened;
    return Unavailable("too many lists are being sent (catalogd.list_streams_max)");
  }
  TARN_CHECK_OK(request.ReserveResponse(bytes));
  for (;;) {
    TARN_TRY(const std::optional<std::string> piece, opened.listing->Next(kWholeBytes));
    if (!piece) return opened;
    opened.whole += *piece;
  }
}

}  // namespace

asio::awaitable<Result<Response>> HandleList(Service& service, const Request& request) {
  const Result<ListRequest> asked = ParseListRequest(request, service.settings.wait_max);
  if (!asked.ok()) co_return asked.error();
  if (asked->if_none_match || asked->wait > Duration::zero()) {
    const Result<catalog::Position> now = co_await WaitForChange(service, request, *asked);
    if (!now.ok()) co_return now.error();
    if (asked->Knows(*now)) {
      service.lists_not_modified.Increment();
      Response response{.status = 304, .content_type = "", .body = ""};
      AddPosition(*now, response);
      co_return response;
    }
  }
  const auto open = [&service, &request, &asked] {
    return OpenList(service, request, asked->since);
  };
  Result<OpenedList> opened = co_await service.readers.Run(request.identity->name, open);
  if (!opened.ok()) co_return opened.error();
  const Listing::Query& query = opened->listing->query();
  Response response = Response::Json(200, "");
  AddPosition(query.position, response);
  (query.since ? service.lists_changes : service.lists_whole).Increment();
  if (!opened->slot) {
    response.body = std::move(opened->whole);
    co_return response;
  }
  auto timeout = std::make_unique<ResponseTimeout>(co_await asio::this_coro::executor, request,
                                                   service.settings.list_timeout);
  response.body =
      std::make_unique<ListStream>(service, request.identity->name, std::move(opened->slot),
                                   std::move(opened->listing), std::move(timeout));
  co_return response;
}

}  // namespace tarn::catalogd
