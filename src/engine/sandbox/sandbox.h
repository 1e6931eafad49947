#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sandbox/landlock.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Files that may be replaced by others of the same name, which is how most programs write them.
class FileWatch {
 public:
  FileWatch() = default;  // Of none.
  // Those that are not there are left out.
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

// What the engine process gives up before it opens DuckDB, so that whoever gets out of the gate and
// out of DuckDB has little to go on with: programs, files that are not needed, TCP but to the
// store, privileges, the memory of others, core dumps. docs/security.md has the list.
//
// Nothing of it can be taken back. Moved, not shared.
class Sandbox {
 public:
  Sandbox() = default;  // Nothing was given up.

  // For this thread and those that it starts: call it while there are no others. Where
  // setup.sandbox is kRequire, the error says what this kernel does not have; else missing() does.
  static Result<Sandbox> Enter(const protocol::Setup& setup);

  // "landlock=7 seccomp=on", for people. Empty: it was not entered.
  const std::string& state() const { return state_; }
  // What cannot be kept from this process; empty: nothing. Mostly what the kernel does not have.
  const std::string& missing() const { return missing_; }

  // True when a file was put in the place of one that this process may read, those that names are
  // looked up with and the CAs of tls.ca_path: only a new process can read it.
  bool FilesReplaced() const { return files_.Replaced(); }

 private:
  std::string state_;
  std::string missing_;
  FileWatch files_;
};

// What an engine with this set-up may read, write and connect to. `environment` looks variables up.
LandlockRules RulesOf(const protocol::Setup& setup, const char* (*environment)(const char*));

}  // namespace tarn::engine
