// Tests the sandbox in child processes. Each attempt makes the system call itself, so that a
// refusal comes from the kernel and not from the C library.

#include "engine/sandbox/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "base/text.h"

namespace tarn::engine {
namespace {

namespace fs = std::filesystem;

constexpr int kNotEntered = 201;  // Not an errno.
constexpr int kThrew = 202;

int ErrnoOf(long result) { return result < 0 ? errno : 0; }

// Listens on a free port of 127.0.0.1.
class Listener {
 public:
  Listener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    if (bind(socket_, Address(), size) != 0 || listen(socket_, 8) != 0 ||
        getsockname(socket_, Address(), &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }  // NOLINT: the sockets API
  std::string port() const { return std::to_string(ntohs(address_.sin_port)); }
  int Connect() {
    const int ours = socket(AF_INET, SOCK_STREAM, 0);
    return ErrnoOf(ours < 0 ? ours : connect(ours, Address(), sizeof(address_)));
  }

 private:
  const int socket_;
  sockaddr_in address_ = {};
};

class SandboxTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-sandbox-" + RandomId());
  protocol::Setup setup{.temp_directory = (folder / "spill" / "1").string()};

  SandboxTest() {
    fs::create_directories(folder / "lake");
    std::ofstream(folder / "lake" / "data") << "rows";
    std::ofstream(folder / "outside") << "secret";
    setup.store.root = "s3://bucket/";
    setup.store.host = "127.0.0.1:9";
  }
  ~SandboxTest() override { fs::remove_all(folder); }

  // Runs `attempt` in a child in the sandbox. Returns its errno, or 0 for success.
  int Try(const std::function<int()>& attempt) const {
    const pid_t child = fork();
    if (child == 0) {
      int outcome = kNotEntered;
      try {
        if (Sandbox::Enter(setup).ok()) outcome = attempt();
      } catch (const std::exception&) {
        outcome = kThrew;
      }
      _exit(outcome);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  int TryOpen(const fs::path& path, int flags) const {
    return Try([&] { return ErrnoOf(open(path.c_str(), flags, 0600)); });
  }
  fs::path Spill(const std::string& name) const { return fs::path(setup.temp_directory) / name; }
};

#define NEEDS_LANDLOCK(version)      \
  if (LandlockVersion() < (version)) \
  GTEST_SKIP() << "this kernel has Landlock " << LandlockVersion()

TEST_F(SandboxTest, ReportsRestrictionsInForce) {
  NEEDS_LANDLOCK(kLandlockWithTcp);
  EXPECT_EQ(Try([&] {
              const Result<Sandbox> again = Sandbox::Enter(setup);
              if (!again.ok()) return 1;  // capset is now refused.
              return 2;
            }),
            1);
  setup.sandbox = protocol::SandboxMode::kOff;
  const Result<Sandbox> off = Sandbox::Enter(setup);
  ASSERT_TRUE(off.ok());
  EXPECT_EQ(off->state(), "");
  EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  setup.sandbox = protocol::SandboxMode::kRequire;
  const pid_t child = fork();
  if (child == 0) {
    const Result<Sandbox> on = Sandbox::Enter(setup);
    const std::string expected = "landlock=" + std::to_string(LandlockVersion()) + " seccomp=on";
    _exit(on.ok() && on->state() == expected && on->missing().empty() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(SandboxTest, AllowsFilesInItsTemporaryFolder) {
  EXPECT_EQ(TryOpen(Spill("a"), O_CREAT | O_RDWR), 0);
  EXPECT_EQ(TryOpen(Spill("a"), O_RDWR | O_TRUNC), 0);
  EXPECT_EQ(Try([&] { return ErrnoOf(mkdir(Spill("b").c_str(), 0700)); }), 0);
  EXPECT_EQ(Try([&] { return ErrnoOf(rename(Spill("a").c_str(), Spill("c").c_str())); }), 0);
  EXPECT_EQ(Try([&] { return ErrnoOf(unlink(Spill("c").c_str())); }), 0);
  EXPECT_EQ(Try([&] { return ErrnoOf(rmdir(Spill("b").c_str())); }), 0);
  EXPECT_TRUE(fs::is_empty(setup.temp_directory));
}

TEST_F(SandboxTest, RefusesOtherFiles) {
  NEEDS_LANDLOCK(1);
  EXPECT_EQ(TryOpen("/etc/passwd", O_RDONLY), EACCES);
  EXPECT_EQ(TryOpen("/etc/shadow", O_RDONLY), EACCES);
  EXPECT_EQ(TryOpen("/etc/ssl/private", O_RDONLY | O_DIRECTORY), EACCES);
  EXPECT_EQ(TryOpen("/proc/1/status", O_RDONLY), EACCES);
  EXPECT_EQ(TryOpen("/", O_RDONLY | O_DIRECTORY), EACCES);
  EXPECT_EQ(TryOpen(folder / "outside", O_RDONLY), EACCES);
  EXPECT_EQ(TryOpen(folder / "outside", O_WRONLY), EACCES);
  EXPECT_EQ(TryOpen(folder / "new", O_CREAT | O_WRONLY), EACCES);
  // The temporary folder of another engine.
  EXPECT_EQ(TryOpen(folder / "spill" / "2", O_CREAT | O_WRONLY), EACCES);
  EXPECT_EQ(Try([&] { return ErrnoOf(unlink((folder / "outside").c_str())); }), EACCES);
  EXPECT_EQ(Try([&] { return ErrnoOf(mkdir((folder / "b").c_str(), 0700)); }), EACCES);
}

TEST_F(SandboxTest, RefusesLinksOutOfTheTemporaryFolder) {
  NEEDS_LANDLOCK(1);
  fs::create_directories(setup.temp_directory);
  fs::create_symlink(folder / "outside", Spill("link"));
  EXPECT_EQ(TryOpen(Spill("link"), O_RDONLY), EACCES);
  EXPECT_EQ(Try([&] { return ErrnoOf(symlink("/", Spill("root").c_str())); }), EPERM);
}

TEST_F(SandboxTest, AllowsFilesForNamesAndTls) {
  for (const char* path : {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf",
                           "/etc/ssl/certs/ca-certificates.crt", "/proc/self/status",
                           "/proc/self/maps", "/dev/urandom", "/usr/lib/os-release"}) {
    if (!fs::exists(path)) continue;
    EXPECT_EQ(TryOpen(path, O_RDONLY), 0) << path;
  }
  EXPECT_EQ(TryOpen("/etc/hosts", O_WRONLY) == 0, LandlockVersion() == 0);
}

TEST_F(SandboxTest, AllowsReadingALakeInAFolderButNotWriting) {
  NEEDS_LANDLOCK(1);
  EXPECT_EQ(TryOpen(folder / "lake" / "data", O_RDONLY), EACCES);
  setup.store = protocol::ObjectStore::Folder((folder / "lake").string());
  EXPECT_EQ(TryOpen(folder / "lake" / "data", O_RDONLY), 0);
  EXPECT_EQ(TryOpen(folder / "lake", O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(TryOpen(folder / "lake" / "data", O_WRONLY), EACCES);
  EXPECT_EQ(TryOpen(folder / "lake" / "new", O_CREAT | O_WRONLY), EACCES);
  EXPECT_EQ(TryOpen(folder / "outside", O_RDONLY), EACCES);
}

TEST_F(SandboxTest, AllowsListingAboveAFolderWithPatternCharacters) {
  NEEDS_LANDLOCK(1);
  const fs::path odd = folder / "[x]" / "lake";
  fs::create_directories(odd);
  std::ofstream(odd / "data") << "rows";
  setup.store = protocol::ObjectStore::Folder(odd.string());
  EXPECT_EQ(TryOpen(odd / "data", O_RDONLY), 0);
  EXPECT_EQ(TryOpen(folder, O_RDONLY | O_DIRECTORY), 0);
  EXPECT_EQ(TryOpen(folder / "outside", O_RDONLY), EACCES);
  EXPECT_EQ(TryOpen(folder.parent_path(), O_RDONLY | O_DIRECTORY), EACCES);
}

TEST_F(SandboxTest, AllowsConnectionsToThePortOfTheStoreOnly) {
  NEEDS_LANDLOCK(kLandlockWithTcp);
  Listener store;
  Listener other;
  setup.store.host = "127.0.0.1:" + store.port();
  EXPECT_EQ(Try([&] { return store.Connect(); }), 0);
  EXPECT_EQ(Try([&] { return other.Connect(); }), EACCES);
  setup.store = protocol::ObjectStore::Folder((folder / "lake").string());
  EXPECT_EQ(Try([&] { return store.Connect(); }), EACCES);
}

TEST_F(SandboxTest, RefusesListening) {
  const auto listen_on = [](int descriptor) { return ErrnoOf(listen(descriptor, 1)); };
  EXPECT_EQ(Try([&] { return listen_on(socket(AF_INET, SOCK_STREAM, 0)); }), EPERM);
  NEEDS_LANDLOCK(kLandlockWithTcp);
  EXPECT_EQ(Try([] {
              sockaddr_in any = {};
              any.sin_family = AF_INET;
              const int ours = socket(AF_INET, SOCK_STREAM, 0);
              return ErrnoOf(bind(ours, reinterpret_cast<sockaddr*>(&any), sizeof(any)));  // NOLINT
            }),
            EACCES);
}

TEST_F(SandboxTest, RefusesPrograms) {
  char* const arguments[] = {nullptr};
  EXPECT_EQ(Try([&] { return ErrnoOf(execve("/bin/true", arguments, arguments)); }), EPERM);
  EXPECT_EQ(
      Try([&] { return ErrnoOf(syscall(SYS_execveat, -1, "/bin/true", arguments, arguments, 0)); }),
      EPERM);
  EXPECT_EQ(Try([] { return ErrnoOf(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }), EPERM);
  EXPECT_EQ(Try([] { return ErrnoOf(syscall(SYS_clone3, nullptr, 0)); }), ENOSYS);
#ifdef SYS_fork
  EXPECT_EQ(Try([] { return ErrnoOf(syscall(SYS_fork)); }), EPERM);
  EXPECT_EQ(Try([] { return ErrnoOf(syscall(SYS_vfork)); }), EPERM);
#endif
}

TEST_F(SandboxTest, AllowsListedSocketsOnly) {
  struct Attempt {
    int family;
    int type;
    int protocol;
    bool passes;
  };
  constexpr int kMptcp = 262;
  constexpr Attempt kAttempts[] = {
      {AF_INET, SOCK_STREAM, 0, true},
      {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP, true},
      {AF_INET, SOCK_DGRAM, 0, true},
      {AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP, true},
      {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, true},
      {AF_INET, SOCK_STREAM, kMptcp, false},
      {AF_INET6, SOCK_STREAM, kMptcp, false},
      {AF_INET, SOCK_STREAM, IPPROTO_SCTP, false},
      {AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, false},
      {AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, false},
      {AF_INET, SOCK_DGRAM, IPPROTO_ICMP, false},
      {AF_INET, SOCK_STREAM, IPPROTO_UDP, false},
      {AF_INET, SOCK_RAW, IPPROTO_ICMP, false},
      {AF_UNIX, SOCK_STREAM, 0, false},
      {AF_UNIX, SOCK_DGRAM, 0, false},
      {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, false},
      {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, false},
      {AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, false},
      {AF_NETLINK, SOCK_DGRAM, NETLINK_GENERIC, false}};
  for (const Attempt& attempt : kAttempts) {
    EXPECT_EQ(Try([&] {
                return ErrnoOf(syscall(SYS_socket, attempt.family, attempt.type, attempt.protocol));
              }),
              attempt.passes ? 0 : EPERM)
        << attempt.family << " " << attempt.type << " " << attempt.protocol;
  }
  const auto pair = [](int family, int type) {
    std::array<int, 2> ends = {};
    return ErrnoOf(syscall(SYS_socketpair, family, type, 0, ends.data()));
  };
  EXPECT_EQ(Try([&] { return pair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC); }), 0);
  EXPECT_EQ(Try([&] { return pair(AF_UNIX, SOCK_DGRAM); }), EPERM);
}

TEST_F(SandboxTest, RefusesSendingWithoutAConnection) {
  Listener other;
  const auto send_to = [&](int flags) {
    const int ours = socket(AF_INET, SOCK_STREAM, 0);
    return ErrnoOf(
        sendto(ours, "x", 1, flags | MSG_NOSIGNAL, other.Address(), sizeof(sockaddr_in)));
  };
  EXPECT_EQ(Try([&] { return send_to(MSG_FASTOPEN); }), EPERM);
  EXPECT_EQ(Try([&] { return send_to(MSG_FASTOPEN | MSG_DONTWAIT); }), EPERM);
  EXPECT_EQ(Try([&] { return send_to(0); }), EPIPE) << "it is not connected";
  EXPECT_EQ(Try([&] {
              msghdr message = {};
              message.msg_name = other.Address();
              message.msg_namelen = sizeof(sockaddr_in);
              const int ours = socket(AF_INET, SOCK_STREAM, 0);
              return ErrnoOf(sendmsg(ours, &message, MSG_FASTOPEN));
            }),
            EPERM);
  EXPECT_EQ(Try([&] {
              mmsghdr message = {};
              message.msg_hdr.msg_name = other.Address();
              message.msg_hdr.msg_namelen = sizeof(sockaddr_in);
              const int ours = socket(AF_INET, SOCK_STREAM, 0);
              return ErrnoOf(sendmmsg(ours, &message, 1, MSG_FASTOPEN));
            }),
            EPERM);
  // Connected sockets still work.
  EXPECT_EQ(Try([] {
              std::array<int, 2> ends = {};
              if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return errno;
              return ErrnoOf(send(ends[0], "x", 1, MSG_NOSIGNAL));
            }),
            0);
}

TEST_F(SandboxTest, RestrictsThreadsThatItStarts) {
  EXPECT_EQ(Try([] {
              int outcome = kNotEntered;
              std::thread([&] { outcome = ErrnoOf(syscall(SYS_ptrace, 0, 0, 0, 0)); }).join();
              return outcome;
            }),
            EPERM);
}

TEST_F(SandboxTest, ReportsThreadsThatStartedEarlier) {
  const pid_t child = fork();
  if (child == 0) {
    std::thread([] { pause(); }).detach();
    const Result<Sandbox> on = Sandbox::Enter(setup);
    _exit(on.ok() && on->missing().find("earlier (1)") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(SandboxTest, RefusesUnneededSystemCalls) {
  const std::pair<const char*, std::function<long()>> attempts[] = {
      {"ptrace", [] { return syscall(SYS_ptrace, 0, 0, 0, 0); }},
      {"process_vm_readv", [] { return syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0); }},
      {"pidfd_open", [] { return syscall(SYS_pidfd_open, getppid(), 0); }},
      {"mount", [] { return syscall(SYS_mount, 0, 0, 0, 0, 0); }},
      {"unshare", [] { return syscall(SYS_unshare, CLONE_NEWUSER); }},
      {"clone", [] { return syscall(SYS_clone, CLONE_THREAD | CLONE_NEWUSER, 0, 0, 0, 0); }},
      {"chroot", [] { return syscall(SYS_chroot, "/"); }},
      {"bpf", [] { return syscall(SYS_bpf, 0, 0, 0); }},
      {"perf_event_open", [] { return syscall(SYS_perf_event_open, 0, 0, 0, 0, 0); }},
      {"userfaultfd", [] { return syscall(SYS_userfaultfd, 0); }},
      {"io_uring_setup", [] { return syscall(SYS_io_uring_setup, 1, 0); }},
      {"keyctl", [] { return syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"open_by_handle_at", [] { return syscall(SYS_open_by_handle_at, -1, 0, 0); }},
      {"setuid", [] { return syscall(SYS_setuid, getuid()); }},
      {"capset", [] { return syscall(SYS_capset, 0, 0); }},
      {"reboot", [] { return syscall(SYS_reboot, 0, 0, 0, 0); }},
      {"fchmodat", [] { return syscall(SYS_fchmodat, AT_FDCWD, "/tmp", 0777); }},
      {"fchown", [] { return syscall(SYS_fchown, 0, getuid(), getgid()); }},
      {"shmget", [] { return syscall(SYS_shmget, 0, 1, 0); }},
      {"socket", [] { return static_cast<long>(socket(AF_PACKET, SOCK_RAW, 0)); }},
      {"socket", [] { return static_cast<long>(socket(AF_VSOCK, SOCK_STREAM, 0)); }},
      {"socket", [] { return static_cast<long>(socket(AF_ALG, SOCK_SEQPACKET, 0)); }},
      {"ioctl", [] { return static_cast<long>(ioctl(0, TIOCSTI, "x")); }},
      {"prctl", [] { return static_cast<long>(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }},
      {"kill", [] { return static_cast<long>(kill(getppid(), 0)); }},
      {"tgkill", [] { return syscall(SYS_tgkill, getppid(), getppid(), 0); }},
      {"setpriority", [] { return syscall(SYS_setpriority, PRIO_PROCESS, getppid(), 19); }},
      {"ioprio_set", [] { return syscall(SYS_ioprio_set, 1, getppid(), 0); }},
      {"sched_setscheduler", [] { return syscall(SYS_sched_setscheduler, getppid(), 0, 0); }},
      {"sched_setparam", [] { return syscall(SYS_sched_setparam, getppid(), 0); }},
      {"sched_setattr", [] { return syscall(SYS_sched_setattr, getppid(), 0, 0); }},
      {"sched_setaffinity",
       [] {
         const uint64_t processors = 1;
         return syscall(SYS_sched_setaffinity, getppid(), sizeof(processors), &processors);
       }},
      {"F_SETOWN", [] { return static_cast<long>(fcntl(0, F_SETOWN, getppid())); }},
      {"F_SETSIG", [] { return static_cast<long>(fcntl(0, F_SETSIG, SIGKILL)); }},
      {"FIOSETOWN",
       [] {
         int owner = getppid();
         return static_cast<long>(ioctl(0, FIOSETOWN, &owner));
       }},
      {"setrlimit",
       [] {
         const rlimit limit = {0, 0};
         return static_cast<long>(setrlimit(RLIMIT_NPROC, &limit));
       }},
      {"prlimit64 of the front", [] {
         rlimit limit = {0, 0};
         return syscall(SYS_prlimit64, getppid(), RLIMIT_NPROC, nullptr, &limit);
       }}};
  for (const auto& [name, attempt] : attempts) {
    EXPECT_EQ(Try([&] { return ErrnoOf(attempt()); }), EPERM) << name;
  }
}

TEST_F(SandboxTest, CallsNewerThanTheListFailWithEnosys) {
  for (const long number : {451L, 467L, 600L}) {
    EXPECT_EQ(Try([&] { return ErrnoOf(syscall(number, 0, 0, 0, 0)); }), ENOSYS) << number;
  }
#if defined(__x86_64__)
  constexpr long kX32 = 0x40000000;
  EXPECT_EQ(Try([] { return ErrnoOf(syscall(kX32 + SYS_getpid)); }), ENOSYS);
#endif
}

TEST_F(SandboxTest, AllowsNeededSystemCalls) {
  EXPECT_EQ(Try([] { return ErrnoOf(socket(AF_INET, SOCK_STREAM, 0)); }), 0);
  EXPECT_EQ(Try([] { return ErrnoOf(socket(AF_INET6, SOCK_DGRAM, 0)) == EPERM ? EPERM : 0; }), 0);
  EXPECT_EQ(Try([] { return ErrnoOf(socket(AF_NETLINK, SOCK_RAW, 0)); }), 0);
  EXPECT_EQ(Try([] { return ErrnoOf(kill(getpid(), 0)); }), 0);
  EXPECT_EQ(Try([] { return ErrnoOf(fcntl(0, F_GETFL)); }), 0);
  EXPECT_EQ(Try([] {
              cpu_set_t processors;
              if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return errno;
              return ErrnoOf(sched_setaffinity(0, sizeof(processors), &processors));
            }),
            0);
  EXPECT_EQ(Try([] {
              rlimit limit = {};
              return ErrnoOf(getrlimit(RLIMIT_STACK, &limit));
            }),
            0);
  EXPECT_EQ(Try([]() -> int { std::abort(); }), 1000 + SIGABRT);
}

TEST_F(SandboxTest, DropsPrivilegesAndHidesMemory) {
  EXPECT_EQ(Try([] { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }), 1);
  EXPECT_EQ(Try([] { return prctl(PR_GET_SECCOMP, 0, 0, 0, 0); }), 2);
  EXPECT_EQ(Try([] { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0); }), 0);
  EXPECT_EQ(Try([] {
              rlimit limit = {1, 1};
              getrlimit(RLIMIT_CORE, &limit);
              return limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0 : 1;
            }),
            0);
  EXPECT_EQ(Try([] {
              __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
              std::array<__user_cap_data_struct, 2> sets = {};
              if (syscall(SYS_capget, &header, sets.data()) != 0) return errno;
              constexpr uint32_t kReads = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
              return (sets[0].permitted & ~kReads) == 0 && sets[1].permitted == 0 ? 0 : 1;
            }),
            0);
}

TEST_F(SandboxTest, WatchDetectsReplacedFilesButNotWrites) {
  const fs::path hosts = folder / "outside";
  const FileWatch watch({hosts.string(), (folder / "missing").string()});
  EXPECT_FALSE(watch.Replaced());
  std::ofstream(hosts, std::ios::app) << "more";
  std::ofstream(folder / "missing") << "it came";
  EXPECT_FALSE(watch.Replaced());
  std::ofstream(folder / "next") << "another";
  fs::rename(folder / "next", hosts);
  EXPECT_TRUE(watch.Replaced());
  fs::remove(hosts);  // A program may remove a file shortly before it creates the new one.
  EXPECT_FALSE(watch.Replaced());
}

}  // namespace
}  // namespace tarn::engine
