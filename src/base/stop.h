#pragma once

#include <thread>

#include "base/result.h"

namespace tarn {

// The error of a command that was stopped before it changed anything.
Error StoppedError();

// Detaches a thread that cannot be stopped. The program must then exit without destroying static
// variables, because the thread may use them.
void LeaveBehind(std::thread thread);
bool IsAnyThreadLeftBehind();

}  // namespace tarn
