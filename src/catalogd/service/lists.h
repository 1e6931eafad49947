#pragma once

// The use cases of the whole catalogue: its list, the changes since a position, and a backup. They
// do the work on the threads of the service and count the result. They are independent of the wire
// protocol, except that the wire reserves the memory for its response.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.h"
#include "catalogd/service/datasets.h"
#include "catalogd/service/service.h"

namespace tarn::catalogd {

// A long text that is read in pieces while it is sent. Takes a slot of the service until it is
// destroyed. Used by one coroutine at a time.
class PieceReader {
 public:
  virtual ~PieceReader() = default;
  // Returns nullopt at the end.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> Next() = 0;
};

// A request that waits for a change.
struct ChangeWait {
  std::function<bool(const catalog::Position&)> is_known;  // The client has the catalogue there.
  Duration timeout;
  http::ClientWatch& client;  // The wait ends when the client disconnects.
};
// Waits until the client does not know the current position. Returns the current position, also
// after the timeout. kUnavailable if too many requests wait.
boost::asio::awaitable<Result<catalog::Position>> WaitForChange(Service& service,
                                                                const Caller& caller,
                                                                const ChangeWait& wait);

struct OpenedList {
  catalog::Position position;
  std::string whole = {};                         // A small list.
  std::unique_ptr<PieceReader> pieces = nullptr;  // A large list.
};
// Returns the datasets in the scope of the caller as JSON, or those that have changed since a
// position. Takes the slot or the memory for it before it reads any dataset. kUnavailable if too
// many large lists are being read.
boost::asio::awaitable<Result<OpenedList>> OpenList(Service& service, const Caller& caller,
                                                    const std::optional<catalog::Position>& since);

// Returns a copy of the database. kUnavailable if too many lists and backups are being read.
boost::asio::awaitable<Result<std::unique_ptr<PieceReader>>> TakeBackup(Service& service,
                                                                        const Caller& caller);

}  // namespace tarn::catalogd
