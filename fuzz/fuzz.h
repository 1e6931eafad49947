#pragma once

// What the fuzzers have in common. Each is one program, NAME_fuzz.cc, made by ./x fuzz.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// What has to hold whatever the input is: the fuzzer stops where it does not, and keeps the input.
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

// The first line of the input chooses something, what follows is the text.
inline std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace tarn::fuzz

// For those that link DuckDB: what it loses is not ours, such as a few hundred bytes when
// VALUES (1), (NULL,) is refused.
#define FUZZ_IGNORE_LEAKS_OF_DUCKDB \
  extern "C" const char* __lsan_default_suppressions() { return "leak:libduckdb"; }  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
