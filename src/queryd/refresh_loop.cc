#include "queryd/refresh_loop.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>

#include <chrono>
#include <span>

#include "base/log.h"

namespace tarn::queryd {
namespace {

// Of a refresh in which thousands of datasets fail, the log shows so many.
constexpr size_t kErrorsShown = 20;

std::string Join(const std::vector<std::string>& errors) {
  const size_t shown = std::min(errors.size(), kErrorsShown);
  std::string text = fmt::format("{}", fmt::join(std::span(errors).first(shown), "; "));
  if (shown < errors.size()) text += fmt::format("; and {} more", errors.size() - shown);
  return text;
}

}  // namespace

RefreshLoop::RefreshLoop(Registrar& registrar, Metrics& metrics, Duration every, Duration timeout,
                         std::function<void()> before)
    : registrar_(registrar),
      every_(every),
      timeout_(timeout),
      before_(std::move(before)),
      succeeded_(
          metrics.Counter("tarn_refresh_total", "Refreshes of the views", {{"result", "ok"}})),
      failed_(
          metrics.Counter("tarn_refresh_total", "Refreshes of the views", {{"result", "error"}})),
      seconds_(metrics.Seconds("tarn_refresh_seconds", "The time that a refresh took")),
      datasets_(metrics.Gauge("tarn_datasets", "Datasets that have a view")) {}

RefreshLoop::~RefreshLoop() {
  if (thread_.joinable()) {
    Stop(Deadline::Never());
    thread_.join();
  }
}

void RefreshLoop::Start() {
  thread_ = std::thread([this] { Loop(); });
  pthread_setname_np(thread_.native_handle(), "refresh");
}

bool RefreshLoop::Stop(Deadline deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  return changed_.wait_until(lock, deadline.At(), [this] { return ended_; });
}

bool RefreshLoop::WaitFirst(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline.At(), [this] { return first_done_; });
}

Result<> RefreshLoop::Ready() const {
  const std::lock_guard lock(mutex_);
  if (!not_ready_.empty()) return Unavailable(not_ready_);
  return {};
}

void RefreshLoop::Loop() {
  for (bool initial = true;; initial = false) {
    before_();
    RefreshOnce(initial);
    std::unique_lock lock(mutex_);
    if (changed_.wait_until(lock, Deadline::After(every_).At(), [this] { return stopping_; }))
      break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void RefreshLoop::RefreshOnce(bool initial) {
  const auto start = std::chrono::steady_clock::now();
  RefreshResult result;
  try {
    result = registrar_.Refresh(Deadline::After(timeout_));
  } catch (const std::exception& e) {
    result.errors.emplace_back(e.what());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  seconds_.Observe(took.count());
  datasets_.Set(static_cast<double>(registrar_.dataset_count()));
  (result.errors.empty() ? succeeded_ : failed_).Increment();
  Log(result, initial);

  const bool usable =
      result.catalog_read && (result.errors.empty() || registrar_.dataset_count() > 0);
  const std::lock_guard lock(mutex_);
  first_done_ = true;
  changed_.notify_all();
  // Once ready, always ready: the views that are there answer, whatever happens to the catalogue.
  if (usable) {
    not_ready_.clear();
  } else if (!not_ready_.empty()) {
    not_ready_ = "the last refresh failed: " + Join(result.errors);
  }
}

void RefreshLoop::Log(const RefreshResult& result, bool initial) const {
  if (!result.errors.empty()) {
    log::Warn(initial ? "initial refresh failed (will retry)" : "refresh failed",
              {{"created", result.created},
               {"updated", result.updated},
               {"dropped", result.dropped},
               {"skipped", result.skipped},
               {"error", Join(result.errors)}});
  } else if (result.changed()) {
    log::Info("refresh", {{"created", result.created},
                          {"updated", result.updated},
                          {"dropped", result.dropped},
                          {"skipped", result.skipped}});
  }
}

}  // namespace tarn::queryd
