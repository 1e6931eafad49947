// ingest/json_rows and ingest/json_shape: all values of records can be cast to the types of their
// columns, and queryd can read these types from Parquet.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "duck/database.h"
#include "duck/quote.h"
#include "fuzz.h"
#include "ingest/json_rows.h"
#include "ingest/limits.h"
#include "memory_file.h"

using namespace tarn;          // NOLINT: the namespace under test
using namespace tarn::ingest;  // NOLINT: the namespace under test

FUZZ_IGNORE_LEAKS_OF_DUCKDB

namespace {

// The table function of the current input.
class CurrentRows : public duck::RowSource {
 public:
  void Set(std::shared_ptr<JsonRows> rows) { rows_ = std::move(rows); }
  const std::vector<Column>& columns() const override { return rows_->columns(); }
  Result<std::unique_ptr<duck::RowReader>> Open() const override { return rows_->Open(); }

 private:
  std::shared_ptr<JsonRows> rows_;
};

struct Engine {
  std::shared_ptr<CurrentRows> rows = std::make_shared<CurrentRows>();
  duck::Database database = *duck::Database::Open({{"autoinstall_known_extensions", "false"},
                                                   {"autoload_known_extensions", "false"},
                                                   {"temp_directory", ""},
                                                   {"threads", "1"}});
  duck::Connection connection = *database.Connect();
};

Engine& TheEngine() {
  static Engine& engine = *[] {
    auto* made = new Engine;
    FUZZ_CHECK(made->connection.Register("rows", made->rows).ok(), "Register");
    FUZZ_CHECK(made->connection.Execute("SET TimeZone = 'UTC'").ok(), "UTC");
    return made;
  }();
  return engine;
}

// Returns the depth of nested lists and maps.
int ListsOf(const duck::TextType& type) {
  int most = 0;
  for (const duck::TextType& child : type.children) most = std::max(most, ListsOf(child));
  using Kind = duck::TextType::Kind;
  return most + (type.kind == Kind::kList || type.kind == Kind::kMap ? 1 : 0);
}

void CheckNames(const duck::TextType& type) {
  std::set<std::string> names;
  for (const std::string& name : type.names) {
    FUZZ_CHECK(!name.empty() && name.find('\0') == std::string::npos, name);
    FUZZ_CHECK(names.insert(ToLowerAscii(name)).second, name);
  }
  for (const duck::TextType& child : type.children) CheckNames(child);
}

void CheckColumns(const JsonRows& rows) {
  std::set<std::string> names;
  for (const auto& [name, type] : rows.columns()) {
    FUZZ_CHECK(!name.empty() && names.insert(ToLowerAscii(name)).second, name);
    FUZZ_CHECK(ListsOf(type) <= kListsMax, name);
    CheckNames(type);
  }
}

uint64_t CountRows(Engine& engine, const std::string& columns) {
  auto statement = engine.connection.Prepare("SELECT " + columns + " FROM rows()");
  FUZZ_CHECK(statement.ok(), columns + ": " + statement.error().message);
  auto result = statement->Execute();
  FUZZ_CHECK(result.ok(), columns + ": " + result.error().message);
  uint64_t count = 0;
  for (;;) {
    const auto chunk = result->Next();
    FUZZ_CHECK(chunk.ok(), columns + ": " + chunk.error().message);
    if (!*chunk) return count;
    count += (*chunk)->row_count();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const tarn::fuzz::MemoryFile file(tarn::fuzz::Text(data, size));
  const auto read = JsonRows::Read({file.Path()}, "", [](uint64_t) { return Result<>(); });
  if (!read.ok()) {
    FUZZ_CHECK(read.error().kind == ErrorKind::kInvalidArgument, read.error().message);
    return 0;
  }
  const std::shared_ptr<JsonRows>& rows = *read;
  CheckColumns(*rows);
  if (rows->columns().empty()) return 0;
  std::string columns;
  for (size_t i = 0; i < rows->columns().size(); ++i) {
    columns +=
        fmt::format("{}CAST({} AS {})", i == 0 ? "" : ", ",
                    duck::QuoteIdentifier(rows->columns()[i].name), rows->shape(i).TypeName());
  }
  Engine& engine = TheEngine();
  engine.rows->Set(rows);
  FUZZ_CHECK(CountRows(engine, columns) == rows->row_count(), columns);
  return 0;
}
