#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/redact.h"
#include "base/text.h"
#include "base/time.h"

namespace tarn::log {
namespace {

struct State {
  std::mutex mutex;
  std::string program = "tarn";   // guarded by mutex
  Format format = Format::kText;  // guarded by mutex
  std::shared_ptr<spdlog::logger> logger;

  State()
      : logger(std::make_shared<spdlog::logger>(
            "tarn", std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::trace);
  }
};

State& GlobalState() {
  // Never destroyed, because threads may still log while the process exits.
  static State* state = new State;
  return *state;
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
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
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \"=") != std::string_view::npos ||
         HasUnprintable(text);
}

// Redacts before shortening: a truncated secret would not be recognised.
std::string BoundedText(std::string_view text) {
  if (text.size() <= kTextBytesMax) return std::string(text);
  return Shortened(ProcessRedactor().Redact(std::string(text)), kTextBytesMax);
}

std::string RenderValue(const Field::Value& value, bool json) {
  if (const auto* whole = std::get_if<std::string>(&value)) {
    const std::string text = BoundedText(*whole);
    return json || NeedsQuotes(text) ? JsonText(text) : text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{:.6g}", *number);
  if (const auto* number = std::get_if<int64_t>(&value)) return fmt::format("{}", *number);
  return fmt::format("{}", std::get<uint64_t>(value));
}

}  // namespace

void Configure(std::string_view program, Format format, Level level) {
  State& state = GlobalState();
  const std::lock_guard lock(state.mutex);
  state.program = program;
  state.format = format;
  state.logger->set_level(ToSpdlog(level));
}

std::string RenderText(std::string_view program, Level level, std::string_view message,
                       Fields fields) {
  // A message is one line: a line break in it could forge an event.
  std::string line =
      fmt::format("{} {}: {}", Name(level), program, EscapeUnprintable(BoundedText(message)));
  for (const Field& field : fields) {
    line += fmt::format(" {}={}", field.key, RenderValue(field.value, false));
  }
  return line;
}

std::string RenderJson(std::string_view time, Level level, std::string_view message,
                       Fields fields) {
  std::string level_name(Name(level));
  std::transform(level_name.begin(), level_name.end(), level_name.begin(),
                 [](char c) { return static_cast<char>(c - 'A' + 'a'); });
  std::string line = fmt::format(R"({{"ts":"{}","level":"{}","msg":{})", time, level_name,
                                 JsonText(BoundedText(message)));
  for (const Field& field : fields) {
    line += fmt::format(",{}:{}", JsonText(field.key), RenderValue(field.value, true));
  }
  return line + "}";
}

bool Enabled(Level level) { return GlobalState().logger->should_log(ToSpdlog(level)); }

void Write(Level level, std::string_view message, Fields fields) {
  if (!Enabled(level)) return;
  State& state = GlobalState();
  const std::string time = FormatRfc3339(NowMicros());
  std::string line;
  {
    const std::lock_guard lock(state.mutex);
    line = state.format == Format::kJson
               ? RenderJson(time, level, message, fields)
               : time + " " + RenderText(state.program, level, message, fields);
  }
  state.logger->log(ToSpdlog(level), "{}", ProcessRedactor().Redact(std::move(line)));
}

}  // namespace tarn::log
