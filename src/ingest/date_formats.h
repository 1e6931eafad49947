#pragma once

// The formats of strptime that the user gave for dates: --with dateformat and timestampformat.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/columns.h"
#include "ingest/converter.h"
#include "ingest/text_source.h"

namespace tarn::ingest {

// True for DATE and the timestamps, which have such an option.
bool IsMoment(std::string_view type);

// The name of the option for a type: "dateformat" or "timestampformat".
const char* FormatOption(std::string_view type);

// Refuses the first text in another format than the one given for the target type of its column.
// `text_source` is a FROM clause with the columns of `source` as VARCHAR. Only columns that are
// VARCHAR in `source` are read, because those with other texts are. `or_iso`: texts as in ISO 8601
// are dates too.
Result<> CheckGivenFormats(const Input& input, const std::vector<Column>& targets, bool or_iso,
                           const std::string& text_source, const TextSource& source,
                           Converter& converter);

}  // namespace tarn::ingest
