// tarn-engine: DuckDB in a process of its own. Started by queryd and by `tarn up`, never by hand:
// its work comes over sockets that it inherits.

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "engine/engine.h"
#include "protocol/descriptors.h"

int main(int argc, char** argv) {
  size_t slots = 0;
  // The second argument is there for the list of processes. The set-up says the same.
  const bool only_probes = argc == 3 && std::strcmp(argv[2], "probes") == 0;
  if ((argc != 2 && !only_probes) ||
      std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), slots).ec != std::errc() ||
      (slots == 0) != only_probes) {
    std::fputs("tarn-engine is started by queryd, see queryd --help\n", stderr);
    return EXIT_FAILURE;
  }
  // Ctrl-C and a service manager's stop reach all processes of a group: the front decides when
  // this one goes, and tells by closing its end of the control socket.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    auto engine = tarn::engine::Engine::Open(tarn::protocol::kControlDescriptor,
                                             tarn::protocol::SlotDescriptors(slots));
    // The front has been told why, and writes the log.
    if (!engine.ok()) _exit(EXIT_FAILURE);
    (*engine)->Serve();
    tarn::log::Flush();
    // At once, and not by destroying the engine: queries may still run, and nothing is to save.
    _exit(EXIT_SUCCESS);
  } catch (const std::exception& e) {
    tarn::log::Error("the engine cannot go on", {{"error", e.what()}});
    _exit(EXIT_FAILURE);
  }
}
