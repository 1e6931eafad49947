#include "queryd/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
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
    // Threads of ours block the signals that main waits for; the child starts without.
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

// That of this process, with two differences.
//
// The engine must have one variable before its main begins: Arrow's allocator would start a thread
// while it is loaded, which the sandbox does not hold for (see engine/sandbox.h).
//
// It has none of the AWS tools': httpfs takes from them what a secret does not say, and would send
// the session token of one key with another.
class Environment {
 public:
  Environment() {
    for (char** variable = environ; *variable != nullptr; ++variable) {
      const std::string_view text(*variable);
      const bool is_replaced = text.starts_with(kNoThread.substr(0, kNoThread.find('=') + 1));
      if (!is_replaced && !text.starts_with("AWS_")) variables_.push_back(*variable);
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
    // Above the numbers that they get in the child, so that none is overwritten on the way.
    const int moved = fcntl(pair[1], F_DUPFD_CLOEXEC, targets_end);
    close(pair[1]);
    if (moved < 0) return SystemError("cannot make a socket for the engine");
    theirs.Add(moved);
  }

  SpawnActions spawn;
  for (size_t i = 0; i < theirs.all().size(); ++i) {
    posix_spawn_file_actions_adddup2(spawn.actions(), theirs.all()[i],
                                     protocol::kControlDescriptor + static_cast<int>(i));
  }
  // Connections of clients are none of its business: one that it kept would never close.
  posix_spawn_file_actions_addclosefrom_np(spawn.actions(), targets_end);
  std::string count = std::to_string(slots);
  std::string name = program;
  std::array<char*, 3> arguments = {name.data(), count.data(), nullptr};
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
