#include "base/stop.h"

#include <atomic>

namespace tarn {
namespace {

std::atomic<bool> is_thread_left_behind = false;

}  // namespace

Error StoppedError() { return {ErrorKind::kCancelled, "stopped; nothing was changed"}; }

void LeaveBehind(std::thread thread) {
  is_thread_left_behind = true;
  thread.detach();
}

bool IsAnyThreadLeftBehind() { return is_thread_left_behind; }

}  // namespace tarn
