#include "queryd/execution/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "protocol/descriptors.h"

namespace tarn::queryd {
namespace {

// Descriptors that are closed at the end of their scope unless they are taken out.
class Descriptors {
 public:
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (const int descriptor : all_) close(descriptor);
  }
  void Add(int descriptor) { all_.push_back(descriptor); }
  const std::vector<int>& all() const { return all_; }
  std::vector<int> Take() { return std::exchange(all_, {}); }

 private:
  std::vector<int> all_;
};

class SpawnActions {
 public:
  SpawnActions() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    // The threads of this process block the signals that main waits for. The child must not.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  posix_spawn_file_actions_t* actions() { return &actions_; }
  posix_spawnattr_t* attributes() { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// The environment variables that the engine inherits. Others may be secrets of the service manager
// or the shell, and the engine must not know them. The variables of the AWS tools are not on the
// list, because httpfs reads from them the credentials that its secret lacks: it would send the
// session token of one key with another key.
constexpr std::string_view kPassedOn[] = {
    "HOME", "TMPDIR", "TZ", "TZDIR", "LANG", "LANGUAGE", "PATH",
    // The proxies for the store, and the trusted certificates.
    "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
    "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "OPENSSL_CONF", "RES_OPTIONS",
    "LOCALDOMAIN", "HOSTALIASES",
    // The loader, the C library's allocator, and sanitizers.
    "LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES", "ASAN_OPTIONS", "LSAN_OPTIONS",
    "TSAN_OPTIONS", "UBSAN_OPTIONS"};
constexpr std::string_view kPassedOnPrefixes[] = {"LC_", "MALLOC_"};

bool IsPassedOn(std::string_view variable) {
  const std::string_view name = variable.substr(0, variable.find('='));
  return std::find(std::begin(kPassedOn), std::end(kPassedOn), name) != std::end(kPassedOn) ||
         std::any_of(std::begin(kPassedOnPrefixes), std::end(kPassedOnPrefixes),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// The environment of the engine.
//
// Also sets a variable that the engine needs before its main begins. Without it, Arrow's allocator
// would start a thread while it is loaded. The sandbox does not apply to such a thread, because it
// started earlier (see engine/sandbox/sandbox.h).
class Environment {
 public:
  Environment() {
    for (char** variable = environ; *variable != nullptr; ++variable) {
      if (IsPassedOn(*variable)) variables_.push_back(*variable);
    }
    variables_.push_back(no_thread_.data());
    variables_.push_back(nullptr);
  }
  char** get() { return variables_.data(); }

 private:
  static constexpr std::string_view kNoThread = "JE_ARROW_MALLOC_CONF=background_thread:false";
  std::string no_thread_{kNoThread};
  std::vector<char*> variables_;
};

Error SystemError(const char* what) {
  return Internal(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<Spawned> SpawnEngine(const std::string& program, size_t slots) {
  const int targets_end = protocol::kControlDescriptor + 1 + static_cast<int>(slots);
  Descriptors ours;
  Descriptors theirs;
  for (size_t i = 0; i < slots + 1; ++i) {
    std::array<int, 2> pair = {};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
      return SystemError("cannot make a socket for the engine");
    }
    ours.Add(pair[0]);
    // The numbers are higher than those in the child, so that none is overwritten by dup2.
    const int moved = fcntl(pair[1], F_DUPFD_CLOEXEC, targets_end);
    close(pair[1]);
    if (moved < 0) return SystemError("cannot make a socket for the engine");
    theirs.Add(moved);
  }

  SpawnActions spawn;
  // The child must not read from the terminal or the pipe of the front.
  posix_spawn_file_actions_addopen(spawn.actions(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  for (size_t i = 0; i < theirs.all().size(); ++i) {
    posix_spawn_file_actions_adddup2(spawn.actions(), theirs.all()[i],
                                     protocol::kControlDescriptor + static_cast<int>(i));
  }
  // A connection of a client that the child kept open would never close.
  posix_spawn_file_actions_addclosefrom_np(spawn.actions(), targets_end);
  std::string count = std::to_string(slots);
  std::string name = program;
  std::string role = "probes";
  std::array<char*, 4> arguments = {name.data(), count.data(), slots == 0 ? role.data() : nullptr,
                                    nullptr};
  Environment environment;
  Spawned spawned;
  const int failed = posix_spawn(&spawned.pid, program.c_str(), spawn.actions(), spawn.attributes(),
                                 arguments.data(), environment.get());
  if (failed != 0) {
    return Internal(fmt::format("cannot start {}: {}", program, std::strerror(failed)));
  }
  spawned.slots = ours.Take();
  spawned.control = spawned.slots.front();
  spawned.slots.erase(spawned.slots.begin());
  return spawned;
}

}  // namespace tarn::queryd
