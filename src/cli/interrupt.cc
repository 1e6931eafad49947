#include "cli/interrupt.h"

#include <csignal>

namespace tarn::cli {
namespace {

// Blocked in all threads, and taken by one that waits for it: there is nothing to do in a handler.
// SIGUSR1 is what ends the wait.
sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, &former_);
  waiting_ = std::thread([this, set] {
    int signal = 0;
    while (sigwait(&set, &signal) == 0 && signal == SIGINT) source_.request_stop();
  });
}

Interrupt::~Interrupt() {
  pthread_kill(waiting_.native_handle(), SIGUSR1);
  waiting_.join();
  pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

}  // namespace tarn::cli
