#include "engine/footer_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "duck/quote.h"

namespace tarn::engine {
namespace {

// Most footers are smaller, and what is too much costs less than another request.
constexpr uint64_t kGuessBytes = 32 * 1024;

// One that is longer is DuckDB's to read, which does so by and by.
constexpr uint64_t kFooterBytesMax = 16 * 1024 * 1024;

// So many files are open at the same time, for each thread.
constexpr size_t kBatch = 32;

std::string SelectSql(const std::vector<duck::FooterFile>& files, size_t count, const char* what) {
  std::string paths;
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) paths += ", ";
    paths += duck::QuoteLiteral(files[i].Path());
  }
  return fmt::format("SELECT {} FROM read_parquet([{}])", what, paths);
}

}  // namespace

Result<std::vector<protocol::Column>> ColumnsOf(duck::Connection& connection,
                                                const std::string& select) {
  TARN_TRY(const duck::Statement statement, connection.Prepare(select));
  std::vector<protocol::Column> columns;
  for (const auto& [name, type] : statement.Columns()) {
    columns.push_back({name, duck::TypeName(type)});
  }
  return columns;
}

Result<duck::Database> FooterProbe::OpenPlanner() {
  return duck::Database::Open({{"autoinstall_known_extensions", "false"},
                               {"autoload_known_extensions", "false"},
                               {"enable_external_file_cache", "false"},
                               {"temp_directory", ""},
                               {"threads", "1"}});
}

Result<FooterProbe> FooterProbe::Make(const protocol::Setup& setup, const duck::Database& planner) {
  TARN_TRY(duck::Connection connection, planner.Connect());
  return FooterProbe(setup, std::move(connection));
}

FooterProbe::FooterProbe(const protocol::Setup& setup, duck::Connection connection)
    : store_(setup.store),
      client_({.store = setup.store,
               .credentials = setup.credentials,
               .tls_verify = setup.tls_verify,
               .tls_ca_path = setup.tls_ca_path}),
      connection_(std::move(connection)) {}

Result<> FooterProbe::Fetch(const std::string& key, duck::FooterFile& file,
                            const WatchedTask& task) {
  // Refuses keys that are none.
  TARN_CHECK_OK(store_.Url(key));
  const auto is_cancelled = [&task] { return task.CancelReason().has_value(); };
  TARN_TRY(const s3::ObjectPart end,
           client_.ReadEnd(key, kGuessBytes, task.deadline(), is_cancelled));
  TARN_TRY(const size_t needed, file.Put(end.bytes));
  if (needed == 0) return {};
  if (needed > std::min(end.object_bytes, kFooterBytesMax)) {
    return InvalidArgument("its footer is too long");
  }
  TARN_TRY(const s3::ObjectPart footer, client_.Read(key, end.object_bytes - needed, needed,
                                                     end.etag, task.deadline(), is_cancelled));
  TARN_TRY(const size_t more, file.Put(footer.bytes));
  if (more > 0) return InvalidArgument("it has become another object");
  return {};
}

Result<std::vector<protocol::Column>> FooterProbe::Run(const protocol::ViewSpec& view,
                                                       WatchedTask& task) {
  const std::vector<std::string>& keys = view.keys;
  while (files_.size() < std::min(keys.size(), kBatch)) {
    TARN_TRY(duck::FooterFile file, duck::FooterFile::Make());
    files_.push_back(std::move(file));
  }
  std::vector<protocol::Column> columns;
  // The first object is a part of each batch: the others have to go with it.
  size_t in_batch = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    TARN_CHECK_OK(Fetch(keys[i], files_[in_batch++], task));
    if (in_batch < kBatch && i + 1 < keys.size()) continue;
    if (!task.Begin(connection_)) return Error{ErrorKind::kCancelled, "cancelled"};
    const auto plan = [&]() -> Result<> {
      if (columns.empty()) {
        TARN_TRY(columns, ColumnsOf(connection_, SelectSql(files_, 1, "*")));
      }
      // Planning looks at the first one alone. This looks at all, and at their footers only.
      if (in_batch > 1) return connection_.Execute(SelectSql(files_, in_batch, "count(*)"));
      return {};
    };
    const Result<> planned = plan();
    task.End();
    TARN_CHECK_OK(planned);
    in_batch = 1;
  }
  return columns;
}

}  // namespace tarn::engine
