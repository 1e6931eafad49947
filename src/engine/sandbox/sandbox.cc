#include "engine/sandbox/sandbox.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "engine/sandbox/system_calls.h"

namespace tarn::engine {
namespace {

// The files of the resolver. They are listed one by one, because the engine does not need the rest
// of /etc.
constexpr const char* kResolverFiles[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf",
                                          "/etc/host.conf", "/etc/gai.conf"};

// The files that the C library, OpenSSL and DuckDB read on common distributions. No folder with
// private keys is among them (/etc/ssl/private).
constexpr const char* kSystemFiles[] = {
    // The targets of the link /etc/resolv.conf.
    "/run/systemd/resolve", "/run/resolvconf", "/etc/services", "/etc/protocols",
    // Libraries that the first look-up of a name loads.
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache",
    // CA certificates.
    "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/cacert.pem",
    "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust", "/etc/ca-certificates", "/etc/crypto-policies",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki",
    // The resources of the machine and of this process, time zones, devices.
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup",
    "/sys/kernel/mm/transparent_hugepage", "/etc/localtime", "/usr/share/zoneinfo", "/dev/null",
    "/dev/zero", "/dev/random", "/dev/urandom"};

constexpr const char* kFileVariables[] = {"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
                                          "OPENSSL_CONF"};
constexpr const char* kProxyVariables[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                           "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};

constexpr uint16_t kDnsPort = 53;  // TCP, for responses that are too long for UDP.
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;
constexpr uint16_t kProxyPort = 1080;  // curl's default.

Error SystemError(std::string_view what) {
  return Internal(fmt::format("{}: {}", what, std::strerror(errno)));
}

// Returns the port of "host:port" or "[::1]:port", which a path may follow.
std::optional<uint16_t> PortOf(std::string_view address) {
  address = address.substr(0, address.find('/'));
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || address.find(']', colon) != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view digits = address.substr(colon + 1);
  uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto [read, code] = std::from_chars(digits.data(), end, port);
  if (code != std::errc() || read != end) return std::nullopt;
  return port;
}

std::vector<uint16_t> PortsOf(const protocol::ObjectStore& store,
                              const char* (*environment)(const char*)) {
  if (store.is_folder) return {};
  std::vector<uint16_t> ports = {kDnsPort};
  if (const auto port = PortOf(store.host)) {
    ports.push_back(*port);
  } else {
    ports.push_back(store.use_ssl ? kHttpsPort : kHttpPort);
  }
  for (const char* variable : kProxyVariables) {
    const char* value = environment(variable);
    if (value == nullptr || *value == '\0') continue;
    std::string_view proxy(value);
    if (const size_t scheme = proxy.find("://"); scheme != std::string_view::npos) {
      proxy.remove_prefix(scheme + 3);
    }
    if (const auto port = PortOf(proxy)) {
      ports.push_back(*port);
    } else {
      // The default is 80 in DuckDB, and differs between HTTP clients.
      ports.insert(ports.end(), {kHttpPort, kHttpsPort, kProxyPort});
    }
  }
  return ports;
}

// Root keeps the capabilities to read files of other users, so that it can serve a folder of
// another user. Landlock still limits these files. Other users have no capabilities to drop.
Result<> DropCapabilities() {
  constexpr uint32_t kKept = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets = {};
  if (syscall(SYS_capget, &header, sets.data()) != 0) return SystemError("capget");
  for (size_t i = 0; i < sets.size(); ++i) {
    const uint32_t kept = i == 0 ? kKept : 0;
    sets[i].effective &= kept;
    sets[i].permitted &= kept;
    sets[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, sets.data()) != 0) return SystemError("capset");
  return {};
}

// Prevents core files and debuggers of the same user, because the memory has the credentials of
// the bucket and the rows of all clients. A core_pattern that is a pipe ignores the limit, but not
// the flag. To debug a crash, set queryd.sandbox = "off".
Result<> HideMemory() {
  const rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return SystemError("RLIMIT_CORE");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return SystemError("PR_SET_DUMPABLE");
  return {};
}

Result<> RefusePrivileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return SystemError("PR_SET_NO_NEW_PRIVS");
  return DropCapabilities();
}

// A rule for a folder also applies to new files in it, so these files need no watch.
bool IsInReadableFolder(const char* path) {
  std::error_code code;
  const std::string target = std::filesystem::canonical(path, code).string();
  return target.starts_with("/run/systemd/resolve/") || target.starts_with("/run/resolvconf/");
}

std::vector<std::string> FilesWithRules(const protocol::Setup& setup) {
  std::vector<std::string> files;
  for (const char* path : kResolverFiles) {
    if (!IsInReadableFolder(path)) files.emplace_back(path);
  }
  if (!setup.tls_ca_path.empty()) files.push_back(setup.tls_ca_path);
  return files;
}

size_t CountThreads() {
  std::error_code code;
  const std::filesystem::directory_iterator tasks("/proc/self/task", code);
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

void Append(std::string& list, std::string_view item) {
  if (!list.empty()) list += ", ";
  list += item;
}

// Returns the folder that DuckDB must list to find `root`, if the path has pattern characters: the
// folder above the first of them. See protocol::ObjectStore::UrlRoot.
std::optional<std::string> ListedFor(const std::string& root) {
  const size_t pattern = root.find_first_of("*?[");
  if (pattern == std::string::npos) return std::nullopt;
  return root.substr(0, root.rfind('/', pattern) + 1);
}

}  // namespace

LandlockRules RulesOf(const protocol::Setup& setup, const char* (*environment)(const char*)) {
  LandlockRules rules;
  if (!setup.temp_directory.empty()) rules.write.push_back(setup.temp_directory);
  rules.connect = PortsOf(setup.store, environment);
  rules.read.insert(rules.read.end(), std::begin(kSystemFiles), std::end(kSystemFiles));
  rules.read.insert(rules.read.end(), std::begin(kResolverFiles), std::end(kResolverFiles));
  if (setup.store.is_folder) {
    rules.read.push_back(setup.store.root);
    if (const auto listed = ListedFor(setup.store.root)) rules.list.push_back(*listed);
    return rules;
  }
  rules.read.push_back(setup.httpfs_path);
  if (!setup.tls_ca_path.empty()) rules.read.push_back(setup.tls_ca_path);
  // The folder to which INSTALL downloads extensions that queryd.extension_dir does not have.
  if (const char* home = environment("HOME"); home != nullptr && *home != '\0') {
    rules.read.push_back(std::string(home) + "/.duckdb/extensions");
  }
  for (const char* variable : kFileVariables) {
    if (const char* path = environment(variable)) rules.read.emplace_back(path);
  }
  return rules;
}

Result<Sandbox> Sandbox::Enter(const protocol::Setup& setup) {
  Sandbox sandbox;
  if (setup.sandbox == protocol::SandboxMode::kOff) return sandbox;
  TARN_CHECK_OK(HideMemory());
  TARN_CHECK_OK(RefusePrivileges());

  if (!setup.temp_directory.empty()) {
    // A rule needs an existing folder. DuckDB would create it only when it first spills.
    std::error_code code;
    std::filesystem::create_directories(setup.temp_directory, code);
    if (code) return Internal(fmt::format("{}: {}", setup.temp_directory, code.message()));
  }
  sandbox.files_ = FileWatch(FilesWithRules(setup));

  if (const size_t threads = CountThreads(); threads != 1) {
    Append(sandbox.missing_, fmt::format("threads that started earlier ({})", threads - 1));
  }
  const int landlock = LandlockVersion();
  if (landlock > 0) {
    TARN_CHECK_OK(RestrictByLandlock(
        RulesOf(setup, [](const char* name) -> const char* { return std::getenv(name); })));
  } else {
    Append(sandbox.missing_, "files (Landlock, Linux 5.13)");
  }
  if (landlock < kLandlockWithTcp) Append(sandbox.missing_, "TCP (Landlock 4, Linux 6.7)");

  const Result<> filtered = FilterSystemCalls();
  if (!filtered.ok() && filtered.error().kind != ErrorKind::kUnavailable) return filtered.error();
  if (!filtered.ok()) Append(sandbox.missing_, "system calls (seccomp)");

  if (!sandbox.missing_.empty() && setup.sandbox == protocol::SandboxMode::kRequire) {
    return Unavailable(fmt::format(
        "queryd.sandbox is \"require\", but the sandbox cannot restrict: {}; use a newer kernel, "
        "or set queryd.sandbox to \"on\"",
        sandbox.missing_));
  }
  sandbox.state_ = fmt::format("landlock={} seccomp={}", landlock, filtered.ok() ? "on" : "off");
  return sandbox;
}

FileWatch::FileWatch(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    struct stat status = {};
    if (stat(path.c_str(), &status) == 0) files_.push_back({path, status.st_dev, status.st_ino});
  }
}

bool FileWatch::Replaced() const {
  for (const File& file : files_) {
    struct stat status = {};
    // Landlock does not restrict stat().
    if (stat(file.path.c_str(), &status) != 0) continue;
    if (status.st_dev != file.device || status.st_ino != file.inode) return true;
  }
  return false;
}

}  // namespace tarn::engine
