#include "result/ndjson_encoder.h"

#include "base/text.h"
#include "base/text_hash.h"
#include "result/json_encoder.h"
#include "result/json_value.h"

namespace tarn::result {

// The same algorithm as DuckDB's QueryResult::DeduplicateColumns.
std::vector<std::string> DistinctNames(const std::vector<std::string>& names) {
  TextMap<uint64_t> next_suffix;  // The key is the name in lower case.
  std::vector<std::string> out;
  out.reserve(names.size());
  for (const std::string& name : names) {
    const std::string lower = ToLowerAscii(name);
    std::string distinct = name;
    if (next_suffix.contains(lower)) {
      uint64_t& suffix = next_suffix[lower];
      while (next_suffix.contains(ToLowerAscii(distinct = name + "_" + std::to_string(suffix)))) {
        ++suffix;
      }
    }
    next_suffix.emplace(ToLowerAscii(distinct), 1);
    out.push_back(std::move(distinct));
  }
  return out;
}

NdjsonEncoder::NdjsonEncoder(const std::vector<std::string>& names, const JsonOptions& options)
    : options_(options) {
  for (const std::string& name : DistinctNames(names)) {
    std::string key = keys_.empty() ? "{" : ",";
    AppendJsonString(name, key);
    key += ':';
    keys_.push_back(std::move(key));
  }
}

Result<> NdjsonEncoder::Rows(const Columns& columns, uint64_t begin, uint64_t end,
                             std::string& out) {
  for (uint64_t row = begin; row < end; ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      out += keys_[i];
      AppendJsonValue(columns[i], row, options_, out);
    }
    out += "}\n";
  }
  return {};
}

Result<> NdjsonEncoder::End(const ResultSummary& summary, std::string& out) {
  out += R"({"status":"ok",)";
  AppendJsonSummary(summary, out);
  out += '\n';
  return {};
}

void NdjsonEncoder::Failed(std::string_view message, std::string& out) {
  out += R"({"status":"error","error":)";
  AppendJsonString(message, out);
  out += "}\n";
}

}  // namespace tarn::result
