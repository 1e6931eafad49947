#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

#include "base/result.h"

namespace tarn::cli {

// The error of a command that was stopped before it changed anything.
Error Stopped();

// While it exists, Ctrl-C, SIGTERM and SIGHUP request a stop in place of ending the program, so
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

// Detaches a thread that cannot be stopped. The program must then exit without destroying static
// variables, because the thread may use them.
void LeaveBehind(std::thread thread);
bool IsAnyThreadLeftBehind();

}  // namespace tarn::cli
