#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "ingest/csv_scan.h"

namespace tarn::ingest {

// Writes the records of a CSV file into a new file `out` in the form of RFC 4180, with LF at the
// end of lines. A field that was in quotes keeps them. Returns the size of the largest record.
Result<uint64_t> RewriteCsv(const TextFile& file, const CsvSyntax& syntax, const std::string& out,
                            const ReadHook& hook);

}  // namespace tarn::ingest
