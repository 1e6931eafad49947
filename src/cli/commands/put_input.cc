#include "cli/commands/put_input.h"

#include <fmt/format.h>
#include <glob.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "base/text.h"
#include "cli/terminal/interrupt.h"
#include "ingest/byte_reader.h"
#include "ingest/text_reader.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// Waits for input. A stop ends the wait; a signal alone does not.
Result<> WaitForStdin(const std::stop_token& stop) {
  constexpr int kLookEveryMs = 50;
  for (;;) {
    if (stop.stop_requested()) return StoppedError();
    pollfd waits = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = poll(&waits, 1, kLookEveryMs);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) {
      return Unavailable(fmt::format("stdin: {}", std::strerror(errno)));
    }
  }
}

// Copies stdin into a file, because it is read twice. The name of the file tells its compression.
Result<std::string> KeepStdin(const fs::path& folder, const std::stop_token& stop) {
  if (isatty(STDIN_FILENO) != 0) {
    return InvalidArgument("- is stdin, which is a terminal: give a file, or use a pipe");
  }
  const fs::path path = folder / "stdin";
  const auto failed = [&path] {
    return Unavailable(fmt::format("{}: {}", path.string(), std::strerror(errno)));
  };
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wbe"), &std::fclose);
  if (file == nullptr) return failed();
  std::array<char, 64 * 1024> block{};
  std::string first;
  for (;;) {
    TARN_CHECK_OK(WaitForStdin(stop));
    const ssize_t count = read(STDIN_FILENO, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unavailable(fmt::format("stdin: {}", std::strerror(errno)));
    if (count == 0) break;
    const std::string_view piece(block.data(), static_cast<size_t>(count));
    constexpr size_t kMagicBytes = 4;
    if (first.size() < kMagicBytes) first += piece.substr(0, kMagicBytes);
    if (std::fwrite(piece.data(), 1, piece.size(), file.get()) != piece.size()) return failed();
  }
  if (std::fclose(file.release()) != 0) return failed();
  using ingest::Packing;
  const Packing packing = ingest::PackingOfContent(first);
  if (packing == Packing::kNone) return path.string();
  const fs::path packed = folder / (packing == Packing::kGzip ? "stdin.gz" : "stdin.zst");
  std::error_code code;
  fs::rename(path, packed, code);
  if (code) return Unavailable(fmt::format("{}: {}", packed.string(), code.message()));
  return packed.string();
}

// Expands a pattern that the shell did not expand.
Result<std::vector<std::string>> Matching(const std::string& file) {
  std::error_code code;
  if (fs::exists(file, code) || file.find_first_of("*?[") == std::string::npos) {
    // DuckDB would replace the '~' by the home of a user.
    return std::vector<std::string>{file.starts_with('~') ? "./" + file : file};
  }
  glob_t found{};
  const int status = glob(file.c_str(), 0, nullptr, &found);
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (status == GLOB_NOMATCH) {
    return InvalidArgument(fmt::format("there is no file \"{}\"", file));
  }
  if (status != 0) return Unavailable(fmt::format("cannot read the files that match \"{}\"", file));
  return files;
}

Result<std::pair<std::string, std::string>> ToReadOption(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_';
  });
  if (equals == std::string::npos || !is_name) {
    return InvalidArgument(
        fmt::format("--with {}: write NAME=VALUE, as in --with nullstr=NA", text));
  }
  return std::pair(name, text.substr(equals + 1));
}

Result<Column> ToType(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return InvalidArgument(
        fmt::format("--type {}: write COLUMN=TYPE, as in --type zip=VARCHAR", text));
  }
  return Column{text.substr(0, equals), text.substr(equals + 1)};
}

// Refuses a file that is named twice, because its rows would appear twice.
Result<> CheckDistinct(const std::vector<std::string>& files) {
  std::set<fs::path> seen;
  for (const std::string& file : files) {
    std::error_code code;
    const fs::path path = fs::canonical(file, code);
    if (!code && !seen.insert(path).second) {
      return InvalidArgument(fmt::format("\"{}\" is named twice", file));
    }
  }
  return {};
}

// Checks the options of --with that Tarn reads too, so that Tarn and DuckDB never interpret them
// differently.
Result<> CheckReadOptions(const Input& input) {
  std::set<std::string> names;
  for (const auto& [name, value] : input.options) {
    const std::string key = name == "sep" || name == "delimiter" ? "delim" : name;
    if (!names.insert(key).second) {
      return InvalidArgument(fmt::format("--with {}: the option is given twice", name));
    }
    const std::string lower = ToLowerAscii(value);
    const bool is_flag = lower == "true" || lower == "false" || lower == "1" || lower == "0";
    if ((name == "header" || name == "null_padding" || name == "allow_quoted_nulls") && !is_flag) {
      return InvalidArgument(fmt::format("--with {}={}: must be true or false", name, value));
    }
    if (name == "types" || name == "dtypes" || name == "column_types" || name == "columns") {
      return InvalidArgument(
          fmt::format("--with {}: use --type COLUMN=TYPE, as in --type zip=VARCHAR", name));
    }
    if (name == "store_rejects" || name.starts_with("rejects_")) {
      return InvalidArgument(
          fmt::format("--with {}: tarn put has no table of rejected lines", name));
    }
    if ((name == "names" || name == "column_names") && !value.starts_with('[')) {
      return InvalidArgument(fmt::format(
          "--with {0}={1}: must be a list, as in --with \"{0}=['id', 'name']\"", name, value));
    }
    if ((name == "decimal_separator" || name == "thousands") && value.size() != 1) {
      return InvalidArgument(fmt::format("--with {}={}: must be one character", name, value));
    }
    const bool is_count = !value.empty() && value.size() <= 9 &&
                          value.find_first_not_of("0123456789") == std::string::npos;
    if (name == "skip" && !is_count) {
      return InvalidArgument(fmt::format("--with skip={}: must be a number of lines", value));
    }
  }
  if (!input.delimiter.empty() && names.contains("delim")) {
    return InvalidArgument("--delimiter and --with delim: give one of them");
  }
  if (input.has_no_header && names.contains("header")) {
    return InvalidArgument("--no-header and --with header: give one of them");
  }
  return {};
}

}  // namespace

Result<Input> ToInput(const PutOptions& options, const fs::path& folder,
                      const std::stop_token& stop) {
  Input input{.files = {},
              .delimiter = options.delimiter,
              .has_no_header = options.no_header,
              .encoding = options.encoding,
              .is_unchecked = options.no_check};
  std::vector<std::string> named;
  for (const std::string& file : options.files) {
    if (file == "-") {
      TARN_TRY(input.files.emplace_back(), KeepStdin(folder, stop));
      input.aliases.emplace_back(input.files.back(), "stdin");
    } else {
      TARN_TRY(const std::vector<std::string> files, Matching(file));
      named.insert(named.end(), files.begin(), files.end());
    }
  }
  input.files.insert(input.files.end(), named.begin(), named.end());
  TARN_CHECK_OK(CheckDistinct(input.files));
  for (const std::string& text : options.types) {
    TARN_TRY(input.types.emplace_back(), ToType(text));
  }
  for (const std::string& text : options.with) {
    TARN_TRY(auto option, ToReadOption(text));
    if (option.first == "encoding") {
      input.encoding = option.second;
    } else {
      input.options.push_back(std::move(option));
    }
  }
  TARN_CHECK_OK(CheckReadOptions(input));
  if (!input.encoding.empty() && !ingest::IsEncoding(input.encoding)) {
    return InvalidArgument(fmt::format(
        "--encoding {}: unknown encoding; write one such as latin-1, windows-1252 or utf-16",
        input.encoding));
  }
  if (options.format == "json") {
    input.format = InputFormat::kJson;
  } else if (options.format == "parquet") {
    input.format = InputFormat::kParquet;
  } else if (options.format.empty() && !named.empty()) {
    TARN_TRY(input.format, ingest::FormatOf(named));
  }
  if (input.format != InputFormat::kCsv && (!options.delimiter.empty() || options.no_header)) {
    return InvalidArgument("--delimiter and --no-header are for CSV");
  }
  return input;
}

}  // namespace tarn::cli
