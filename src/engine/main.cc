// tarn-engine: DuckDB in a separate process. queryd and `tarn up` start it, with sockets for its
// work.

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "base/log.h"
#include "engine/engine.h"
#include "protocol/descriptors.h"

namespace {

// Ends the process with a status of its own if an allocation failed where no error can be returned,
// such as in a destructor of DuckDB.
[[noreturn]] void OnTerminate() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    _exit(tarn::protocol::kOutOfMemoryStatus);
  } catch (...) {
    std::abort();
  }
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  size_t slots = 0;
  // The second argument is for the list of processes. The set-up has the same information.
  const bool only_probes = argc == 3 && std::strcmp(argv[2], "probes") == 0;
  if ((argc != 2 && !only_probes) ||
      std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), slots).ec != std::errc() ||
      (slots == 0) != only_probes) {
    std::fputs("tarn-engine is started by queryd, see queryd --help\n", stderr);
    return EXIT_FAILURE;
  }
  // Ctrl-C and a stop of the service send signals to the whole process group. The engine ignores
  // them, and stops when the front closes the control socket.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::set_terminate(OnTerminate);
  try {
    auto engine = tarn::engine::Engine::Open(tarn::protocol::kControlDescriptor,
                                             tarn::protocol::SlotDescriptors(slots));
    // Open() has sent the error to the front, which logs it.
    if (!engine.ok()) _exit(EXIT_FAILURE);
    (*engine)->Serve();
    tarn::log::Flush();
    // Exits without destroying the engine, because queries may still run.
    _exit(EXIT_SUCCESS);
  } catch (const std::exception& e) {
    tarn::log::Error("the engine cannot go on", {{"error", e.what()}});
    _exit(EXIT_FAILURE);
  }
}
