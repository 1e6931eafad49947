#pragma once

// A folder in place of a bucket, for tests.

#include <filesystem>
#include <stdexcept>
#include <string>

#include "base/text.h"
#include "duck/database.h"
#include "duck/quote.h"

namespace tarn::engine {

class ParquetFolder {
 public:
  explicit ParquetFolder(const std::filesystem::path& parent)
      : path_(parent / ("tarn-engine-" + RandomId())) {
    std::filesystem::create_directories(path_);
  }
  ~ParquetFolder() { std::filesystem::remove_all(path_); }
  ParquetFolder(const ParquetFolder&) = delete;
  ParquetFolder& operator=(const ParquetFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Writes an object with the rows of the query.
  void Write(const std::string& key, const std::string& query) const {
    duck::Connection connection = *duck::Database::Open({})->Connect();
    const std::string target = duck::QuoteLiteral((path_ / key).string());
    const Result<> written =
        connection.Execute("COPY (" + query + ") TO " + target + " (FORMAT parquet)");
    if (!written.ok()) throw std::runtime_error(written.error().message);
  }

 private:
  const std::filesystem::path path_;
};

}  // namespace tarn::engine
