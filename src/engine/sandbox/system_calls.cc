#include "engine/sandbox/system_calls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

// The filter has a list of refused calls, not of allowed ones. DuckDB, OpenSSL and the C library
// make some 100 calls, and the set differs between their versions. A call that an allow-list lacks
// would break queries in ways that are hard to diagnose. To refuse unknown calls too, the filter
// refuses all numbers above the newest call that was reviewed.

namespace tarn::engine {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "check the system call numbers of this architecture first"
#endif

// set_mempolicy_home_node of Linux 5.17, the newest call that was reviewed for this list. Programs
// have fallbacks for newer calls, because they also run on older kernels. Numbers from 424 are the
// same on all architectures. This limit also refuses the x32 calls of x86_64, which begin at 2^30.
constexpr uint32_t kLatestKnown = 450;

constexpr uint32_t kRefusedCalls[] = {
    // Programs. A query could otherwise write one into the temporary folder and run it.
    SYS_execve,
    SYS_execveat,
    // The memory and descriptors of other processes, and signals to them. AddConditions() restricts
    // kill and tgkill.
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_process_mrelease,
    SYS_kcmp,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_migrate_pages,
    SYS_move_pages,
    // The scheduling of other processes. AddConditions() restricts sched_setaffinity.
    SYS_setpriority,
    SYS_ioprio_set,
    SYS_sched_setparam,
    SYS_sched_setscheduler,
    SYS_sched_setattr,
    // The user, the limits and the namespaces of the process.
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capset,
    SYS_setrlimit,
    SYS_personality,
    SYS_setns,
    SYS_unshare,
    SYS_setpgid,
    SYS_setsid,
    // Mounts and file handles.
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_fanotify_mark,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_acct,
    SYS_swapon,
    SYS_swapoff,
    // Changes to files that some or all versions of Landlock do not control.
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_fremovexattr,
    SYS_utimensat,
    SYS_mknodat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_truncate,
    // Parts of the kernel that had vulnerabilities and that DuckDB does not need.
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_memfd_secret,
    SYS_remap_file_pages,
    SYS_vmsplice,
    SYS_shmget,
    SYS_shmat,
    SYS_shmctl,
    SYS_semget,
    SYS_semop,
    SYS_semctl,
    SYS_semtimedop,
    SYS_msgget,
    SYS_msgsnd,
    SYS_msgrcv,
    SYS_msgctl,
    SYS_mq_open,
    SYS_mq_unlink,
    SYS_vhangup,
    SYS_lookup_dcookie,
    SYS_nfsservctl,
    // The machine.
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_reboot,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_syslog,
    // Listening. The front creates the sockets of the engine.
    SYS_listen,
    SYS_accept,
    SYS_accept4,
#if defined(__x86_64__)
    // Older forms of these calls, which newer architectures do not have.
    SYS_fork,
    SYS_vfork,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
    SYS_mknod,
    SYS_link,
    SYS_symlink,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_uselib,
    SYS_create_module,
    SYS_get_kernel_syms,
    SYS_query_module,
    SYS__sysctl,
    SYS_sysfs,
    SYS_ustat,
#endif
};

// Calls that fail as if the kernel did not have them. A filter cannot read the flags of clone3,
// which are in memory. The C library then uses clone.
constexpr uint32_t kHiddenCalls[] = {SYS_clone3};

// Builds the filter, a BPF program with one register and forward jumps only.
class Filter {
 public:
  void Refuse(uint32_t call, uint32_t error) {
    Add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    Return(SECCOMP_RET_ERRNO | error);
  }
  // One half of an argument, masked, has one of the allowed values.
  struct Condition {
    unsigned argument;
    uint32_t mask;
    std::vector<uint32_t> allowed;
    bool upper_half = false;
  };
  // Refuses a call unless it meets all conditions.
  void AllowOnly(uint32_t call, const std::vector<Condition>& conditions) {
    std::vector<sock_filter> outer = std::exchange(code_, {});
    for (const Condition& condition : conditions) {
      LoadArgument(condition.argument, condition.upper_half);
      Add(BPF_ALU | BPF_AND | BPF_K, condition.mask);
      const size_t values = condition.allowed.size();
      // Jumps past the other values and the refusal.
      for (size_t i = 0; i < values; ++i) {
        Add(BPF_JMP | BPF_JEQ | BPF_K, condition.allowed[i], static_cast<uint8_t>(values - i), 0);
      }
      Return(SECCOMP_RET_ERRNO | EPERM);
    }
    Return(SECCOMP_RET_ALLOW);
    Surround(call, std::move(outer));
  }
  // Refuses a call unless it meets all conditions of one alternative.
  void AllowOneOf(uint32_t call, const std::vector<std::vector<Condition>>& alternatives) {
    std::vector<sock_filter> outer = std::exchange(code_, {});
    for (const std::vector<Condition>& alternative : alternatives) {
      // Four instructions for each condition. The last one jumps to the next alternative.
      size_t left = 4 * alternative.size() + 1;
      for (const Condition& condition : alternative) {
        LoadArgument(condition.argument, condition.upper_half);
        Add(BPF_ALU | BPF_AND | BPF_K, condition.mask);
        Add(BPF_JMP | BPF_JEQ | BPF_K, condition.allowed.front(), 1, 0);
        left -= 4;
        Add(BPF_JMP | BPF_JA, static_cast<uint32_t>(left));
      }
      Return(SECCOMP_RET_ALLOW);
    }
    Return(SECCOMP_RET_ERRNO | EPERM);
    Surround(call, std::move(outer));
  }
  // Refuses a call if the argument has one of these values.
  void RefuseValues(uint32_t call, unsigned argument, std::initializer_list<uint32_t> values) {
    std::vector<sock_filter> outer = std::exchange(code_, {});
    LoadArgument(argument, false);
    for (const uint32_t value : values) Refuse(value, EPERM);
    Return(SECCOMP_RET_ALLOW);
    Surround(call, std::move(outer));
  }
  void Load(size_t offset) { Add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
  void Return(uint32_t action) { Add(BPF_RET | BPF_K, action); }
  void Add(unsigned code, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0) {
    code_.push_back({static_cast<uint16_t>(code), if_true, if_false, value});
  }
  sock_fprog Program() { return {static_cast<uint16_t>(code_.size()), code_.data()}; }

 private:
  // The kernel uses only the lower half for an int. Both architectures are little-endian.
  void LoadArgument(unsigned argument, bool upper_half) {
    Load(offsetof(seccomp_data, args) + argument * sizeof(uint64_t) +
         (upper_half ? sizeof(uint32_t) : 0));
  }
  // Appends the current code to `outer`, as the code for one call.
  void Surround(uint32_t call, std::vector<sock_filter> outer) {
    const std::vector<sock_filter> inner = std::exchange(code_, std::move(outer));
    Add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, static_cast<uint8_t>(inner.size()));
    code_.insert(code_.end(), inner.begin(), inner.end());
  }

  std::vector<sock_filter> code_;
};

// Allows TCP, UDP, and netlink routes, which the C library reads to look up names. Refuses MPTCP
// and SCTP, because Landlock's rules for TCP do not cover them. Refuses UNIX sockets, because they
// reach any service of the machine; the C library then looks up names without nscd.
void AddSockets(Filter& filter) {
  constexpr uint32_t kAll = 0xFFFFFFFF;
  constexpr auto kType = ~static_cast<uint32_t>(SOCK_CLOEXEC | SOCK_NONBLOCK);
  const auto socket_of = [&](uint32_t family, uint32_t type, uint32_t protocol) {
    return std::vector<Filter::Condition>{
        {0, kAll, {family}}, {1, kType, {type}}, {2, kAll, {protocol}}};
  };
  std::vector<std::vector<Filter::Condition>> sockets;
  for (const uint32_t family : {AF_INET, AF_INET6}) {
    for (const uint32_t protocol : {IPPROTO_IP, IPPROTO_TCP}) {
      sockets.push_back(socket_of(family, SOCK_STREAM, protocol));
    }
    for (const uint32_t protocol : {IPPROTO_IP, IPPROTO_UDP}) {
      sockets.push_back(socket_of(family, SOCK_DGRAM, protocol));
    }
  }
  for (const uint32_t type : {SOCK_RAW, SOCK_DGRAM}) {
    sockets.push_back(socket_of(AF_NETLINK, type, NETLINK_ROUTE));
  }
  filter.AllowOneOf(SYS_socket, sockets);
  // Allows socket pairs, which reach no other process. Threads of libcurl use a pair to wake each
  // other.
  filter.AllowOneOf(SYS_socketpair, {{{0, kAll, {AF_UNIX}}, {1, kType, {SOCK_STREAM}}}});
  // With MSG_FASTOPEN, these calls connect without Landlock's check of connect().
  filter.AllowOnly(SYS_sendto, {{3, MSG_FASTOPEN, {0}}});
  filter.AllowOnly(SYS_sendmsg, {{2, MSG_FASTOPEN, {0}}});
  filter.AllowOnly(SYS_sendmmsg, {{3, MSG_FASTOPEN, {0}}});
}

void AddConditions(Filter& filter) {
  constexpr uint32_t kAll = 0xFFFFFFFF;
  const auto self = static_cast<uint32_t>(getpid());
  // Allows threads, but no processes or namespaces.
  constexpr uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  filter.AllowOnly(SYS_clone, {{0, CLONE_THREAD | kNamespaces, {CLONE_THREAD}}});
  // Allows signals to the process itself, as in abort(), but not to the front, which has the same
  // user.
  filter.AllowOnly(SYS_kill, {{0, kAll, {self}}});
  filter.AllowOnly(SYS_tgkill, {{0, kAll, {self}}});
  // Allows reading the process's own limits: the pointer to new limits is null.
  filter.AllowOnly(SYS_prlimit64, {{0, kAll, {0, self}}, {2, kAll, {0}}, {2, kAll, {0}, true}});
  // Allows setting the processors of the calling thread: id 0.
  filter.AllowOnly(SYS_sched_setaffinity, {{0, kAll, {0}}});
  AddSockets(filter);
  // Refuses input into the terminal of the front. Refuses to set the owner and the signal of a
  // descriptor, because this could send any signal to the front.
  filter.RefuseValues(SYS_ioctl, 1, {TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP});
  filter.RefuseValues(SYS_fcntl, 1, {F_SETOWN, F_SETOWN_EX, F_SETSIG});
  filter.RefuseValues(SYS_prctl, 0,
                      {PR_SET_DUMPABLE, PR_SET_PTRACER, PR_SET_MM, PR_SET_SECUREBITS,
                       PR_CAP_AMBIENT, PR_SET_SYSCALL_USER_DISPATCH});
}

}  // namespace

Result<> FilterSystemCalls() {
  Filter filter;
  filter.Load(offsetof(seccomp_data, arch));
  filter.Add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  filter.Return(SECCOMP_RET_ERRNO | ENOSYS);
  filter.Load(offsetof(seccomp_data, nr));
  filter.Add(BPF_JMP | BPF_JGT | BPF_K, kLatestKnown, 0, 1);
  filter.Return(SECCOMP_RET_ERRNO | ENOSYS);
  for (const uint32_t call : kRefusedCalls) filter.Refuse(call, EPERM);
  for (const uint32_t call : kHiddenCalls) filter.Refuse(call, ENOSYS);
  AddConditions(filter);
  filter.Return(SECCOMP_RET_ALLOW);

  // Without SPEC_ALLOW, kernels before 5.16 slow the process down to protect its memory from
  // foreign code in it. There is no such code: DuckDB does not compile SQL.
  const sock_fprog program = filter.Program();
  const long failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
  if (failed == 0) return {};
  if (failed > 0) return Internal(fmt::format("seccomp: cannot restrict thread {}", failed));
  return Unavailable(fmt::format("seccomp: {}", std::strerror(errno)));
}

}  // namespace tarn::engine
