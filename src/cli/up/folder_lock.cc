#include "cli/up/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "cli/terminal/interrupt.h"

namespace tarn::cli {
namespace {

constexpr auto kTryEvery = std::chrono::milliseconds(20);

}  // namespace

Result<FolderLock> FolderLock::Take(const std::filesystem::path& folder,
                                    const std::stop_token& stop) {
  FolderLock lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  while (lock.descriptor_ < 0 || flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (lock.descriptor_ < 0 || (errno != EWOULDBLOCK && errno != EINTR)) {
      return Internal(
          fmt::format("cannot lock the folder {}: {}", folder.string(), std::strerror(errno)));
    }
    if (stop.stop_requested()) return StoppedError();
    std::this_thread::sleep_for(kTryEvery);
  }
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace tarn::cli
