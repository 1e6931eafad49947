#include "ingest/put_task.h"

#include <filesystem>
#include <system_error>

#include "base/stop.h"

namespace tarn::ingest {

ReadHook PutTask::Hook() const {
  return [stop = stop, progress = progress](uint64_t bytes) -> Result<> {
    if (stop.stop_requested()) return StoppedError();
    progress->Add(bytes);
    return {};
  };
}

uint64_t BytesOfFiles(const std::vector<std::string>& files) {
  uint64_t bytes = 0;
  for (const std::string& file : files) {
    std::error_code code;
    const uint64_t size = std::filesystem::file_size(file, code);
    if (!code) bytes += size;
  }
  return bytes;
}

}  // namespace tarn::ingest
