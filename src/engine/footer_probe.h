#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "duck/database.h"
#include "duck/footer_file.h"
#include "engine/schema_cache.h"
#include "engine/watchdog.h"
#include "protocol/messages.h"
#include "s3/client.h"

namespace tarn::engine {

// Reads the columns of objects from their footers. DuckDB would ask for the size of each object,
// for its last 8 bytes, and for the footer; here all of that is one request, on a connection that
// is kept, and DuckDB plans over the footer in memory.
//
// Not thread-safe.
class FooterProbe {
 public:
  // The database for all probes. Nothing but footers is ever read through it.
  static Result<duck::Database> OpenPlanner();

  static Result<FooterProbe> Make(const protocol::Setup& setup, const duck::Database& planner,
                                  std::shared_ptr<SchemaCache> schemas);

  struct Object {
    SchemaCache::Schema schema = {};
    std::string etag = {};  // Of the footer that was read; empty for a file.
    // The names of columns that are not safe to compare in the scan; see
    // docs/engine-faults.md.
    std::vector<std::string> guarded = {};
    bool may_hide_nan = false;
    bool has_empty_names = false;  // Of columns or fields.
  };
  // The columns of an object. Its errors are not meant for people: DuckDB, asked for the object
  // itself, says what is wrong with it, or can read it where this cannot. The watchdog has the task
  // already.
  Result<Object> Read(const std::string& key, WatchedTask& task);

  // kPrecondition if an object of a bucket has another ETag.
  Result<> CheckEtag(const std::string& key, const std::string& etag, const WatchedTask& task);

 private:
  FooterProbe(const protocol::Setup& setup, duck::Connection connection, duck::FooterFile footer,
              std::shared_ptr<SchemaCache> schemas);
  // Puts the footer into footer_ and returns the ETag.
  Result<std::string> Fetch(const std::string& key, const WatchedTask& task);
  Result<std::string> FetchFromBucket(const std::string& key, const WatchedTask& task);

  const protocol::ObjectStore store_;
  s3::Client client_;
  duck::Connection connection_;
  duck::FooterFile footer_;
  const std::shared_ptr<SchemaCache> schemas_;
};

// An object of whose statistics and bloom filters nothing is known.
FooterProbe::Object ToUnknownObject(SchemaCache::Schema schema);

SchemaCache::Schema ToObjectSchema(const std::vector<duck::Statement::Column>& columns);

}  // namespace tarn::engine
