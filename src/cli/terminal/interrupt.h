#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

#include "base/result.h"

namespace tarn::cli {

// Of what ends because somebody asked for it, before anything of it can be seen.
Error Stopped();

// While it lives, Ctrl-C, SIGTERM and SIGHUP ask for a stop and do not end the program, so that
// what is half done can be taken back; whoever asks twice does not want to wait for that. One at a
// time, made before other threads are.
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

// A thread that takes no stop is waited for no longer. The program then has to end without what
// usually comes last (destructors of static variables), because the thread may use it.
void LeaveBehind(std::thread thread);
bool IsAnyThreadLeftBehind();

}  // namespace tarn::cli
