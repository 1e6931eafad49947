#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "duck/footer_file.h"
#include "engine/watchdog.h"
#include "protocol/messages.h"
#include "s3/client.h"

namespace tarn::engine {

// The columns of a dataset in a bucket, from the footers of its objects. DuckDB would ask for the
// size of each object, for the last 8 bytes of it, and for the footer; here all of that is one
// request, on a connection that is kept, and DuckDB plans over the footer in memory.
//
// Not thread-safe.
class FooterProbe {
 public:
  // For all probes. Nothing but footers is ever read through it.
  static Result<duck::Database> OpenPlanner();

  static Result<FooterProbe> Make(const protocol::Setup& setup, const duck::Database& planner);

  // Reads the footers of all objects. What it says of a failure is not for people: DuckDB, asked
  // for the objects themselves, tells what is wrong with them, or takes what this does not know.
  // The task is watched already.
  Result<std::vector<protocol::Column>> Run(const protocol::ViewSpec& view, WatchedTask& task);

 private:
  FooterProbe(const protocol::Setup& setup, duck::Connection connection);
  Result<> Fetch(const std::string& key, duck::FooterFile& file, const WatchedTask& task);

  const protocol::ObjectStore store_;
  s3::Client client_;
  duck::Connection connection_;
  std::vector<duck::FooterFile> files_;
};

// The columns that a SELECT has, which is planned and not run.
Result<std::vector<protocol::Column>> ColumnsOf(duck::Connection& connection,
                                                const std::string& select);

}  // namespace tarn::engine
