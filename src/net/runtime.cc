#include "net/runtime.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <csignal>

#include "base/log.h"
#include "base/machine.h"

namespace tarn::net {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  return signals;
}

void ReportLeftOut() {
  for (const LineBudget::LeftOut& each : log::TakeLeftOut()) {
    log::Info("lines left out",
              {{"client", each.client}, {"message", each.message}, {"lines", each.lines}});
  }
}

void RunIo(boost::asio::io_context& io) {
  for (;;) {
    try {
      io.run();
      return;
    } catch (const std::exception& e) {
      // An exception from one connection must not end the thread, which also serves others.
      log::Error("an I/O handler threw", {{"error", e.what()}});
    }
  }
}

}  // namespace

size_t IoThreads() {
  constexpr size_t kThreadsMax = 8;
  return std::clamp<size_t>(MachineCores() / 2, 1, kThreadsMax);
}

Runtime::Runtime(size_t threads)
    : io_(static_cast<int>(threads)), work_(boost::asio::make_work_guard(io_)) {
  // All threads started later inherit the mask; WaitForStop receives the signals.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  ignores_hangup_ = hangup.sa_handler == SIG_IGN;  // NOLINT
  std::signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { RunIo(io_); });
    pthread_setname_np(threads_.back().native_handle(), fmt::format("io-{}", i).c_str());
  }
}

Runtime::~Runtime() {
  work_.reset();
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
}

const char* Runtime::WaitForStop(const BackgroundTasks& tasks) {
  const sigset_t signals = StopSignals();
  const timespec second = {.tv_sec = 1, .tv_nsec = 0};
  for (;;) {
    ReportLeftOut();
    const int signal = sigtimedwait(&signals, nullptr, &second);
    if (signal == SIGINT) return "SIGINT";
    if (signal == SIGTERM) return "SIGTERM";
    if (signal == SIGHUP && !tasks.on_hangup && !ignores_hangup_) return "SIGHUP";
    try {
      if (signal == SIGHUP && tasks.on_hangup) tasks.on_hangup();
      // An interrupted wait only runs the task early.
      if (signal < 0 && tasks.every_second) tasks.every_second();
    } catch (const std::exception& e) {
      log::Error("background task failed", {{"error", e.what()}});
    }
  }
}

}  // namespace tarn::net
