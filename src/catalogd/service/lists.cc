#include "catalogd/service/lists.h"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "catalogd/store/listing.h"

namespace tarn::catalogd {

namespace asio = boost::asio;

namespace {

constexpr uint64_t kSmallBytes = 1024 * 1024;
constexpr size_t kListPieceBytes = 256 * 1024;

asio::awaitable<Result<catalog::Position>> Now(Service& service, const auth::Identity& identity) {
  const auth::DatasetScope& scope = identity.datasets;
  if (scope.is_all()) co_return service.store.Now();
  const auto look = [&service, &scope] { return service.store.Now(scope); };
  co_return co_await service.readers.Run(identity.name, look);
}

class ListReader : public PieceReader {
 public:
  ListReader(Service& service, std::string user, SharedSlots::Slot slot,
             std::unique_ptr<Listing> listing)
      : service_(service),
        user_(std::move(user)),
        slot_(std::move(slot)),
        listing_(std::move(listing)) {}

  asio::awaitable<Result<std::optional<std::string>>> Next() override {
    const auto next = [this] { return listing_->Next(kListPieceBytes); };
    Result<std::optional<std::string>> piece = co_await service_.readers.Run(user_, next);
    // A list that was ended is no failure of the database.
    const bool is_failure = !piece.ok() && piece.error().kind != ErrorKind::kUnavailable;
    if (is_failure) service_.failures.Increment();
    co_return piece;
  }

 private:
  Service& service_;
  const std::string user_;
  const SharedSlots::Slot slot_;
  const std::unique_ptr<Listing> listing_;
};

// Runs on a thread for reads.
Result<OpenedList> Open(Service& service, const Caller& caller,
                        const std::optional<catalog::Position>& since) {
  TARN_TRY(std::unique_ptr<Listing> listing,
           service.store.OpenListing(caller.identity.datasets, since));
  const Listing::Query& query = listing->query();
  prometheus::Counter& count = query.since ? service.lists_changes : service.lists_whole;
  OpenedList opened{.position = query.position};
  TARN_TRY(const uint64_t bytes, listing->EstimateBytes(kSmallBytes));
  if (bytes > kSmallBytes) {
    SharedSlots::Slot slot = service.stream_slots.Acquire(caller.identity.name);
    if (!slot) return Unavailable("too many lists are being sent (catalogd.list_streams_max)");
    opened.pieces = std::make_unique<ListReader>(service, caller.identity.name, std::move(slot),
                                                 std::move(listing));
    count.Increment();
    return opened;
  }
  TARN_CHECK_OK(caller.reserve(bytes));
  for (;;) {
    TARN_TRY(const std::optional<std::string> piece, listing->Next(kSmallBytes));
    if (!piece) break;
    opened.whole += *piece;
  }
  count.Increment();
  return opened;
}

}  // namespace

asio::awaitable<Result<catalog::Position>> WaitForChange(Service& service, const Caller& caller,
                                                         const ChangeWait& wait) {
  const Deadline deadline = Deadline::After(wait.timeout);
  Result<catalog::Position> now = co_await Now(service, caller.identity);
  if (wait.timeout == Duration::zero() || !now.ok() || !wait.is_known(*now)) co_return now;
  const SharedSlots::Slot slot = service.waiter_slots.Acquire(caller.identity.name);
  const Error full = Unavailable("too many requests wait for a change (catalogd.waiters_max)");
  if (!slot) co_return full;
  const auto waiter =
      service.feed.Join(co_await asio::this_coro::executor, caller.identity.datasets);
  if (!waiter) co_return full;
  service.waiting.Increment();
  auto outcome = ChangeFeed::Outcome::kChanged;
  while (outcome == ChangeFeed::Outcome::kChanged) {
    // Reads again first, because a change may have come before the waiter was created.
    now = co_await Now(service, caller.identity);
    if (!now.ok() || !wait.is_known(*now)) break;
    outcome = co_await waiter->Wait(deadline, wait.client);
  }
  service.waiting.Decrement();
  co_return now;
}

asio::awaitable<Result<OpenedList>> OpenList(Service& service, const Caller& caller,
                                             const std::optional<catalog::Position>& since) {
  const auto open = [&service, &caller, &since] { return Open(service, caller, since); };
  Result<OpenedList> opened = co_await service.readers.Run(caller.identity.name, open);
  co_return opened;
}

}  // namespace tarn::catalogd
