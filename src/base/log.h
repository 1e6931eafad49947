#pragma once

// The structured log of all three programs: one event a line on stderr, as text for people
//   2026-11-22T15:50:00.123456Z INFO queryd: refresh created=1 updated=0
// or as a JSON object a line ([log] format = "json"). Every line passes ProcessRedactor().

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace tarn::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

struct Field {
  using Value = std::variant<std::string, int64_t, uint64_t, double, bool>;
  std::string_view key;
  Value value;

  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, int v) : key(k), value(int64_t{v}) {}
  Field(std::string_view k, int64_t v) : key(k), value(v) {}
  Field(std::string_view k, uint64_t v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
};
using Fields = std::initializer_list<Field>;

// Before the first Configure, lines are text, from level info up, of a program called "tarn".
void Configure(std::string_view program, Format format, Level level);

// Whether lines of this level are written: asked where making the fields would cost something.
bool Enabled(Level level);

// The most bytes of the message and of each text value; longer ones are cut.
inline constexpr size_t kTextBytesMax = 8192;

// Thread-safe. Text from outside may be in message and values: characters that are not shown as
// themselves (IsUnprintable) are escaped, so that it cannot start a line or change how one looks.
void Write(Level level, std::string_view message, Fields fields);

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

// The line without its time: what the unit tests look at.
std::string RenderText(std::string_view program, Level level, std::string_view message,
                       Fields fields);
std::string RenderJson(std::string_view time, Level level, std::string_view message, Fields fields);

}  // namespace tarn::log
