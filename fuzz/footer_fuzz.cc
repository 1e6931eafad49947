// duck/footer_metadata: footers of malicious objects. DuckDB decodes each footer that the check
// accepts: it returns columns or an error, and does not crash.

#include <cstring>
#include <optional>
#include <string>

#include "duck/database.h"
#include "duck/footer_file.h"
#include "duck/footer_metadata.h"
#include "duck/parquet_columns.h"
#include "fuzz.h"

using namespace tarn;        // NOLINT: the namespace under test
using namespace tarn::duck;  // NOLINT: the namespace under test

FUZZ_IGNORE_LEAKS_OF_DUCKDB

namespace {

constexpr FooterLimits kLimits = {.bytes_max = 1'000'000, .depth_max = 64, .columns_max = 1000};

// As engine/views/footer_probe.cc opens it.
class Planner {
 public:
  Connection& connection() {
    if (!connection_) {
      database_.emplace(*Database::Open({{"autoinstall_known_extensions", "false"},
                                         {"autoload_known_extensions", "false"},
                                         {"enable_external_file_cache", "false"},
                                         {"temp_directory", ""},
                                         {"threads", "1"}}));
      connection_.emplace(*database_->Connect());
    }
    return *connection_;
  }
  // After an internal error, a database may refuse all statements.
  void Drop() {
    connection_.reset();
    database_.reset();
  }

 private:
  std::optional<Database> database_;
  std::optional<Connection> connection_;
};

// Returns the end of an object that has this footer.
std::string ToObjectEnd(std::string_view footer) {
  const auto length = static_cast<uint32_t>(footer.size());
  std::string end(footer);
  end.resize(footer.size() + sizeof(length));
  std::memcpy(end.data() + footer.size(), &length, sizeof(length));
  return end + "PAR1";
}

void CheckMetadata(const FooterMetadata& metadata, std::string_view footer) {
  FUZZ_CHECK(metadata.schema.size() <= footer.size(), "the schema is a part of the footer");
  FUZZ_CHECK(metadata.untyped_leaves.size() <= kLimits.columns_max, "the limit of columns");
  FUZZ_CHECK(metadata.bloom_leaves.size() == metadata.untyped_leaves.size(), "one for each leaf");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Never destroyed, because DuckDB's static variables may be destroyed earlier.
  static Planner& planner = *new Planner;
  static FooterFile& file = *new FooterFile(*FooterFile::Make(kLimits));
  const std::string_view footer = tarn::fuzz::Text(data, size);
  const auto metadata = ReadFooterMetadata(footer, kLimits);
  if (!metadata.ok()) {
    const ErrorKind kind = metadata.error().kind;
    FUZZ_CHECK(kind == ErrorKind::kTooLarge || kind == ErrorKind::kInvalidArgument,
               metadata.error().message);
    return 0;
  }
  CheckMetadata(*metadata, footer);
  const auto missing = file.Put(ToObjectEnd(footer));
  FUZZ_CHECK(missing.ok() || size < 4, "an accepted footer is accepted in an object");
  if (!missing.ok()) return 0;
  FUZZ_CHECK(*missing == 0, "the footer is complete");
  const auto columns = ReadParquetColumns(planner.connection(), file);
  if (!columns.ok() && columns.error().kind == ErrorKind::kInternal) planner.Drop();
  return 0;
}
