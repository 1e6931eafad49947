#pragma once

// Shared by the fuzzers. Each is one program, NAME_fuzz.cc, built by ./x fuzz.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// A condition that must hold for all inputs. Otherwise the fuzzer stops and saves the input.
#define FUZZ_CHECK(condition, detail)                                                        \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n%s\n", __FILE__, __LINE__, #condition, \
                   std::string(detail).c_str());                                             \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)

namespace tarn::fuzz {

inline std::string_view Text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};  // NOLINT: libFuzzer's interface
}

// Splits the input after its first line, which selects a variant. The rest is the text.
inline std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace tarn::fuzz

// For fuzzers that link DuckDB: ignores its leaks, such as a few hundred bytes when it refuses
// VALUES (1), (NULL,).
#define FUZZ_IGNORE_LEAKS_OF_DUCKDB \
  extern "C" const char* __lsan_default_suppressions() { return "leak:libduckdb"; }  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
