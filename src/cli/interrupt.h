#pragma once

#include <csignal>
#include <stop_token>
#include <thread>

namespace tarn::cli {

// While it lives, Ctrl-C asks for a stop and does not end the program. One at a time, made before
// other threads are.
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
