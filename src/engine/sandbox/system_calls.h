#pragma once

// The seccomp filter (seccomp(2)), which refuses the system calls that the engine never needs.

#include "base/result.h"

namespace tarn::engine {

// Installs the filter for all present and later threads of the process. Needs no_new_privs. Refused
// calls fail with EPERM. Calls that are newer than Linux 6.0 fail with ENOSYS, as on that kernel.
// Error kUnavailable: the kernel has no seccomp.
Result<> FilterSystemCalls();

}  // namespace tarn::engine
