#pragma once

#include <filesystem>
#include <utility>

#include "base/result.h"

namespace tarn::cli {

// A temporary folder, deleted by the destructor.
class Workspace {
 public:
  static Result<Workspace> Make();
  // Creates a hidden folder in `folder`, whose files can be moved into `folder` atomically.
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
