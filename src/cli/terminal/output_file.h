#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tarn::cli {

// Where a result goes: stdout, or a file, which gets its name when it is whole. What was there
// before stays until then, and for good where something fails.
class OutputFile {
 public:
  // An empty path is stdout. Devices and pipes are written as the bytes come.
  static Result<OutputFile> Open(const std::string& path);
  OutputFile(OutputFile&& other) noexcept
      : file_(std::move(other.file_)),
        path_(std::move(other.path_)),
        unfinished_(std::exchange(other.unfinished_, {})) {}
  OutputFile& operator=(OutputFile&&) = delete;
  // What is not finished goes.
  ~OutputFile();

  Result<> Write(std::string_view bytes);
  Result<> Finish();

 private:
  using File = std::unique_ptr<FILE, int (*)(FILE*)>;
  OutputFile(File file, std::string path, std::string unfinished)
      : file_(std::move(file)), path_(std::move(path)), unfinished_(std::move(unfinished)) {}
  Error Failed() const;

  File file_;
  std::string path_;
  std::string unfinished_;  // Its name until it is whole; empty: it has its own.
};

}  // namespace tarn::cli
