#include "engine/sandbox/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace tarn::engine {
namespace {

// The interface of the kernel, from include/uapi/linux/landlock.h of Linux 6.12. Debian 12 has the
// header of Linux 6.1, and the running kernel may be newer.
struct RulesetAttributes {
  uint64_t handled_files;
  uint64_t handled_network;
  uint64_t scoped;
};
struct [[gnu::packed]] BeneathAttributes {
  uint64_t allowed;
  int32_t parent;
};
struct PortAttributes {
  uint64_t allowed;
  uint64_t port;
};
constexpr uint32_t kCreateRulesetVersion = 1U << 0;
constexpr int kRuleBeneath = 1;
constexpr int kRulePort = 2;

constexpr uint64_t kExecute = 1U << 0;
constexpr uint64_t kWriteFile = 1U << 1;
constexpr uint64_t kReadFile = 1U << 2;
constexpr uint64_t kReadFolder = 1U << 3;
constexpr uint64_t kRemoveFolder = 1U << 4;
constexpr uint64_t kRemoveFile = 1U << 5;
constexpr uint64_t kMakeDevice = 1U << 6 | 1U << 11;
constexpr uint64_t kMakeFolder = 1U << 7;
constexpr uint64_t kMakeFile = 1U << 8;
constexpr uint64_t kMakeSpecial = 1U << 9 | 1U << 10 | 1U << 12;  // Socket, FIFO, symbolic link.
constexpr uint64_t kFirstVersion = kExecute | kWriteFile | kReadFile | kReadFolder | kRemoveFolder |
                                   kRemoveFile | kMakeDevice | kMakeFolder | kMakeFile |
                                   kMakeSpecial;
constexpr uint64_t kMoveElsewhere = 1U << 13;  // Version 2.
constexpr uint64_t kTruncate = 1U << 14;       // Version 3.
constexpr uint64_t kControlDevice = 1U << 15;  // Version 5.
constexpr uint64_t kBind = 1U << 0;            // Version 4.
constexpr uint64_t kConnect = 1U << 1;         // Version 4.
constexpr uint64_t kScopeSockets = 1U << 0;    // Version 6.
constexpr uint64_t kScopeSignals = 1U << 1;    // Version 6.
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kControlDevice;

RulesetAttributes AllOf(int version) {
  RulesetAttributes all = {.handled_files = kFirstVersion, .handled_network = 0, .scoped = 0};
  if (version >= 2) all.handled_files |= kMoveElsewhere;
  if (version >= 3) all.handled_files |= kTruncate;
  if (version >= kLandlockWithTcp) all.handled_network = kBind | kConnect;
  if (version >= 5) all.handled_files |= kControlDevice;
  if (version >= 6) all.scoped = kScopeSockets | kScopeSignals;
  return all;
}

Error LandlockError(std::string_view what) {
  return Internal(fmt::format("landlock: {}: {}", what, std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(long number) : number_(static_cast<int>(number)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

Result<> AllowBeneath(const Descriptor& ruleset, const std::string& path, uint64_t access) {
  const Descriptor file(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (file.number() < 0) {
    // A file that does not exist or cannot be opened anyway needs no rule.
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};
    return LandlockError(path);
  }
  struct stat status = {};
  if (fstat(file.number(), &status) != 0) return LandlockError(path);
  if (!S_ISDIR(status.st_mode)) access &= kOfFiles;
  const BeneathAttributes rule = {.allowed = access, .parent = file.number()};
  if (syscall(SYS_landlock_add_rule, ruleset.number(), kRuleBeneath, &rule, 0) != 0) {
    return LandlockError(path);
  }
  return {};
}

}  // namespace

int LandlockVersion() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateRulesetVersion);
  return version > 0 ? static_cast<int>(version) : 0;
}

Result<> RestrictByLandlock(const LandlockRules& rules) {
  const int version = LandlockVersion();
  const RulesetAttributes all = AllOf(version);
  // An older kernel accepts this longer structure if the fields that it does not know are 0.
  const Descriptor ruleset(syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0));
  if (ruleset.number() < 0) return LandlockError("cannot create a ruleset");

  const uint64_t read = kReadFile | kReadFolder;
  const uint64_t write =
      read | kWriteFile | kMakeFile | kMakeFolder | kRemoveFile | kRemoveFolder | kTruncate;
  for (const std::string& path : rules.read) {
    TARN_CHECK_OK(AllowBeneath(ruleset, path, read));
  }
  for (const std::string& path : rules.list) {
    TARN_CHECK_OK(AllowBeneath(ruleset, path, kReadFolder));
  }
  for (const std::string& path : rules.write) {
    TARN_CHECK_OK(AllowBeneath(ruleset, path, write & all.handled_files));
  }
  for (const uint16_t port : rules.connect) {
    if ((all.handled_network & kConnect) == 0) break;
    const PortAttributes rule = {.allowed = kConnect, .port = port};
    if (syscall(SYS_landlock_add_rule, ruleset.number(), kRulePort, &rule, 0) != 0) {
      return LandlockError(fmt::format("port {}", port));
    }
  }
  if (syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0) {
    return LandlockError("cannot apply the rules");
  }
  return {};
}

}  // namespace tarn::engine
