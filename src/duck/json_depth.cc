#include "duck/json_depth.h"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

// The required parts of DuckDB's third_party/yyjson/include/yyjson.hpp (yyjson 0.12).
namespace duckdb_yyjson {

// NOLINTBEGIN(readability-identifier-naming): names of the library.
struct yyjson_doc;
struct yyjson_alc;
struct yyjson_read_err {
  uint32_t code;
  const char* msg;
  size_t pos;
};

[[gnu::visibility("default")]] yyjson_doc* yyjson_read_opts(char* text, size_t bytes,
                                                            uint32_t flags,
                                                            const yyjson_alc* allocator,
                                                            yyjson_read_err* error);

// NOLINTEND(readability-identifier-naming)

}  // namespace duckdb_yyjson

namespace tarn::duck {
namespace {

constexpr uint32_t kStopWhenDone = 1U << 1;  // YYJSON_READ_STOP_WHEN_DONE
constexpr uint32_t kErrorJsonStructure = 7;  // YYJSON_READ_ERROR_JSON_STRUCTURE
constexpr size_t kLevelsWithoutSetting = 10'000;

std::atomic<size_t>& LevelsMax() {
  static std::atomic<size_t> levels = kLevelsWithoutSetting;
  return levels;
}

using ReadFunction = decltype(&duckdb_yyjson::yyjson_read_opts);

ReadFunction OriginalRead() {
  static const auto kRead = reinterpret_cast<ReadFunction>(  // NOLINT: dlsym(3)'s way
      dlsym(RTLD_NEXT,
            "_ZN13duckdb_yyjson16yyjson_read_optsEPcmjPKNS_10yyjson_alcEPNS_15yyjson_read_errE"));
  return kRead;
}

bool IsOpening(char c) { return c == '[' || c == '{'; }

}  // namespace

bool IsJsonDeeperThan(std::string_view text, size_t levels_max, bool first_value_only) {
  if (text.size() <= levels_max) return false;
  // Compiled to vector instructions: much faster than the parser, and sufficient for most texts.
  if (!first_value_only &&
      static_cast<size_t>(std::count_if(text.begin(), text.end(), IsOpening)) <= levels_max) {
    return false;
  }
  const size_t begin = std::min(text.find_first_not_of(" \t\n\r"), text.size());
  if (first_value_only && (begin == text.size() || !IsOpening(text[begin]))) return false;
  size_t levels = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      for (++i; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
      }
    } else if (IsOpening(c)) {
      if (++levels > levels_max) return true;
    } else if (c == ']' || c == '}') {
      if (levels <= 1 && first_value_only) return false;
      levels -= std::min<size_t>(levels, 1);
    }
  }
  return false;
}

Result<> LimitJsonDepth(size_t levels_max) {
  if (OriginalRead() == nullptr) {
    return Internal("this DuckDB has no yyjson_read_opts(), so that JSON cannot be limited");
  }
  LevelsMax() = levels_max;
  return {};
}

}  // namespace tarn::duck

namespace duckdb_yyjson {

yyjson_doc* yyjson_read_opts(char* text, size_t bytes, uint32_t flags, const yyjson_alc* allocator,
                             yyjson_read_err* error) {
  using namespace tarn::duck;  // NOLINT: the function must be in DuckDB's namespace.
  const bool first_value_only = (flags & kStopWhenDone) != 0;
  if (text != nullptr && IsJsonDeeperThan({text, bytes}, LevelsMax(), first_value_only)) {
    if (error != nullptr) {
      *error = {
          .code = kErrorJsonStructure, .msg = "nested too deep (queryd.json_depth_max)", .pos = 0};
    }
    return nullptr;
  }
  return OriginalRead()(text, bytes, flags, allocator, error);
}

}  // namespace duckdb_yyjson
