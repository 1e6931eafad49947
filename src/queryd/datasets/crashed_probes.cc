#include "queryd/datasets/crashed_probes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace tarn::queryd {

namespace fs = std::filesystem;

namespace {

constexpr size_t kCrashedFileBytesMax = 4'000'000;

// FNV-1a, which is the same in each process.
class Fingerprint {
 public:
  // Each text ends with a byte that no UTF-8 text contains, so that two lists of texts differ.
  Fingerprint& Add(std::string_view text) {
    for (const char c : text) AddByte(static_cast<unsigned char>(c));
    AddByte(0xFF);
    return *this;
  }
  uint64_t value() const { return value_; }

 private:
  void AddByte(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001b3; }
  uint64_t value_ = 0xcbf29ce484222325;
};

Error CrashedFileError(const fs::path& file, int code) {
  return Internal(fmt::format("{}: {}", file.string(), std::generic_category().message(code)));
}

// A descriptor that is closed at the end of its scope.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int descriptor) : descriptor_(descriptor) {}
  OwnedDescriptor(const OwnedDescriptor&) = delete;
  OwnedDescriptor& operator=(const OwnedDescriptor&) = delete;
  ~OwnedDescriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

}  // namespace

uint64_t VersionOf(const WantedDataset& dataset) {
  Fingerprint fingerprint;
  bool has_all_etags = true;
  for (size_t i = 0; i < dataset.keys.size(); ++i) {
    const std::string_view etag = dataset.etags.empty() ? "" : dataset.etags[i];
    fingerprint.Add(dataset.keys[i]).Add(etag);
    has_all_etags = has_all_etags && !etag.empty();
  }
  if (!has_all_etags) {
    fingerprint.Add(std::to_string(dataset.updated_at.time_since_epoch().count()));
  }
  return fingerprint.value();
}

fs::path CrashedProbesFile(const std::string& folder, std::string_view catalogue) {
  std::error_code code;
  const fs::path parent = folder.empty() ? fs::temp_directory_path(code) : fs::path(folder);
  return parent / fmt::format("tarn-probes-{:016x}.json", Fingerprint().Add(catalogue).value());
}

CrashedProbes::CrashedProbes(fs::path file, std::string writer)
    : file_(std::move(file)), writer_(std::move(writer)) {
  if (const Result<> read = Read(); !read.ok()) {
    entries_.clear();
    log::Warn("cannot read which datasets ended a probe process",
              {{"error", read.error().message}});
  }
}

Result<> CrashedProbes::Read() {
  const OwnedDescriptor file(open(file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) return errno == ENOENT ? Result<>() : CrashedFileError(file_, errno);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return CrashedFileError(file_, errno);
  const bool is_ours = S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
                       (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  if (!is_ours) {
    return InvalidArgument(fmt::format(
        "{}: another user owns it or may write it: delete it, or set queryd.temp_directory to a "
        "folder that only queryd can write",
        file_.string()));
  }
  std::string text(kCrashedFileBytesMax, '\0');
  size_t bytes = 0;
  while (bytes < text.size()) {
    const ssize_t got = read(file.get(), text.data() + bytes, text.size() - bytes);
    if (got < 0 && errno != EINTR) return CrashedFileError(file_, errno);
    if (got == 0) break;
    bytes += static_cast<size_t>(std::max<ssize_t>(got, 0));
  }
  text.resize(bytes);
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    if (json.at("writer") != writer_) return {};
    for (const nlohmann::json& each : json.at("datasets")) {
      if (entries_.size() == kEntriesMax) break;
      entries_[each.at("name").get<std::string>()] = {
          .version = each.at("version"), .number = ++last_number_, .error = each.at("error")};
    }
  } catch (const nlohmann::json::exception& e) {
    return InvalidArgument(fmt::format("{}: {}", file_.string(), e.what()));
  }
  return {};
}

Result<> CrashedProbes::Write() const {
  std::vector<const std::map<std::string, Entry>::value_type*> sorted;
  for (const auto& entry : entries_) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->second.number < b->second.number; });
  nlohmann::json datasets = nlohmann::json::array();
  for (const auto* entry : sorted) {
    datasets.push_back({{"name", entry->first},
                        {"version", entry->second.version},
                        {"error", entry->second.error}});
  }
  const std::string text =
      nlohmann::json{{"writer", writer_}, {"datasets", std::move(datasets)}}.dump(
          -1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string name = file_.string() + ".XXXXXX";
  {
    const OwnedDescriptor file(mkostemp(name.data(), O_CLOEXEC));
    if (file.get() < 0) return CrashedFileError(name, errno);
    // A write to a regular file is only partial if the disk is full.
    const ssize_t written = write(file.get(), text.data(), text.size());
    if (written != static_cast<ssize_t>(text.size())) {
      const int why = written < 0 ? errno : ENOSPC;
      unlink(name.c_str());
      return CrashedFileError(name, why);
    }
  }
  std::error_code code;
  fs::rename(name, file_, code);
  if (!code) return {};
  unlink(name.c_str());
  return CrashedFileError(file_, code.value());
}

const std::string* CrashedProbes::Find(const WantedDataset& dataset) const {
  const auto found = entries_.find(dataset.name);
  if (found == entries_.end() || found->second.version != VersionOf(dataset)) return nullptr;
  return &found->second.error;
}

void CrashedProbes::Add(const WantedDataset& dataset, const std::string& error) {
  entries_[dataset.name] = {.version = VersionOf(dataset),
                            .number = ++last_number_,
                            .error = Shortened(error, kErrorBytesMax)};
  if (entries_.size() > kEntriesMax) {
    entries_.erase(std::min_element(
        entries_.begin(), entries_.end(),
        [](const auto& a, const auto& b) { return a.second.number < b.second.number; }));
  }
  if (file_.empty()) return;
  if (const Result<> written = Write(); !written.ok()) {
    log::Warn("cannot remember a dataset that ended a probe process",
              {{"dataset", dataset.name}, {"error", written.error().message}});
  }
}

}  // namespace tarn::queryd
