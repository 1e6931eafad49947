#pragma once

// The use cases of one dataset, a function each. They check names and rights, do the work on the
// threads of the service, and log and count the result. They are independent of the wire protocol,
// except that the wire reserves the memory for its response.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "auth/identity.h"
#include "catalog/manifest_json.h"
#include "catalogd/service/service.h"

namespace tarn::catalogd {

// The client of a request. Outlives the call.
struct Caller {
  const auth::Identity& identity;
  std::string_view request_id;  // For the log.
  Store::Reserve reserve;       // Reserves the memory of the response.
};

// A version of a dataset in JSON.
struct DatasetJson {
  std::string tag;
  std::optional<std::string> json;  // nullopt: the client knows this version.
};

// Returns kNotFound for a dataset outside of the scope of the caller, here and below. `is_known`:
// whether the client knows the version with this tag.
boost::asio::awaitable<Result<DatasetJson>> GetDataset(
    Service& service, const Caller& caller, const std::string& name,
    const std::function<bool(const std::string& tag)>& is_known);

struct ChangedDataset {
  Store::PutOutcome outcome = Store::PutOutcome::kUnchanged;
  uint64_t version = 0;
  DatasetJson dataset;
};

struct PutRequest {
  std::string_view body;  // Empty with `touch`, which keeps the current content.
  Store::Condition condition;
  bool allow_schema_change = false;
  bool touch = false;
};
boost::asio::awaitable<Result<ChangedDataset>> PutDataset(Service& service, const Caller& caller,
                                                          const std::string& name,
                                                          const PutRequest& request);

boost::asio::awaitable<Result<ChangedDataset>> RestoreDataset(
    Service& service, const Caller& caller, const std::string& name,
    const catalog::RestoreRequest& version, const Store::Condition& condition);

boost::asio::awaitable<Result<>> DeleteDataset(Service& service, const Caller& caller,
                                               const std::string& name,
                                               const Store::Condition& condition);

struct HistoryRequest {
  uint64_t before = 0;  // A revision.
  size_t count = 0;
};
// Returns a page of the history in JSON.
boost::asio::awaitable<Result<std::string>> ReadHistory(Service& service, const Caller& caller,
                                                        const std::string& name,
                                                        const HistoryRequest& request);

}  // namespace tarn::catalogd
