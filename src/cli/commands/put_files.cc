#include "cli/commands/put_files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "base/text.h"
#include "catalog/partitions.h"
#include "cli/columns.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/text.h"
#include "s3/signature.h"

namespace tarn::cli {

namespace fs = std::filesystem;

namespace {

// The first 128 bits.
std::string ShortHash(std::string hash) {
  constexpr size_t kShown = 32;
  hash.resize(kShown);
  return hash;
}

// Objects are listed by their names, so their names have the order of the rows.
void NameParts(const std::string& hashes, std::vector<NamedFile>& parts) {
  const std::string all = ShortHash(Sha256Hex(hashes));
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].name = fmt::format("{}-{:05}.parquet", all, i);
  }
}

}  // namespace

Error DatasetExistsError(const std::string& dataset) {
  return InvalidArgument(fmt::format(
      "there is a dataset \"{}\": --append adds to it, --replace takes its place", dataset));
}

Result<std::vector<NamedFile>> NameFiles(const ParquetFiles& files, InputFormat format,
                                         const PutTask& task) {
  std::vector<NamedFile> named;
  uint64_t bytes = 0;
  for (const std::string& path : files.files) {
    std::error_code code;
    const uint64_t size = fs::file_size(path, code);
    if (code) return Unavailable(fmt::format("{}: {}", path, code.message()));
    bytes += size;
    named.push_back({.path = path, .name = {}, .bytes = size});
  }
  task.progress->Begin(PutPhase::kHashing, bytes);
  std::map<std::string, const NamedFile*> known;
  std::string hashes;
  for (NamedFile& file : named) {
    TARN_TRY(std::string hash, s3::Sha256OfFile(file.path, task.Hook()));
    const auto [other, is_new] = known.emplace(hash, &file);
    if (!is_new && format == InputFormat::kParquet) {
      return InvalidArgument(fmt::format("\"{}\" and \"{}\" have the same content: leave one out",
                                         other->second->path, file.path));
    }
    hashes += hash;
    file.name = ShortHash(std::move(hash)) + ".parquet";
  }
  if (format != InputFormat::kParquet && named.size() > 1) NameParts(hashes, named);
  return named;
}

Result<> RequireSamePartitions(const std::string& dataset, const std::vector<std::string>& former,
                               const std::string& prefix) {
  if (former.empty()) return {};
  const auto names_of = [&dataset](const std::vector<std::string>& keys) {
    std::string names;
    for (const catalog::Partition& partition : catalog::FindPartitions(dataset, keys).columns) {
      names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", partition.name);
    }
    return names;
  };
  const std::string names = names_of(former);
  std::vector<std::string> all = former;
  all.push_back(prefix + KeyOf(dataset, {.path = {}, .name = "object.parquet"}));
  if (names_of(all) == names) return {};
  return InvalidArgument(fmt::format(
      "--append: the keys of \"{}\" have partitions ({}), and the key of a new object has none, so "
      "that queries would not have these columns any more: store the object under a key with "
      "partitions yourself, and register it",
      dataset, names));
}

Error RowsExistError(const std::string& dataset) {
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

Result<> CopyFile(const std::string& from, const fs::path& to, const PutTask& task) {
  using File = std::unique_ptr<FILE, int (*)(FILE*)>;
  const auto failed = [](const std::string& path) {
    return Unavailable(fmt::format("{}: {}", path, std::strerror(errno)));
  };
  const File in(std::fopen(from.c_str(), "rbe"), &std::fclose);
  if (in == nullptr) return failed(from);
  File out(std::fopen(to.c_str(), "wbxe"), &std::fclose);
  if (out == nullptr) return failed(to.string());
  std::vector<char> block(1024 * 1024);
  const ingest::ReadHook hook = task.Hook();
  while (const size_t count = std::fread(block.data(), 1, block.size(), in.get())) {
    if (std::fwrite(block.data(), 1, count, out.get()) != count) return failed(to.string());
    TARN_CHECK_OK(hook(count));
  }
  if (std::ferror(in.get()) != 0) return failed(from);
  if (std::fflush(out.get()) != 0 || fsync(fileno(out.get())) != 0 ||
      std::fclose(out.release()) != 0) {
    return failed(to.string());
  }
  return {};
}

Result<> SendFiles(s3::Client& bucket, const std::string& prefix, const std::string& name,
                   const std::vector<NamedFile>& files, const PutTask& task,
                   std::vector<SentFile>& sent) {
  const std::stop_token& stop = task.stop;
  ingest::PutProgress& progress = *task.progress;
  progress.Begin(PutPhase::kSending, BytesOf(files));
  const auto is_cancelled = [&stop] { return stop.stop_requested(); };
  for (const NamedFile& file : files) {
    if (stop.stop_requested()) return StoppedError();
    SentFile object{.key = prefix + KeyOf(name, file), .bytes = file.bytes};
    const auto wrap = [&](const Error& error) {
      return stop.stop_requested() ? StoppedError()
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

// Prints the result for a destination without a catalogue.
void PrintJson(const PutOptions& options, const ParquetFiles& files,
               const std::vector<NamedFile>& named) {
  nlohmann::ordered_json json = {{"name", options.name}, {"row_count", files.rows}};
  for (const NamedFile& file : named) {
    json["objects"].push_back({{"key", KeyOf(options.name, file)}, {"size", file.bytes}});
  }
  json["schema"] = SchemaOf(files.columns);
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
