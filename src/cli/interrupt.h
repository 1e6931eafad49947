#pragma once

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
  std::stop_source source_;
  std::thread waiting_;
};

}  // namespace tarn::cli
