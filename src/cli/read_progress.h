#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

#include "base/result.h"
#include "cli/terminal/interrupt.h"
#include "cli/terminal/progress.h"
#include "ingest/byte_reader.h"

namespace tarn::cli {

// The progress of reading files once, which a stop ends.
class ReadProgress {
 public:
  ReadProgress(const std::string& what, const std::vector<std::string>& files, std::stop_token stop)
      : progress_(what, BytesOf(files)), stop_(std::move(stop)) {}

  // Must not outlive this object.
  ingest::ReadHook Hook() {
    return [this](uint64_t bytes) -> Result<> {
      if (stop_.stop_requested()) return Stopped();
      progress_.Add(bytes);
      return {};
    };
  }

 private:
  static uint64_t BytesOf(const std::vector<std::string>& files) {
    uint64_t bytes = 0;
    std::error_code ignored;
    for (const std::string& file : files) bytes += std::filesystem::file_size(file, ignored);
    return bytes;
  }

  Progress progress_;
  std::stop_token stop_;
};

}  // namespace tarn::cli
