#include "protocol/object_store.h"

#include <fmt/format.h>

#include "base/text.h"

namespace tarn::protocol {
namespace {

// The path of a file:// URL, without trailing slashes.
Result<std::string> FolderOf(std::string_view url) {
  std::string path(url.substr(std::string_view("file://").size()));
  if (path.starts_with("localhost/")) path.erase(0, std::string_view("localhost").size());
  if (!path.starts_with('/')) {
    return InvalidArgument("s3.endpoint: \"" + std::string(url) +
                           "\" must have an absolute path, as in file:///srv/lake");
  }
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

constexpr std::string_view kGlobCharacters = "*?[";

// In DuckDB's glob, [x] matches the character x.
std::string EscapeGlob(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (kGlobCharacters.find(c) != std::string_view::npos) {
      out += '[';
      out += c;
      out += ']';
    } else {
      out += c;
    }
  }
  return out;
}

// Refuses a path with a backslash and pattern characters. A backslash in a pattern of DuckDB cannot
// be escaped, so DuckDB would read in another folder.
Result<> RequireReadable(std::string_view path) {
  if (path.find('\\') == std::string_view::npos) return {};
  if (path.find_first_of(kGlobCharacters) == std::string_view::npos) return {};
  return InvalidArgument(fmt::format(
      "the path {} has a backslash and one of * ? [, which DuckDB cannot read: rename it", path));
}

bool HasEmptySegment(std::string_view key) {
  return key.starts_with('/') || key.ends_with('/') || key.find("//") != std::string_view::npos;
}

}  // namespace

Result<ObjectStore> ObjectStore::FromSettings(const S3Settings& settings) {
  std::string_view endpoint = settings.endpoint;
  if (endpoint.starts_with("file:")) {
    if (!endpoint.starts_with("file://")) {
      return InvalidArgument("s3.endpoint: write file:///dir, with three slashes");
    }
    TARN_TRY(std::string folder, FolderOf(endpoint));
    folder += "/" + settings.bucket;
    if (const Result<> good = CheckFolder(folder); !good.ok()) {
      return good.error().Wrap("s3.endpoint");
    }
    return Folder(folder);
  }

  ObjectStore store;
  store.root = "s3://" + settings.bucket + "/";
  store.region = settings.region;
  store.use_ssl = settings.use_ssl.value_or(true);
  if (endpoint.starts_with("http://")) {
    store.use_ssl = settings.use_ssl.value_or(false);
    endpoint.remove_prefix(std::string_view("http://").size());
  } else if (endpoint.starts_with("https://")) {
    endpoint.remove_prefix(std::string_view("https://").size());
  } else if (endpoint.find("://") != std::string_view::npos) {
    return InvalidArgument("s3.endpoint: \"" + settings.endpoint +
                           "\" must be an http, https or file URL, or host:port");
  }
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  if (endpoint.find('/') != std::string_view::npos) {
    return InvalidArgument("s3.endpoint: \"" + settings.endpoint + "\" must not have a path");
  }
  store.host = endpoint;
  store.use_path_style = settings.use_path_style.value_or(!endpoint.empty());
  return store;
}

ObjectStore ObjectStore::Folder(const std::string& path) {
  ObjectStore store;
  store.is_folder = true;
  store.root = path.ends_with('/') ? path : path + "/";
  return store;
}

Result<> ObjectStore::CheckFolder(const std::string& path) { return RequireReadable(path); }

std::string ObjectStore::UrlRoot() const { return is_folder ? EscapeGlob(root) : root; }

Result<std::string> ObjectStore::Url(std::string_view key) const {
  // An HTTP client normalises "a/../b" before sending it, which could leave the bucket.
  if (HasDotSegment(key)) {
    return InvalidArgument(fmt::format("key \"{}\" has a segment \".\" or \"..\"", key));
  }
  if (!is_folder) return root + std::string(key);
  if (HasEmptySegment(key)) {
    return InvalidArgument(fmt::format("key \"{}\" is not a path below the folder", key));
  }
  const std::string path = root + std::string(key);
  TARN_CHECK_OK(RequireReadable(path));
  return EscapeGlob(path);
}

}  // namespace tarn::protocol
