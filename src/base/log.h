#pragma once

// The structured log of all programs: one event per line on stderr, as text
//   2026-11-22T15:50:00.123456Z INFO queryd: refresh created=1 updated=0
// or as a JSON object ([log] format = "json"). Every line passes ProcessRedactor().

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/line_budget.h"

namespace tarn::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

// True if a number from another process is a Level.
constexpr bool IsLevel(int64_t number) {
  return number >= 0 && number <= static_cast<int64_t>(Level::kError);
}

// Views of the caller's texts: a Field lives for the call of Write only.
struct Field {
  using Value = std::variant<std::string_view, int64_t, uint64_t, double, bool>;
  std::string_view key;
  Value value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, int v) : key(k), value(int64_t{v}) {}
  Field(std::string_view k, int64_t v) : key(k), value(v) {}
  Field(std::string_view k, uint64_t v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
};
using Fields = std::initializer_list<Field>;

// Before the first Configure, the format is text, the level info and the program "tarn".
void Configure(std::string_view program, Format format, Level level);

// Sets the limit of WriteForClient. 0: none, which is the default. Before other threads log.
void LimitClientLines(uint32_t lines_per_second);

// True if lines of this level are written. For callers whose fields are expensive.
bool Enabled(Level level);

// The limit in bytes for the message and for each text value; longer ones are shortened.
inline constexpr size_t kTextBytesMax = 8192;

// Thread-safe. Message and values may hold text from outside: characters that are not visible
// (IsEscaped) are escaped, so that they cannot start a line or change its appearance.
// A warning or an error is written at once, other lines up to LineWriter::kInterval later.
void Write(Level level, std::string_view message, Fields fields);

// Writes a line that a client can cause at will, for example about its query. Lines with this
// message of one client (a token or an address) beyond the limit are left out.
void WriteForClient(std::string_view client, Level level, std::string_view message, Fields fields);

// Returns the lines that were left out since the last call. Daemons report them (net::Runtime).
std::vector<LineBudget::LeftOut> TakeLeftOut();

inline void Debug(std::string_view message, Fields fields = {}) {
  Write(Level::kDebug, message, fields);
}
inline void Info(std::string_view message, Fields fields = {}) {
  Write(Level::kInfo, message, fields);
}
inline void Warn(std::string_view message, Fields fields = {}) {
  Write(Level::kWarn, message, fields);
}
inline void Error(std::string_view message, Fields fields = {}) {
  Write(Level::kError, message, fields);
}

// Writes the lines that are delayed. A process that ends by _exit(2) calls it before.
void Flush();

// The line without its time; for unit tests.
std::string RenderText(std::string_view program, Level level, std::string_view message,
                       Fields fields);
std::string RenderJson(std::string_view time, Level level, std::string_view message, Fields fields);

}  // namespace tarn::log
