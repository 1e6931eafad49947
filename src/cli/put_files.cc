#include "cli/put_files.h"

#include <fmt/format.h>
#include <glob.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/packed_file.h"
#include "cli/text.h"
#include "s3/signature.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// Whether there is something to read; a stop ends the wait, which a signal does not.
Result<> WaitForStdin(const std::stop_token& stop) {
  constexpr int kLookEveryMs = 50;
  for (;;) {
    if (stop.stop_requested()) return Stopped();
    pollfd waits = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = poll(&waits, 1, kLookEveryMs);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) {
      return Unavailable(fmt::format("stdin: {}", std::strerror(errno)));
    }
  }
}

// DuckDB reads it more than once: for the types first. The name says how it is packed.
Result<std::string> KeepStdin(const fs::path& folder, const std::stop_token& stop) {
  if (isatty(STDIN_FILENO) != 0) {
    return InvalidArgument("- is stdin, and that is a terminal: give a file, or a pipe");
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
  const Packing packing = PackingOfContent(first);
  if (packing == Packing::kNone) return path.string();
  const fs::path packed = folder / (packing == Packing::kGzip ? "stdin.gz" : "stdin.zst");
  std::error_code code;
  fs::rename(path, packed, code);
  if (code) return Unavailable(fmt::format("{}: {}", packed.string(), code.message()));
  return packed.string();
}

// A pattern that the shell has not taken for one.
Result<std::vector<std::string>> Matching(const std::string& file) {
  std::error_code code;
  if (fs::exists(file, code) || file.find_first_of("*?[") == std::string::npos) {
    // DuckDB would take it for somebody's home.
    return std::vector<std::string>{file.starts_with('~') ? "./" + file : file};
  }
  glob_t found{};
  const int status = glob(file.c_str(), 0, nullptr, &found);
  std::vector<std::string> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  if (status == GLOB_NOMATCH) {
    return InvalidArgument(fmt::format("there is no file \"{}\"", file));
  }
  if (status != 0) return Unavailable(fmt::format("cannot read what matches \"{}\"", file));
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
        fmt::format("--with {}: write NAME=VALUE, as in --with encoding=latin-1", text));
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

// A file that is named twice would have its rows twice.
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

}  // namespace

Result<Workspace> Workspace::Make() {
  std::error_code code;
  const fs::path folder = fs::temp_directory_path(code);
  if (code) return Unavailable(fmt::format("TMPDIR: {}", code.message()));
  std::string path = (folder / "tarn-put-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    return Unavailable(
        fmt::format("cannot make a folder in {}: {}", folder.string(), std::strerror(errno)));
  }
  return Workspace(path);
}

Result<Workspace> Workspace::MakeIn(const fs::path& folder) {
  const fs::path path = folder / (".tarn-put-" + RandomId());
  std::error_code code;
  // With the rights of other folders: what is made in it stays.
  fs::create_directories(path, code);
  if (code) {
    return Unavailable(
        fmt::format("cannot make a folder in {}: {}", folder.string(), code.message()));
  }
  return Workspace(path);
}

Workspace::~Workspace() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Error IsThere(const std::string& dataset) {
  return InvalidArgument(fmt::format(
      "there is a dataset \"{}\": --append adds to it, --replace takes its place", dataset));
}

Result<Input> ToInput(const PutOptions& options, const fs::path& folder,
                      const std::stop_token& stop) {
  Input input{.files = {},
              .delimiter = options.delimiter,
              .has_header = !options.no_header,
              .header_is_said = options.no_header};
  std::vector<std::string> named;
  for (const std::string& file : options.files) {
    if (file == "-") {
      TARN_TRY(input.files.emplace_back(), KeepStdin(folder, stop));
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
    TARN_TRY(input.options.emplace_back(), ToReadOption(text));
  }
  if (options.format == "json") {
    input.format = InputFormat::kJson;
  } else if (options.format == "parquet") {
    input.format = InputFormat::kParquet;
  } else if (options.format.empty() && !named.empty()) {
    TARN_TRY(input.format, FormatOf(named));
  }
  if (input.format != InputFormat::kCsv && (!options.delimiter.empty() || options.no_header)) {
    return InvalidArgument("--delimiter and --no-header are for CSV");
  }
  return input;
}

Result<std::vector<NamedFile>> NameFiles(const ParquetFiles& files, InputFormat format,
                                         const std::stop_token& stop) {
  std::vector<NamedFile> named;
  uint64_t bytes = 0;
  for (const std::string& path : files.files) {
    std::error_code code;
    const uint64_t size = fs::file_size(path, code);
    if (code) return Unavailable(fmt::format("{}: {}", path, code.message()));
    bytes += size;
    named.push_back({.path = path, .name = {}, .bytes = size});
  }
  Progress progress("checking", bytes);
  std::map<std::string, const NamedFile*> known;
  for (NamedFile& file : named) {
    TARN_TRY(std::string hash, s3::Sha256OfFile(file.path, [&](uint64_t more) -> Result<> {
               progress.Add(more);
               return stop.stop_requested() ? Result<>(Stopped()) : Result<>();
             }));
    constexpr size_t kShown = 32;  // 128 bits.
    hash.resize(kShown);
    const auto [other, is_new] = known.emplace(hash, &file);
    if (!is_new && format == InputFormat::kParquet) {
      return InvalidArgument(fmt::format("\"{}\" and \"{}\" have the same content: leave one out",
                                         other->second->path, file.path));
    }
    // Rows that repeat may make files that do.
    file.name = is_new ? hash + ".parquet" : fmt::format("{}-{}.parquet", hash, &file - &named[0]);
  }
  return named;
}

Error HasTheseRows(const std::string& dataset) {
  return InvalidArgument(fmt::format(
      "\"{}\" has these rows already: an object with the same content is a part of it", dataset));
}

uint64_t BytesOf(const std::vector<NamedFile>& files) {
  uint64_t bytes = 0;
  for (const NamedFile& file : files) bytes += file.bytes;
  return bytes;
}

std::string KeyOf(const std::string& dataset, const NamedFile& file) {
  return fmt::format("{}/{}", ReplaceAll(dataset, "/", "_"), file.name);
}

Result<> CopyFile(const std::string& from, const fs::path& to, Progress& progress,
                  const std::stop_token& stop) {
  using File = std::unique_ptr<FILE, int (*)(FILE*)>;
  const auto failed = [](const std::string& path) {
    return Unavailable(fmt::format("{}: {}", path, std::strerror(errno)));
  };
  const File in(std::fopen(from.c_str(), "rbe"), &std::fclose);
  if (in == nullptr) return failed(from);
  File out(std::fopen(to.c_str(), "wbxe"), &std::fclose);
  if (out == nullptr) return failed(to.string());
  std::vector<char> block(1024 * 1024);
  while (const size_t count = std::fread(block.data(), 1, block.size(), in.get())) {
    if (stop.stop_requested()) return Stopped();
    if (std::fwrite(block.data(), 1, count, out.get()) != count) return failed(to.string());
    progress.Add(count);
  }
  if (std::ferror(in.get()) != 0) return failed(from);
  if (std::fflush(out.get()) != 0 || fsync(fileno(out.get())) != 0 ||
      std::fclose(out.release()) != 0) {
    return failed(to.string());
  }
  return {};
}

Result<> SendFiles(s3::Client& bucket, const std::string& prefix, const std::string& name,
                   const std::vector<NamedFile>& files, const std::stop_token& stop,
                   std::vector<SentFile>& sent) {
  Progress progress("sending", BytesOf(files));
  const auto is_cancelled = [&stop] { return stop.stop_requested(); };
  for (const NamedFile& file : files) {
    if (stop.stop_requested()) return Stopped();
    SentFile object{.key = prefix + KeyOf(name, file), .bytes = file.bytes};
    const auto wrap = [&](const Error& error) {
      return stop.stop_requested() ? Stopped()
                                   : error.Wrap(fmt::format("object \"{}\"", object.key));
    };
    const auto there = bucket.Stat(object.key, Deadline::Never(), is_cancelled);
    if (!there.ok()) return wrap(there.error());
    if (*there && (*there)->bytes == object.bytes) {
      object.etag = (*there)->etag;
      progress.Add(object.bytes);
      sent.push_back(std::move(object));
      continue;
    }
    object.is_new = true;
    sent.push_back(object);
    const auto written = bucket.Write(
        object.key, {.path = file.path, .on_sent = [&](uint64_t bytes) { progress.Add(bytes); }},
        Deadline::Never(), is_cancelled);
    if (!written.ok()) return wrap(written.error());
    sent.back().etag = written->etag;
  }
  return {};
}

namespace {

// What was put where there is no catalogue to say it.
void PrintJson(const PutOptions& options, const ParquetFiles& files,
               const std::vector<NamedFile>& named) {
  nlohmann::ordered_json json = {{"name", options.name}, {"row_count", files.rows}};
  for (const NamedFile& file : named) {
    json["objects"].push_back({{"key", KeyOf(options.name, file)}, {"size", file.bytes}});
  }
  for (const Column& column : files.columns) {
    json["schema"].push_back({{"name", column.name}, {"type", column.type}});
  }
  std::printf("%s\n", json.dump().c_str());
}

}  // namespace

void PrintSummary(const PutOptions& options, const ParquetFiles& files,
                  const std::vector<NamedFile>& named, std::string_view more) {
  for (const std::string& note : files.notes) {
    std::fprintf(stderr, "tarn: %s\n", WithoutControls(note).c_str());
  }
  if (options.json) {
    if (!options.into.empty()) PrintJson(options, files, named);
    return;
  }
  const std::string text =
      fmt::format("\"{}\": {} in {} ({}), {}{}\n", options.name, Plural(files.rows, "row"),
                  Plural(named.size(), "object"), FormatBytes(BytesOf(named)),
                  Plural(files.columns.size(), "column"), more);
  std::fputs(text.c_str(), stdout);
}

}  // namespace tarn::cli
