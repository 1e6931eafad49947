#pragma once

// Private to src/catalogd: the contents of manifests. They are in a table of their own, because
// SQLite would read whole rows of `datasets` and `history` to compare two names, and a content may
// be megabytes long. Several versions of a dataset may share a content.

#include <cstdint>
#include <string>
#include <string_view>

#include "catalog/manifest.h"
#include "catalogd/store/sqlite.h"

namespace tarn::catalogd {

// Stores a content and returns its id.
Result<int64_t> AddContent(SqliteDatabase& database, std::string_view content);

// The size of a content, without reading it.
Result<uint64_t> ContentBytes(SqliteDatabase& database, int64_t id);
Result<std::string> ReadContent(SqliteDatabase& database, int64_t id);

// Parses the stored content of the dataset with this name.
Result<catalog::DatasetContent> ParseContent(const std::string& name, std::string_view json);

Result<bool> ContentEquals(SqliteDatabase& database, int64_t id, std::string_view content);

// Deletes contents that no version uses any more, at least one if there are any, and more while
// they have at most `bytes` bytes together. The rest is deleted with later changes, so that no
// change takes long.
Result<> DeleteUnusedContents(SqliteDatabase& database, uint64_t bytes);

}  // namespace tarn::catalogd
