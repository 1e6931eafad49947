#pragma once

// What the ways of tarn put have in common: from its files to objects with keys of their own.

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/parquet_files.h"
#include "cli/put.h"
#include "s3/client.h"

namespace tarn::cli {

// Somebody pressed Ctrl-C.
Error Stopped();

// A folder for files that are not needed afterwards.
class Workspace {
 public:
  static Result<Workspace> Make();
  // Hidden in that folder, so that its files can be moved to their place in one step.
  static Result<Workspace> MakeIn(const std::filesystem::path& folder);
  Workspace(Workspace&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit Workspace(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// The files that are meant; stdin becomes one in `folder`.
Result<Input> ToInput(const PutOptions& options, const std::filesystem::path& folder,
                      const std::stop_token& stop);

// The keys say what is in the objects, so that one that is there already need not come again.
Result<std::string> KeyOf(const std::string& name, const std::string& path);

struct SentFile {
  std::string key;
  uint64_t bytes = 0;
  std::string etag;     // May be empty.
  bool is_new = false;  // It was not there before.
};

// Writes files as objects of the dataset `name`, below a prefix. After an error, `sent` has those
// up to the one that failed, which may be there all the same.
Result<> SendFiles(s3::Client& bucket, const std::string& prefix, const std::string& name,
                   const std::vector<std::string>& files, const std::stop_token& stop,
                   std::vector<SentFile>& sent);

uint64_t BytesOf(const std::vector<std::string>& files);

// "2 rows in 1 object (600 B), 3 columns"
std::string Summary(const ParquetFiles& files);

}  // namespace tarn::cli
