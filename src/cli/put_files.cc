#include "cli/put_files.h"

#include <fmt/format.h>
#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "s3/signature.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// DuckDB reads it twice: once for the types.
Result<std::string> KeepStdin(const fs::path& folder, const std::stop_token& stop) {
  if (isatty(STDIN_FILENO) != 0) {
    return InvalidArgument("- is stdin, and that is a terminal: give a file, or a pipe");
  }
  std::string path = (folder / "stdin").string();
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wbe"), &std::fclose);
  if (file == nullptr) return Unavailable(fmt::format("{}: {}", path, std::strerror(errno)));
  std::array<char, 64 * 1024> block{};
  for (;;) {
    const ssize_t count = read(STDIN_FILENO, block.data(), block.size());
    if (stop.stop_requested()) return Stopped();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unavailable(fmt::format("stdin: {}", std::strerror(errno)));
    if (count == 0) break;
    if (std::fwrite(block.data(), 1, static_cast<size_t>(count), file.get()) !=
        static_cast<size_t>(count)) {
      return Unavailable(fmt::format("{}: {}", path, std::strerror(errno)));
    }
  }
  if (std::fflush(file.get()) != 0) {
    return Unavailable(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return path;
}

// A pattern that the shell has not taken for one.
Result<std::vector<std::string>> Matching(const std::string& file) {
  std::error_code code;
  if (fs::exists(file, code) || file.find_first_of("*?[") == std::string::npos) {
    return std::vector<std::string>{file};
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

}  // namespace

Error Stopped() { return {ErrorKind::kCancelled, "stopped; nothing was changed"}; }

Result<Workspace> Workspace::Make() {
  const fs::path folder = fs::temp_directory_path();
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

Result<Input> ToInput(const PutOptions& options, const fs::path& folder,
                      const std::stop_token& stop) {
  Input input{.files = {},
              .delimiter = options.delimiter,
              .has_header = !options.no_header,
              .header_is_said = options.no_header};
  bool has_stdin = false;
  for (const std::string& file : options.files) {
    if (file == "-") {
      TARN_TRY(input.files.emplace_back(), KeepStdin(folder, stop));
      has_stdin = true;
    } else {
      TARN_TRY(const std::vector<std::string> files, Matching(file));
      input.files.insert(input.files.end(), files.begin(), files.end());
    }
  }
  for (const std::string& text : options.with) {
    TARN_TRY(input.options.emplace_back(), ToReadOption(text));
  }
  if (options.format == "json") {
    input.format = InputFormat::kJson;
  } else if (options.format == "parquet") {
    input.format = InputFormat::kParquet;
  } else if (options.format.empty() && !has_stdin) {
    TARN_TRY(input.format, FormatOf(input.files));
  }
  return input;
}

Result<std::string> KeyOf(const std::string& name, const std::string& path) {
  TARN_TRY(const std::string hash, s3::Sha256OfFile(path));
  return fmt::format("{}/{}.parquet", ReplaceAll(name, "/", "_"), hash.substr(0, 32));
}

Result<> SendFiles(s3::Client& bucket, const std::string& prefix, const std::string& name,
                   const std::vector<std::string>& files, const std::stop_token& stop,
                   std::vector<SentFile>& sent) {
  Progress progress("sending", BytesOf(files));
  const auto is_cancelled = [&stop] { return stop.stop_requested(); };
  for (const std::string& file : files) {
    if (stop.stop_requested()) return Stopped();
    TARN_TRY(const std::string name_and_hash, KeyOf(name, file));
    SentFile object{.key = prefix + name_and_hash, .bytes = fs::file_size(file)};
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
        object.key, {.path = file, .on_sent = [&](uint64_t bytes) { progress.Add(bytes); }},
        Deadline::Never(), is_cancelled);
    if (!written.ok()) return wrap(written.error());
    sent.back().etag = written->etag;
  }
  return {};
}

uint64_t BytesOf(const std::vector<std::string>& files) {
  uint64_t bytes = 0;
  for (const std::string& file : files) bytes += fs::file_size(file);
  return bytes;
}

std::string Summary(const ParquetFiles& files) {
  return fmt::format("{} in {} ({}), {}", Plural(files.rows, "row"),
                     Plural(files.files.size(), "object"), FormatBytes(BytesOf(files.files)),
                     Plural(files.columns.size(), "column"));
}

}  // namespace tarn::cli
