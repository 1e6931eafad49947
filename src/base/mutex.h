#pragma once

// A mutex whose use Clang checks (-Wthread-safety,
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html): fields say which mutex guards them,
// functions which mutex they require. GCC ignores all of it.

#include <mutex>

#if defined(__clang__)
#define TARN_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define TARN_THREAD_ANNOTATION(x)
#endif

// A field that is read and written only while the mutex is held.
#define TARN_GUARDED_BY(mutex) TARN_THREAD_ANNOTATION(guarded_by(mutex))
// A function that is called only while the mutex is held.
#define TARN_REQUIRES(...) TARN_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
// A function that is not called while the mutex is held, because it locks it.
#define TARN_EXCLUDES(...) TARN_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
// A function that Clang does not check, with the reason beside it.
#define TARN_NO_THREAD_SAFETY_ANALYSIS TARN_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace tarn {

// std::mutex with annotations.
class TARN_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() TARN_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() TARN_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  bool try_lock() TARN_THREAD_ANNOTATION(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

// Holds a mutex while it lives. unlock() and lock() are for a condition variable
// (std::condition_variable_any), and for work without the mutex in between.
class TARN_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TARN_THREAD_ANNOTATION(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() TARN_THREAD_ANNOTATION(release_capability()) {
    if (is_held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() TARN_THREAD_ANNOTATION(acquire_capability()) {
    mutex_.lock();
    is_held_ = true;
  }
  void unlock() TARN_THREAD_ANNOTATION(release_capability()) {
    is_held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool is_held_ = true;
};

}  // namespace tarn
