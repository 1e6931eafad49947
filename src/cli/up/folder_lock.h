#pragma once

#include <filesystem>
#include <stop_token>
#include <utility>

#include "base/result.h"

namespace tarn::cli {

// Who has it is alone among those who ask for it, until it goes (flock(2)).
class FolderLock {
 public:
  // Waits for others. kCancelled at a stop; kInternal where the folder or its file system has no
  // locks.
  static Result<FolderLock> Take(const std::filesystem::path& folder,
                                 const std::stop_token& stop = {});
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1: moved away, or never opened.
};

}  // namespace tarn::cli
