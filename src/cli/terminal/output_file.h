#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace tarn::cli {

// The destination of a result: stdout, or a file. A file keeps its former content until the result
// is complete, and also after an error.
class OutputFile {
 public:
  // An empty path is stdout. Devices and pipes are written directly.
  static Result<OutputFile> Open(const std::string& path);
  OutputFile(OutputFile&& other) noexcept
      : file_(std::move(other.file_)),
        path_(std::move(other.path_)),
        unfinished_(std::exchange(other.unfinished_, {})) {}
  OutputFile& operator=(OutputFile&&) = delete;
  // Deletes an unfinished file.
  ~OutputFile();

  Result<> Write(std::string_view bytes);
  Result<> Finish();

 private:
  using File = std::unique_ptr<FILE, int (*)(FILE*)>;
  OutputFile(File file, std::string path, std::string unfinished)
      : file_(std::move(file)), path_(std::move(path)), unfinished_(std::move(unfinished)) {}
  Error WriteError() const;

  File file_;
  std::string path_;
  std::string unfinished_;  // The temporary path. Empty for streams and after Finish().
};

}  // namespace tarn::cli
