#include "cli/terminal/interrupt.h"

#include <unistd.h>

namespace tarn::cli {
namespace {

constexpr int kInterruptedExitStatus = 130;

// The signals that all threads block, and for which one thread waits. SIGUSR1 ends the wait.
sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Interrupt::Interrupt() {
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, &former_);
  waiting_ = std::thread([this, set] {
    int signal = 0;
    while (sigwait(&set, &signal) == 0 && signal != SIGUSR1) {
      if (!source_.request_stop()) _exit(kInterruptedExitStatus);
    }
  });
}

Interrupt::~Interrupt() {
  pthread_kill(waiting_.native_handle(), SIGUSR1);
  waiting_.join();
  pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

}  // namespace tarn::cli
