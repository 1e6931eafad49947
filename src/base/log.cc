#include "base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/line_writer.h"
#include "base/log_characters.h"
#include "base/mutex.h"
#include "base/redact.h"
#include "base/text.h"
#include "base/time.h"

namespace tarn::log {
namespace {

constexpr size_t kUsualLineBytes = 256;

struct Configuration {
  std::string program = "tarn";
  Format format = Format::kText;
};

// Never destroyed, because threads may still log while the process exits.
std::atomic<const Configuration*>& CurrentConfiguration() {
  static const Configuration* first = new Configuration;
  static std::atomic<const Configuration*> current = first;
  return current;
}

std::atomic<Level>& CurrentLevel() {
  static std::atomic<Level> current = Level::kInfo;
  return current;
}

std::unique_ptr<LineBudget>& ClientLines() {
  static auto* lines = new std::unique_ptr<LineBudget>(std::make_unique<LineBudget>(0));
  return *lines;
}

LineWriter& Writer() {
  static LineWriter* writer = [] {
    std::atexit(Flush);
    return new LineWriter(STDERR_FILENO);
  }();
  return *writer;
}

std::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarn:
      return "WARN";
    case Level::kError:
      return "ERROR";
  }
  return "ERROR";
}

std::string JsonText(std::string_view text) {
  return EscapeUnprintableJson(
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
      IsEscaped);
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=") != std::string_view::npos ||
         HasUnprintable(text, IsEscaped);
}

// The limit applies after the redaction: a truncated secret would not be recognised.
std::string Bounded(std::string_view text) {
  return Shortened(ProcessRedactor().Redact(std::string(text)), kTextBytesMax);
}

void AppendText(std::string& line, std::string_view text, bool json) {
  std::string bounded;
  if (text.size() > kTextBytesMax) text = bounded = Bounded(text);
  if (json || NeedsQuotes(text)) {
    line += JsonText(text);
  } else {
    line += text;
  }
}

void AppendValue(std::string& line, const Field::Value& value, bool json) {
  if (const auto* text = std::get_if<std::string_view>(&value)) {
    AppendText(line, *text, json);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    line += *flag ? "true" : "false";
  } else if (const auto* real = std::get_if<double>(&value)) {
    fmt::format_to(std::back_inserter(line), "{:.6g}", *real);
  } else if (const auto* number = std::get_if<int64_t>(&value)) {
    fmt::format_to(std::back_inserter(line), "{}", *number);
  } else {
    fmt::format_to(std::back_inserter(line), "{}", std::get<uint64_t>(value));
  }
}

}  // namespace

void Configure(std::string_view program, Format format, Level level) {
  // All are kept, because another thread may be reading the former one.
  static Mutex mutex;
  static auto* all = new std::vector<std::unique_ptr<const Configuration>>;
  const MutexLock lock(mutex);
  all->push_back(std::make_unique<Configuration>(
      Configuration{.program = std::string(program), .format = format}));
  CurrentConfiguration() = all->back().get();
  CurrentLevel() = level;
}

std::string RenderText(std::string_view program, Level level, std::string_view message,
                       Fields fields) {
  std::string bounded;
  if (message.size() > kTextBytesMax) message = bounded = Bounded(message);
  std::string line;
  line.reserve(kUsualLineBytes);
  // A message is one line: a line break in it could forge an event.
  line.append(Name(level)).append(" ").append(program).append(": ");
  line += EscapeUnprintable(message, "", IsEscaped);
  for (const Field& field : fields) {
    line.append(" ").append(field.key).append("=");
    AppendValue(line, field.value, false);
  }
  return line;
}

std::string RenderJson(std::string_view time, Level level, std::string_view message,
                       Fields fields) {
  std::string line =
      fmt::format(R"({{"ts":"{}","level":"{}","msg":)", time, ToLowerAscii(Name(level)));
  AppendText(line, message, true);
  for (const Field& field : fields) {
    line += ',';
    line += JsonText(field.key);
    line += ':';
    AppendValue(line, field.value, true);
  }
  return line + "}";
}

bool Enabled(Level level) { return level >= CurrentLevel().load(std::memory_order_relaxed); }

void Write(Level level, std::string_view message, Fields fields) {
  if (!Enabled(level)) return;
  const Configuration& configuration = *CurrentConfiguration();
  const std::string time = FormatRfc3339(NowMicros());
  std::string line = configuration.format == Format::kJson
                         ? RenderJson(time, level, message, fields)
                         : time + " " + RenderText(configuration.program, level, message, fields);
  Writer().Write(ProcessRedactor().Redact(std::move(line)), level >= Level::kWarn);
}

void LimitClientLines(uint32_t lines_per_second) {
  ClientLines() = std::make_unique<LineBudget>(lines_per_second);
}

void WriteForClient(std::string_view client, Level level, std::string_view message, Fields fields) {
  if (Enabled(level) && ClientLines()->Take(client, message)) Write(level, message, fields);
}

std::vector<LineBudget::LeftOut> TakeLeftOut() { return ClientLines()->TakeLeftOut(); }

void Flush() { Writer().Flush(); }

}  // namespace tarn::log
