#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sandbox/landlock.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Detects that a file was replaced by another file of the same name. Most programs update files
// in this way.
class FileWatch {
 public:
  FileWatch() = default;  // Watches no file.
  // Ignores files that do not exist.
  explicit FileWatch(const std::vector<std::string>& paths);
  bool Replaced() const;

 private:
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  std::vector<File> files_;
};

// The restrictions of the engine process. It enters them before it opens DuckDB, to limit the
// damage of an attack that gets past the gate and DuckDB. They take away: running programs, files
// that are not needed, TCP except to the store, privileges, the memory of other processes, core
// dumps. docs/security.md has the list.
//
// They cannot be undone.
class Sandbox {
 public:
  Sandbox() = default;  // No restrictions.

  // Restricts this thread and the threads that it starts, so call it before other threads start. If
  // the kernel lacks a restriction, fails with kRequire; otherwise missing() names it.
  static Result<Sandbox> Enter(const protocol::Setup& setup);

  // A summary for the log: "landlock=7 seccomp=on". Empty outside of the sandbox.
  const std::string& state() const { return state_; }
  // The restrictions that are not in force, mostly because the kernel lacks them. Empty if all are.
  const std::string& missing() const { return missing_; }

  // True if one of these files was replaced: the files of the resolver and tls.ca_path. Only a new
  // process can read the new file.
  bool FilesReplaced() const { return files_.Replaced(); }

 private:
  std::string state_;
  std::string missing_;
  FileWatch files_;
};

// Returns the files and ports that an engine with this set-up needs. `environment` is getenv().
LandlockRules RulesOf(const protocol::Setup& setup, const char* (*environment)(const char*));

}  // namespace tarn::engine
