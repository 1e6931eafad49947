#pragma once

// Assertions of invariants, also in release builds. A broken invariant is a defect of Tarn. It ends
// the process, because its state can no longer be trusted. For errors that can occur, use Result.

namespace tarn {

// Logs the message with the condition and its place, and aborts.
[[noreturn]] void FailAssertion(const char* condition, const char* message, const char* file,
                                int line);

}  // namespace tarn

// TARN_ASSERT(running_ > 0, "a permit was returned twice");
#define TARN_ASSERT(condition, message) \
  ((condition) ? static_cast<void>(0)   \
               : ::tarn::FailAssertion(#condition, message, __FILE__, __LINE__))
