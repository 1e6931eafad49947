#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

#include "base/stop.h"

namespace tarn::cli {

// While it exists, Ctrl-C, SIGTERM and SIGHUP request a stop instead of ending the program, so
// that the command can undo incomplete work. A second signal ends the program at once. Only one may
// exist, created before other threads.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t former_{};
  std::stop_source source_;
  std::thread waiting_;
};

}  // namespace tarn::cli
