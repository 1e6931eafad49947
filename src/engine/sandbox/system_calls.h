#pragma once

// seccomp (seccomp(2)): the system calls that the engine process never needs are taken away.

#include "base/result.h"

namespace tarn::engine {

// For all threads of the process and those to come; needs no_new_privs. Refused calls fail with
// EPERM, and those that came after Linux 6.0 with ENOSYS, as on that kernel. Errors:
// kUnavailable: this kernel does not have it.
Result<> FilterSystemCalls();

}  // namespace tarn::engine
