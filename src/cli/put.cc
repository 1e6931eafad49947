#include "cli/put.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/lakehouse.h"
#include "base/text.h"
#include "catalog/manifest.h"
#include "cli/bucket.h"
#include "cli/interrupt.h"
#include "cli/parquet_files.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "s3/client.h"
#include "s3/signature.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Error Stopped() { return {ErrorKind::kCancelled, "stopped; nothing was changed"}; }

// Where files are made that are not needed afterwards.
class Workspace {
 public:
  static Result<Workspace> Make() {
    std::string path = (fs::temp_directory_path() / "tarn-put-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      return Unavailable(fmt::format("cannot make a folder in {}: {}",
                                     fs::temp_directory_path().string(), std::strerror(errno)));
    }
    return Workspace(path);
  }
  Workspace(Workspace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit Workspace(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

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

Result<Input> ToInput(const PutOptions& options, const fs::path& folder,
                      const std::stop_token& stop) {
  Input input{.files = options.files,
              .delimiter = options.delimiter,
              .has_header = !options.no_header,
              .header_is_said = options.no_header};
  bool has_stdin = false;
  for (std::string& file : input.files) {
    if (file != "-") continue;
    TARN_TRY(file, KeepStdin(folder, stop));
    has_stdin = true;
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

// The keys say what is in the objects, so that one that is there already need not come again.
Result<std::string> KeyOf(const std::string& name, const std::string& path) {
  TARN_TRY(const std::string hash, s3::Sha256OfFile(path));
  return fmt::format("{}/{}.parquet", ReplaceAll(name, "/", "_"), hash.substr(0, 32));
}

// The dataset as the catalogue has it.
struct Former {
  Json manifest;
  std::string etag;
  std::vector<Column> columns;  // Empty: the catalogue does not know them.
};

Result<std::optional<Former>> ReadFormer(const Remote& remote, const std::string& name) {
  const auto answer = remote.Catalog({.path = DatasetPath(name)});
  if (!answer.ok() && answer.error().kind == ErrorKind::kNotFound) return std::optional<Former>();
  if (!answer.ok()) return answer.error();
  Former former{.manifest = Json::parse(answer->body, nullptr, false),
                .etag = std::string(answer->Header("ETag"))};
  if (!former.manifest.is_object()) return Internal("the answer of the catalogue is not JSON");
  for (const Json& column : former.manifest.value("schema", Json::array())) {
    former.columns.push_back({column.value("name", ""), column.value("type", "")});
  }
  return std::optional<Former>(std::move(former));
}

// Of a dataset that was registered without them: queryd knows them from its objects.
Result<std::vector<Column>> AskColumns(const Remote& remote, const std::string& name) {
  const Json body = {{"sql", "DESCRIBE \"" + ReplaceAll(name, "\"", "\"\"") + "\""}};
  TARN_TRY(const Json answer,
           remote.QueryJson({.method = "POST", .path = "/sql", .body = body.dump()}));
  std::vector<Column> columns;
  for (const Json& row : answer.value("rows", Json::array())) {
    columns.push_back({row.at(0).get<std::string>(), row.at(1).get<std::string>()});
  }
  return columns;
}

// Under another name first: nobody reads half of it.
Result<> CopyInto(const fs::path& target, const std::string& source) {
  std::error_code code;
  fs::create_directories(target.parent_path(), code);
  if (!code && fs::exists(target, code)) return {};
  const fs::path unfinished = target.parent_path() / ("." + RandomId());
  if (!code) fs::copy_file(source, unfinished, code);
  if (!code) fs::rename(unfinished, target, code);
  if (!code) return {};
  std::error_code ignored;
  fs::remove(unfinished, ignored);
  return Unavailable(fmt::format("cannot write {}: {}", target.string(), code.message()));
}

Result<Json> Upload(const LakehouseSettings& settings, const std::string& name,
                    const ParquetFiles& files, const std::stop_token& stop) {
  TARN_TRY(const protocol::ObjectStore store, protocol::ObjectStore::FromSettings(settings.s3));
  std::optional<s3::Client> bucket;
  if (!store.is_folder) {
    TARN_TRY(const s3::Bucket opened, OpenBucket(settings));
    bucket.emplace(opened);
  }
  uint64_t bytes = 0;
  for (const std::string& file : files.files) bytes += fs::file_size(file);
  Progress progress("sending", bytes);
  const auto is_cancelled = [&stop] { return stop.stop_requested(); };
  Json objects = Json::array();
  for (const std::string& file : files.files) {
    if (stop.stop_requested()) return Stopped();
    TARN_TRY(const std::string key, KeyOf(name, file));
    const uint64_t size = fs::file_size(file);
    Json object = {{"key", key}, {"size", size}};
    if (!bucket) {
      TARN_CHECK_OK(CopyInto(fs::path(store.root) / key, file));
      progress.Add(size);
      objects.push_back(object);
      continue;
    }
    const auto wrap = [&](const Error& error) {
      return stop.stop_requested() ? Stopped() : error.Wrap(fmt::format("object \"{}\"", key));
    };
    auto there = bucket->Stat(key, Deadline::Never(), is_cancelled);
    if (!there.ok()) return wrap(there.error());
    std::string etag;
    if (*there && (*there)->bytes == size) {
      etag = (*there)->etag;
      progress.Add(size);
    } else {
      const auto written =
          bucket->Write(key, {.path = file, .on_sent = [&](uint64_t sent) { progress.Add(sent); }},
                        Deadline::Never(), is_cancelled);
      if (!written.ok()) return wrap(written.error());
      etag = written->etag;
    }
    if (!etag.empty()) object["etag"] = etag;
    objects.push_back(object);
  }
  return objects;
}

Json SchemaOf(const std::vector<Column>& columns) {
  Json schema = Json::array();
  for (const Column& column : columns) {
    schema.push_back({{"name", column.name}, {"type", column.type}});
  }
  return schema;
}

std::string Summary(const ParquetFiles& files) {
  uint64_t bytes = 0;
  for (const std::string& file : files.files) bytes += fs::file_size(file);
  return fmt::format("{} in {} ({}), {}", Plural(files.rows, "row"),
                     Plural(files.files.size(), "object"), FormatBytes(bytes),
                     Plural(files.columns.size(), "column"));
}

// What `tarn up` serves: a folder of files is a dataset, and what begins with a dot is none.
Result<> PutIntoFolder(const PutOptions& options, const std::stop_token& stop) {
  if (options.name.starts_with('.') || options.name.starts_with('_') ||
      options.name.find('/') != std::string::npos) {
    return InvalidArgument(
        "--as: a folder's dataset has a name without / that begins with neither . nor _");
  }
  const fs::path target = fs::path(options.folder) / options.name;
  const fs::path file = fs::path(options.folder) / (options.name + ".parquet");
  std::error_code code;
  const bool is_there = fs::exists(target, code) || fs::exists(file, code);
  if (is_there && !options.append && !options.replace) {
    return InvalidArgument(fmt::format(
        "there is a dataset \"{}\": --append adds to it, --replace takes its place", options.name));
  }
  if (options.append && fs::exists(file, code)) {
    return InvalidArgument(
        fmt::format("{} is one file: nothing can be added to it", file.string()));
  }
  TARN_TRY(const Workspace workspace, Workspace::Make());
  TARN_TRY(const Input input, ToInput(options, workspace.path(), stop));
  std::vector<Column> wanted;
  if (options.append && is_there) {
    std::vector<std::string> there;
    for (const auto& entry : fs::recursive_directory_iterator(target, code)) {
      if (entry.path().extension() == ".parquet") there.push_back(entry.path());
    }
    if (!there.empty()) {
      const Input first{.files = {there.front()}, .format = InputFormat::kParquet};
      TARN_TRY(ParquetFiles former, ToParquet(first, workspace.path(), {}, stop));
      wanted = std::move(former.columns);
    }
  }
  TARN_TRY(const ParquetFiles files, ToParquet(input, workspace.path(), wanted, stop));
  const fs::path unfinished = fs::path(options.folder) / ("." + RandomId());
  const fs::path destination = options.append ? target : unfinished;
  for (const std::string& each : files.files) {
    TARN_TRY(const std::string key, KeyOf(options.name, each));
    TARN_CHECK_OK(CopyInto(destination / fs::path(key).filename(), each));
  }
  if (!options.append) {
    const fs::path former = fs::path(options.folder) / ("." + RandomId());
    if (fs::exists(target, code)) fs::rename(target, former, code);
    if (!code) fs::rename(unfinished, target, code);
    if (code) {
      return Unavailable(fmt::format("cannot write {}: {}", target.string(), code.message()));
    }
    fs::remove(file, code);
    fs::remove_all(former, code);
  }
  std::printf("\"%s\": %s\n", options.name.c_str(), Summary(files).c_str());
  return {};
}

Result<> PutIntoBucket(const PutOptions& options, const std::stop_token& stop) {
  TARN_TRY(const LakehouseSettings settings, LoadSettings(options.remote.config_path));
  if (settings.s3.bucket.empty()) {
    return InvalidArgument(
        "no bucket is known: --config names a lakehouse.toml, or --into a folder for `tarn up`");
  }
  TARN_TRY(const Remote remote, Remote::Open(options.remote));
  TARN_TRY(std::optional<Former> former, ReadFormer(remote, options.name));
  if (former && !options.append && !options.replace) {
    return InvalidArgument(fmt::format(
        "there is a dataset \"{}\": --append adds to it, --replace takes its place", options.name));
  }
  std::vector<Column> wanted;
  if (former && options.append) {
    wanted = former->columns;
    if (wanted.empty()) {
      TARN_TRY(wanted, AskColumns(remote, options.name));
    }
  }
  TARN_TRY(const Workspace workspace, Workspace::Make());
  TARN_TRY(const Input input, ToInput(options, workspace.path(), stop));
  TARN_TRY(const ParquetFiles files, ToParquet(input, workspace.path(), wanted, stop));
  TARN_TRY(Json objects, Upload(settings, options.name, files, stop));

  Json content = {{"objects", Json::array()}};
  uint64_t rows = files.rows;
  bool rows_known = true;
  if (former && options.append) {
    content["objects"] = former->manifest.at("objects");
    const Json& count = former->manifest.value("row_count", Json());
    rows_known = count.is_number_unsigned();
    if (rows_known) rows += count.get<uint64_t>();
  }
  for (Json& object : objects) {
    const bool is_there =
        std::any_of(content["objects"].begin(), content["objects"].end(),
                    [&](const Json& other) { return other.at("key") == object.at("key"); });
    if (is_there && options.append) {
      return InvalidArgument(fmt::format(
          "\"{}\" has these rows already: an object with the same content is a part of it",
          options.name));
    }
    if (!is_there) content["objects"].push_back(std::move(object));
  }
  if (rows_known) content["row_count"] = rows;
  content["schema"] = SchemaOf(files.columns);
  if (stop.stop_requested()) return Stopped();
  http::ClientRequest request = {
      .method = "PUT", .path = DatasetPath(options.name), .body = content.dump()};
  if (options.replace) request.path += "?allow_schema_change=true";
  request.headers = {former ? std::pair<std::string, std::string>("If-Match", former->etag)
                            : std::pair<std::string, std::string>("If-None-Match", "*")};
  const auto registered = remote.Catalog(std::move(request));
  if (!registered.ok()) {
    if (registered.error().kind != ErrorKind::kPrecondition) return registered.error();
    return InvalidArgument(fmt::format(
        "somebody else changed \"{}\" meanwhile, and nothing was registered: run it again",
        options.name));
  }
  if (options.json) {
    std::printf("%s\n", registered->body.c_str());
  } else {
    std::printf("\"%s\": %s%s\n", options.name.c_str(), Summary(files).c_str(),
                former && options.append ? " more" : "");
  }
  return {};
}

}  // namespace

Result<> PutDataset(const PutOptions& options) {
  TARN_CHECK_OK(catalog::ValidateName(options.name));
  if (options.append && options.replace) {
    return InvalidArgument("--append and --replace: choose one");
  }
  const Interrupt interrupt;
  return options.folder.empty() ? PutIntoBucket(options, interrupt.token())
                                : PutIntoFolder(options, interrupt.token());
}

}  // namespace tarn::cli
