#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace tarn::queryd {

// The folder for the spilled data of engine processes. Only the user of this process can read it.
// The destructor removes it with its content.
class TempDirectory {
 public:
  // Makes a folder in `parent`; if that is empty, in the system's folder for temporary files.
  // Removes the folders of processes that no longer exist.
  static Result<TempDirectory> Make(const std::string& parent);
  TempDirectory() = default;  // No folder.
  TempDirectory(TempDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TempDirectory& operator=(TempDirectory&&) = delete;
  ~TempDirectory();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // Empty: no folder.
};

}  // namespace tarn::queryd
