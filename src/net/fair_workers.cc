#include "net/fair_workers.h"

#include <pthread.h>

namespace tarn::net {

namespace asio = boost::asio;

FairWorkers::FairWorkers(size_t threads, const std::string& name) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      pthread_setname_np(pthread_self(), name.c_str());
      Loop();
    });
  }
}

FairWorkers::~FairWorkers() { Stop(); }

void FairWorkers::Stop() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

size_t FairWorkers::queued() const {
  const MutexLock lock(mutex_);
  return jobs_.size();
}

asio::awaitable<void> FairWorkers::Wait(std::string owner, const std::function<void()>& work) {
  const auto job = std::make_shared<Job>();
  job->work = &work;
  job->wakeup = std::make_shared<Wakeup>(co_await asio::this_coro::executor);
  {
    const MutexLock lock(mutex_);
    jobs_.Push(owner, job);
    changed_.notify_one();
  }
  for (;;) {
    co_await job->wakeup->Wait(Deadline::Never());
    const MutexLock lock(mutex_);
    if (job->is_done) co_return;
  }
}

void FairWorkers::Loop() {
  MutexLock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this]() TARN_REQUIRES(mutex_) { return is_stopping_ || !jobs_.empty(); });
    if (is_stopping_) return;
    const std::shared_ptr<Job> job = jobs_.Pop();
    lock.unlock();
    (*job->work)();
    lock.lock();
    job->is_done = true;
    job->wakeup->Wake();
  }
}

}  // namespace tarn::net
