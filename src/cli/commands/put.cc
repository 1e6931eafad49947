#include "cli/commands/put.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "auth/identity.h"
#include "base/text.h"
#include "catalog/manifest.h"
#include "cli/columns.h"
#include "cli/commands/bucket.h"
#include "cli/commands/object_grouping.h"
#include "cli/commands/put_files.h"
#include "cli/commands/put_input.h"
#include "cli/commands/put_into.h"
#include "cli/commands/put_progress.h"
#include "cli/terminal/interrupt.h"
#include "cli/up/workspace.h"
#include "config/lakehouse.h"
#include "ingest/parquet_files.h"
#include "s3/client.h"

namespace tarn::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// The dataset in the catalogue.
struct Former {
  Json manifest;
  std::string etag;
  std::vector<Column> columns;  // Empty: the catalogue has none.
};

Result<std::optional<Former>> ReadFormer(Remote& remote, const std::string& name) {
  const auto answer = remote.Catalog({.path = DatasetPath(name)});
  if (!answer.ok() && answer.error().kind == ErrorKind::kNotFound) return std::optional<Former>();
  if (!answer.ok()) return answer.error();
  Result<Json> manifest = ParseBoundedOrderedJson(answer->body, kAnswerLimits);
  if (!manifest.ok()) return manifest.error().Wrap("the answer of the catalogue");
  if (!manifest->is_object()) return Internal("the answer of the catalogue is not a JSON object");
  Former former{.manifest = std::move(*manifest), .etag = std::string(answer->Header("ETag"))};
  former.columns = ColumnsOf(former.manifest);
  return std::optional<Former>(std::move(former));
}

std::optional<std::vector<std::string>> TextsOf(const Json& rights, const char* name) {
  const Json& list = rights.value(name, Json());
  if (!list.is_array()) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json& text : list) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

struct Destination {
  std::string prefix;   // The beginning of the keys of new objects.
  auth::KeyScope keys;  // The keys that the token may register.
};

// The prefix is --prefix, else the only prefix of the token. Insufficient rights are an error
// before anything is sent.
Result<Destination> ChooseDestination(Remote& remote, const PutOptions& options) {
  const Result<Json> rights = remote.CatalogJson({.path = "/catalog/rights"});
  // An older catalogd has no /catalog/rights; it checks the keys at registration.
  if (!rights.ok() && rights.error().kind == ErrorKind::kNotFound) {
    return Destination{options.prefix, {}};
  }
  if (!rights.ok()) return rights.error();
  const auto patterns = TextsOf(*rights, "datasets");
  if (patterns && !auth::DatasetScope::Of(*patterns).Allows(options.name)) {
    return InvalidArgument(
        fmt::format("this token may not change \"{}\", only datasets with a name like {}",
                    options.name, fmt::join(*patterns, ", ")));
  }
  const auto prefixes = TextsOf(*rights, "prefixes");
  if (!prefixes) return Destination{options.prefix, {}};
  if (prefixes->empty()) {
    return InvalidArgument(
        "this token may not register objects, since it has no key prefix: use a token of `tarn "
        "token create --prefix PREFIX/`");
  }
  const std::string listed = fmt::format("{}", fmt::join(*prefixes, ", "));
  if (!options.prefix.empty()) {
    const std::string key = options.prefix + KeyOf(options.name, {.path = {}, .name = "object"});
    auth::KeyScope keys = auth::KeyScope::Of(*prefixes);
    if (keys.Allows(key)) return Destination{options.prefix, std::move(keys)};
    return InvalidArgument(fmt::format("--prefix {}: this token may only register keys below {}",
                                       options.prefix, listed));
  }
  std::vector<std::string> folders;
  for (const std::string& prefix : *prefixes) {
    if (prefix.ends_with('/')) folders.push_back(prefix);
  }
  if (folders.size() == 1) return Destination{folders[0], auth::KeyScope::Of(*prefixes)};
  return InvalidArgument(
      folders.empty()
          ? fmt::format("this token may only register the keys {}, and none below a prefix", listed)
          : fmt::format("this token may register keys below several prefixes ({}): choose one with "
                        "--prefix",
                        fmt::join(folders, ", ")));
}

// An error if the token has no right to a key of the dataset that is appended to, since a PUT names
// the former objects too.
Result<> RequireKeys(const auth::KeyScope& keys, const std::string& dataset, const Json& objects) {
  for (const Json& object : objects) {
    const std::string key = object.value("key", "");
    if (keys.Allows(key)) continue;
    return InvalidArgument(
        fmt::format("--append: \"{}\" has the object {}, outside of the key prefixes of this token "
                    "({}): use a token with its prefix",
                    dataset, key, fmt::join(*keys.prefixes(), ", ")));
  }
  return {};
}

// Copies under another name first, so that no incomplete file can be read.
Result<> CopyInto(const fs::path& target, const NamedFile& file, const PutTask& task) {
  std::error_code code;
  fs::create_directories(target.parent_path(), code);
  if (!code && fs::exists(target, code)) return {};
  const fs::path unfinished = target.parent_path() / ("." + RandomId());
  Result<> copied;
  if (!code) copied = CopyFile(file.path, unfinished, task);
  if (!code && copied.ok()) fs::rename(unfinished, target, code);
  if (!code && copied.ok()) return {};
  std::error_code ignored;
  fs::remove(unfinished, ignored);
  if (!copied.ok()) return copied.error();
  return Unavailable(fmt::format("cannot write {}: {}", target.string(), code.message()));
}

// Sends the files and returns the objects for a manifest.
Result<Json> Upload(const LakehouseSettings& settings, const std::string& prefix,
                    const std::string& name, const std::vector<NamedFile>& files,
                    const PutTask& task) {
  TARN_TRY(const protocol::ObjectStore store, protocol::ObjectStore::FromSettings(settings.s3));
  Json objects = Json::array();
  if (store.is_folder) {
    task.progress->Begin(PutPhase::kSending, BytesOf(files));
    for (const NamedFile& file : files) {
      const std::string key = prefix + KeyOf(name, file);
      TARN_CHECK_OK(CopyInto(fs::path(store.root) / key, file, task));
      objects.push_back({{"key", key}, {"size", file.bytes}});
    }
    return objects;
  }
  TARN_TRY(const s3::Bucket opened, OpenBucket(settings));
  s3::Client bucket(opened);
  std::vector<SentFile> sent;
  TARN_CHECK_OK(SendFiles(bucket, prefix, name, files, task, sent));
  for (const SentFile& object : sent) {
    Json json = {{"key", object.key}, {"size", object.bytes}};
    if (!object.etag.empty()) json["etag"] = object.etag;
    objects.push_back(std::move(json));
  }
  return objects;
}

bool HasAny(const Json& objects, const std::string& prefix, const std::string& dataset,
            const std::vector<NamedFile>& files) {
  return std::any_of(files.begin(), files.end(), [&](const NamedFile& file) {
    const std::string key = prefix + KeyOf(dataset, file);
    return std::any_of(objects.begin(), objects.end(),
                       [&key](const Json& object) { return object.at("key") == key; });
  });
}

// The content for the catalogue: the new objects, after those of `former` (null: none).
Json ContentOf(const Former* former, const Json& objects, const ParquetFiles& files) {
  Json content = {{"objects", Json::array()}};
  Json rows = files.rows;
  if (former != nullptr) {
    content["objects"] = former->manifest.at("objects");
    const Json& count = former->manifest.value("row_count", Json());
    rows = count.is_number_unsigned() ? Json(count.get<uint64_t>() + files.rows) : Json();
  }
  for (const Json& object : objects) content["objects"].push_back(object);
  if (!rows.is_null()) content["row_count"] = rows;
  // A schema that exceeds the limits of the catalogue, such as a type of 16 KiB, is left out.
  // queryd reads it from the objects.
  if (CanBeRegistered(files.columns)) content["schema"] = SchemaOf(files.columns);
  return content;
}

// Registers the content in one step, and only if the dataset is unchanged.
Result<http::ClientResponse> Register(Remote& remote, const PutOptions& options,
                                      const std::optional<Former>& former, const Json& content) {
  http::ClientRequest request = {
      .method = "PUT", .path = DatasetPath(options.name), .body = content.dump()};
  if (options.replace) request.path += "?allow_schema_change=true";
  request.headers = {former ? std::pair<std::string, std::string>("If-Match", former->etag)
                            : std::pair<std::string, std::string>("If-None-Match", "*")};
  Result<http::ClientResponse> registered = remote.Catalog(request);
  if (registered.ok() || registered.error().kind != ErrorKind::kPrecondition) return registered;
  return InvalidArgument(fmt::format(
      "another client changed \"{}\" meanwhile, and nothing was registered: repeat the command",
      options.name));
}

Result<> PutAndRegister(const PutOptions& options, const PutTask& task) {
  TARN_TRY(const LakehouseSettings settings, LoadSettings(options.remote.config_path));
  if (settings.s3.bucket.empty()) {
    return InvalidArgument(
        "no bucket is set: name a lakehouse.toml with --config, or a folder or s3://BUCKET for "
        "`tarn up` with --into");
  }
  TARN_TRY(Remote remote, Remote::Open(options.remote));
  TARN_TRY(const Destination destination, ChooseDestination(remote, options));
  const std::string& prefix = destination.prefix;
  TARN_TRY(const std::optional<Former> former, ReadFormer(remote, options.name));
  if (former && !options.append && !options.replace) return DatasetExistsError(options.name);
  const Former* added_to = former && options.append ? &*former : nullptr;
  std::vector<Column> wanted;
  if (added_to != nullptr) {
    const Json& objects = added_to->manifest.at("objects");
    TARN_CHECK_OK(RequireKeys(destination.keys, options.name, objects));
    std::vector<std::string> keys;
    for (const Json& object : objects) keys.push_back(object.value("key", ""));
    TARN_CHECK_OK(RequireSamePartitions(options.name, keys, prefix));
    wanted = added_to->columns;
    if (wanted.empty()) {
      TARN_TRY(wanted, AskColumns(remote, options.name));
    }
  }
  TARN_TRY(const Workspace workspace, Workspace::Make());
  TARN_TRY(Input input, ToInput(options, workspace.path(), task.stop));
  input.footer_limits.bytes_max = static_cast<size_t>(settings.queryd.footer_bytes_max);
  input.footer_limits.depth_max = static_cast<size_t>(settings.queryd.schema_depth_max);
  TARN_TRY(const ParquetFiles files, ingest::ToParquet(input, workspace.path(), wanted, task));
  TARN_TRY(const std::vector<NamedFile> named, NameFiles(files, input.format, task));
  if (added_to != nullptr &&
      HasAny(added_to->manifest.at("objects"), prefix, options.name, named)) {
    return RowsExistError(options.name);
  }
  TARN_TRY(const Json objects, Upload(settings, prefix, options.name, named, task));
  task.progress->Finish();
  if (task.stop.stop_requested()) return StoppedError();
  TARN_TRY(const http::ClientResponse registered,
           Register(remote, options, former, ContentOf(added_to, objects, files)));
  if (options.json) std::printf("%s\n", registered.body.c_str());
  PrintSummary(options, files, named, added_to != nullptr ? " more" : "");
  return RequireVisible(remote, options.name);
}

// Checks the name of a dataset in a folder.
Result<> CheckName(const std::string& name) {
  if (!IsHiddenName(name) && name.find('/') == std::string::npos) return {};
  return InvalidArgument(
      "--as: a folder's dataset has a name without / that begins with neither . nor _");
}

Result<> CheckPrefix(const PutOptions& options) {
  if (options.prefix.empty()) return {};
  if (!options.into.empty()) {
    return InvalidArgument("--prefix: not with --into, whose s3://BUCKET/PREFIX has one");
  }
  if (const Result<> valid = auth::ValidateKeyPrefix(options.prefix); !valid.ok()) {
    return InvalidArgument("--" + valid.error().message);
  }
  if (options.prefix.ends_with('/')) return {};
  return InvalidArgument(fmt::format("--prefix {}: must end with /", options.prefix));
}

}  // namespace

Result<> PutDataset(const PutOptions& options) {
  TARN_CHECK_OK(catalog::ValidateName(options.name));
  if (options.name == "." || options.name == "..") {
    return InvalidArgument("--as: . and .. are not names of datasets: choose another name");
  }
  if (options.append && options.replace) {
    return InvalidArgument("--append and --replace: choose one");
  }
  TARN_CHECK_OK(CheckPrefix(options));
  const Interrupt interrupt;
  const PutTask task{.stop = interrupt.token(), .progress = std::make_shared<PutProgressBar>()};
  if (options.into.empty()) return PutAndRegister(options, task);
  TARN_CHECK_OK(CheckName(options.name));
  return BucketUrl::Is(options.into) ? PutIntoBucketUrl(options, task)
                                     : PutIntoFolder(options, task);
}

}  // namespace tarn::cli
