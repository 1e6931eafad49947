#pragma once

// CSV of any encoding as UTF-8, which is all that DuckDB reads.

#include <filesystem>
#include <string>

#include "base/result.h"
#include "ingest/parquet_files.h"
#include "ingest/put_task.h"

namespace tarn::ingest {

// The copy of the file with this index.
std::filesystem::path Utf8File(const std::filesystem::path& folder, size_t index,
                               const std::string& file);

// Copies files of other encodings as UTF-8 into `folder`, under their own names.
Result<Input> WithUtf8(Input input, const std::filesystem::path& folder, const PutTask& task);

}  // namespace tarn::ingest
