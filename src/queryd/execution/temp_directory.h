#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace tarn::queryd {

// The folder below which engine processes spill: made for this process, for its user alone, and
// removed with all that is in it.
class TempDirectory {
 public:
  // In `parent`, or in the system's where that is empty. Removes what processes left there that
  // are gone.
  static Result<TempDirectory> Make(const std::string& parent);
  TempDirectory() = default;  // None.
  TempDirectory(TempDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TempDirectory& operator=(TempDirectory&&) = delete;
  ~TempDirectory();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // Empty: none.
};

}  // namespace tarn::queryd
