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

// A list of what is refused, and not of what is allowed: DuckDB, OpenSSL and the C library of the
// machine make some 100 calls, others in each version, and one that is missing in a list breaks a
// query in a way that nobody understands. What an allow-list is better at, keeping out calls that
// nobody thought of, is had by number: all calls that are newer than the list are refused too.

namespace tarn::engine {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the numbers of this architecture's system calls have to be looked at first"
#endif

// set_mempolicy_home_node, of Linux 5.17: what is below was gone through for this list. Newer calls
// have a way without them, since programs meet older kernels. Numbers from 424 on are the same on
// all architectures. Also keeps out the x32 calls of x86_64, whose numbers begin at 2^30.
constexpr uint32_t kLatestKnown = 450;

constexpr uint32_t kRefusedCalls[] = {
    // Programs. Where files could be run, so could what was written into the temporary folder.
    SYS_execve,
    SYS_execveat,
    // Other processes: their memory, their descriptors, signals. (kill and tgkill: see below.)
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
    // How much of the machine other processes get. (sched_setaffinity: see below.)
    SYS_setpriority,
    SYS_ioprio_set,
    SYS_sched_setparam,
    SYS_sched_setscheduler,
    SYS_sched_setattr,
    // Who the process is, and what it may use.
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
    // What files look like from here.
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
    // Changes of files that Landlock does not know, or that old versions of it do not.
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
    // Parts of the kernel that have been ways into it, and that DuckDB has no use for.
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
    // It serves nobody: its sockets are made for it.
    SYS_listen,
    SYS_accept,
    SYS_accept4,
#if defined(__x86_64__)
    // Older forms of the above that newer architectures do not have.
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

// What a program does when it wants to know how it is with a call that is not there: clone3 takes
// its flags in memory, where a filter cannot look, and the C library then uses clone.
constexpr uint32_t kMissing[] = {SYS_clone3};

// Builds the filter, a program for a small machine: one register, jumps forward only.
class Filter {
 public:
  void Refuse(uint32_t call, uint32_t error) {
    Add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    Return(SECCOMP_RET_ERRNO | error);
  }
  // Half of an argument has one of these values, under a mask.
  struct Condition {
    unsigned argument;
    uint32_t mask;
    std::vector<uint32_t> allowed;
    bool upper_half = false;
  };
  // A call that is refused unless all of these are met.
  void AllowOnly(uint32_t call, const std::vector<Condition>& conditions) {
    std::vector<sock_filter> outer = std::exchange(code_, {});
    for (const Condition& condition : conditions) {
      LoadArgument(condition.argument, condition.upper_half);
      Add(BPF_ALU | BPF_AND | BPF_K, condition.mask);
      const size_t values = condition.allowed.size();
      // Past the other values and the refusal.
      for (size_t i = 0; i < values; ++i) {
        Add(BPF_JMP | BPF_JEQ | BPF_K, condition.allowed[i], static_cast<uint8_t>(values - i), 0);
      }
      Return(SECCOMP_RET_ERRNO | EPERM);
    }
    Return(SECCOMP_RET_ALLOW);
    Surround(call, std::move(outer));
  }
  // A call that is refused unless all conditions of one of these lists are met.
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
  // A call that is refused where one of its arguments has one of these values.
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
  // The lower half is all that the kernel takes of an int. Both architectures are little-endian.
  void LoadArgument(unsigned argument, bool upper_half) {
    Load(offsetof(seccomp_data, args) + argument * sizeof(uint64_t) +
         (upper_half ? sizeof(uint32_t) : 0));
  }
  // Makes what is there the case of one call, behind what was there before.
  void Surround(uint32_t call, std::vector<sock_filter> outer) {
    const std::vector<sock_filter> inner = std::exchange(code_, std::move(outer));
    Add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, static_cast<uint8_t>(inner.size()));
    code_.insert(code_.end(), inner.begin(), inner.end());
  }

  std::vector<sock_filter> code_;
};

// TCP, UDP, and netlink's routes, which the C library asks when it looks a name up. Other protocols
// of the same families are not known to Landlock's rules for TCP: MPTCP, SCTP. A UNIX socket could
// be connected to any service of the machine; the C library looks names up without nscd then.
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
  // Both ends are connected, and stay so: threads of libcurl wake each other with them.
  filter.AllowOneOf(SYS_socketpair, {{{0, kAll, {AF_UNIX}}, {1, kType, {SOCK_STREAM}}}});
  // MSG_FASTOPEN connects without the check of connect().
  filter.AllowOnly(SYS_sendto, {{3, MSG_FASTOPEN, {0}}});
  filter.AllowOnly(SYS_sendmsg, {{2, MSG_FASTOPEN, {0}}});
  filter.AllowOnly(SYS_sendmmsg, {{3, MSG_FASTOPEN, {0}}});
}

void AddConditions(Filter& filter) {
  constexpr uint32_t kAll = 0xFFFFFFFF;
  const auto self = static_cast<uint32_t>(getpid());
  // Threads, and no processes and no namespaces.
  constexpr uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  filter.AllowOnly(SYS_clone, {{0, CLONE_THREAD | kNamespaces, {CLONE_THREAD}}});
  // Signals to itself: abort() is one. The front has the same user.
  filter.AllowOnly(SYS_kill, {{0, kAll, {self}}});
  filter.AllowOnly(SYS_tgkill, {{0, kAll, {self}}});
  // Its own limits may be read: the pointer to new ones is null.
  filter.AllowOnly(SYS_prlimit64, {{0, kAll, {0, self}}, {2, kAll, {0}}, {2, kAll, {0}, true}});
  // Which processor a thread of its own runs on: 0 is the one that calls.
  filter.AllowOnly(SYS_sched_setaffinity, {{0, kAll, {0}}});
  AddSockets(filter);
  // Keys pressed into the terminal that the front was started from. Who gets the signals of a
  // descriptor, and which ones: that would be a way to send any signal to the front.
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
  for (const uint32_t call : kMissing) filter.Refuse(call, ENOSYS);
  AddConditions(filter);
  filter.Return(SECCOMP_RET_ALLOW);

  // Without SPEC_ALLOW, kernels before 5.16 slow the whole process down to hide its memory from
  // code of others in it. There is none: SQL is not compiled.
  const sock_fprog program = filter.Program();
  const long failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                              SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
  if (failed == 0) return {};
  if (failed > 0) return Internal(fmt::format("seccomp: thread {} does not take part", failed));
  return Unavailable(fmt::format("seccomp: {}", std::strerror(errno)));
}

}  // namespace tarn::engine
