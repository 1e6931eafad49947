#pragma once

// Files that gzip or zstd has made smaller.

#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tarn::cli {

enum class Packing { kNone, kGzip, kZstd };

// By the ending of a name, as DuckDB knows them: .gz, .zst.
Packing PackingOf(std::string_view name);
// By the first bytes of a content (RFC 1952, 2.3.1; RFC 8878, 3.1.1).
Packing PackingOfContent(std::string_view first_bytes);
// Of a file, by its content or else its name.
Packing PackingOfFile(const std::string& path);

// Unpacks a file without keeping anything of it: whether it has its end, and is what was packed.
// DuckDB 1.5 takes the rows of one that is cut off, or does not fit its checksum, for all of them.
Result<> CheckPacked(const std::string& path, Packing packing, const std::stop_token& stop);

}  // namespace tarn::cli
