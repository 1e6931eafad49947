#pragma once

#include <filesystem>
#include <stop_token>
#include <utility>

#include "base/result.h"

namespace tarn::cli {

// An exclusive lock on a folder (flock(2)), released by the destructor.
class FolderLock {
 public:
  // Waits until the lock is free. Returns kCancelled at a stop, and kInternal if the file system
  // cannot lock the folder.
  static Result<FolderLock> Take(const std::filesystem::path& folder,
                                 const std::stop_token& stop = {});
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1 if moved from.
};

}  // namespace tarn::cli
