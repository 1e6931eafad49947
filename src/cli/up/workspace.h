#pragma once

#include <filesystem>
#include <utility>

#include "base/result.h"

namespace tarn::cli {

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

}  // namespace tarn::cli
