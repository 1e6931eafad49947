#pragma once

// For the tests: threads that run coroutines, under the names of this folder.

#include "net/test_io.h"

namespace tarn::queryd {

using net::Eventually;
using net::Get;
using net::IoThreads;
using net::IsReady;
using net::kSoon;
using net::Spawn;

}  // namespace tarn::queryd
