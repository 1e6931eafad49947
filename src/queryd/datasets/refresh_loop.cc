#include "queryd/datasets/refresh_loop.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>

#include <chrono>
#include <span>

#include "base/log.h"
#include "base/machine.h"

namespace tarn::queryd {
namespace {

// The most errors of a refresh in the log.
constexpr size_t kErrorsShown = 20;

// After this number of objects and columns, free memory is returned to the system. To receive them
// takes much more memory than to keep them.
constexpr uint64_t kItemsToReturn = 50'000;

// The pause after the catalogue could not be followed.
constexpr auto kFollowAgain = std::chrono::seconds(1);

std::string Join(const std::vector<std::string>& errors) {
  const size_t shown = std::min(errors.size(), kErrorsShown);
  std::string text = fmt::format("{}", fmt::join(std::span(errors).first(shown), "; "));
  if (shown < errors.size()) text += fmt::format("; and {} more", errors.size() - shown);
  return text;
}

}  // namespace

RefreshLoop::RefreshLoop(Registrar& registrar, Metrics& metrics, const Options& options,
                         std::function<void()> before)
    : registrar_(registrar),
      options_(options),
      before_(std::move(before)),
      succeeded_(
          metrics.Counter("tarn_refresh_total", "Refreshes of the views", {{"result", "ok"}})),
      failed_(
          metrics.Counter("tarn_refresh_total", "Refreshes of the views", {{"result", "error"}})),
      seconds_(metrics.Seconds("tarn_refresh_seconds", "The time that a refresh took")),
      datasets_(metrics.Gauge("tarn_datasets", "Datasets that have a view")),
      overwritten_(metrics.Counter("tarn_overwritten_datasets_total",
                                   "Datasets whose objects were overwritten without a change of "
                                   "the catalogue")),
      crashed_(metrics.Gauge("tarn_crashed_datasets",
                             "Versions of datasets that are not read, because reading them ended "
                             "a process")),
      probed_(metrics.Gauge("tarn_datasets_being_read", "Datasets whose objects are being read")),
      waiting_(metrics.Gauge("tarn_datasets_waiting",
                             "New or changed datasets whose objects are to be read")),
      schema_bytes_(metrics.Gauge("tarn_schema_bytes",
                                  "Memory for the names and types of the columns of datasets")),
      warned_(options.warn_again_after) {
  registrar_.OnStatus([this] { ShowProbes(); });
}

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
  stop_.request_stop();
  MutexLock lock(mutex_);
  changed_.notify_all();
  return changed_.wait_until(lock, deadline.At(),
                             [this]() TARN_REQUIRES(mutex_) { return ended_; });
}

bool RefreshLoop::WaitFirst(Deadline deadline) {
  MutexLock lock(mutex_);
  return changed_.wait_until(lock, deadline.At(),
                             [this]() TARN_REQUIRES(mutex_) { return first_done_; });
}

Result<> RefreshLoop::Ready() const {
  const MutexLock lock(mutex_);
  if (!not_ready_.empty()) return Unavailable(not_ready_);
  return {};
}

void RefreshLoop::Loop() {
  for (bool initial = true; !stop_.stop_requested(); initial = false) {
    const Clock::time_point next = Clock::now() + options_.every;
    before_();
    RefreshOnce(initial);
    FollowUntil(next);
  }
  const MutexLock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void RefreshLoop::WaitUntil(Clock::time_point until) {
  MutexLock lock(mutex_);
  changed_.wait_until(lock, until, [this] { return stop_.stop_requested(); });
}

void RefreshLoop::ShowProbes() {
  probed_.Set(static_cast<double>(registrar_.probed_count()));
  waiting_.Set(static_cast<double>(registrar_.waiting_count()));
}

template <class Work>
RefreshResult RefreshLoop::Run(Work work) {
  try {
    RefreshResult result = work();
    items_ += result.items;
    if (items_ >= kItemsToReturn) {
      ReturnFreeMemory();
      items_ = 0;
    }
    return result;
  } catch (const std::exception& e) {
    RefreshResult result;
    result.errors.emplace_back(e.what());
    return result;
  }
}

void RefreshLoop::RefreshOnce(bool initial) {
  const RefreshResult result = Run(
      [this] { return registrar_.Refresh(Deadline::After(options_.timeout), stop_.get_token()); });
  if (stop_.stop_requested()) return;
  Note(result, initial);
}

void RefreshLoop::FollowUntil(Clock::time_point until) {
  while ((registrar_.Follows() || registrar_.IsReading()) && !stop_.stop_requested()) {
    if (!registrar_.Follows()) {
      const RefreshResult result = Run([&] { return registrar_.Collect(options_.timeout); });
      if (result.has_news()) Note(result, false);
      if (Clock::now() >= until) return;
      continue;
    }
    const Clock::time_point start = Clock::now();
    Clock::time_point wake = until;
    if (const auto next_try = registrar_.NextTry()) wake = std::min(wake, *next_try);
    const Duration wait = std::max<Duration>(std::chrono::duration_cast<Duration>(wake - start),
                                             std::chrono::milliseconds(1));
    const RefreshResult result =
        Run([&] { return registrar_.Follow(wait, options_.timeout, stop_.get_token()); });
    if (stop_.stop_requested()) return;
    // The next refresh reports that the catalogue cannot be read.
    if (result.catalog_read && result.has_news()) Note(result, false);
    if (Clock::now() >= until) return;
    if (!result.catalog_read) CollectUntil(std::min(until, Clock::now() + kFollowAgain));
  }
  WaitUntil(until);
}

void RefreshLoop::CollectUntil(Clock::time_point until) {
  while (registrar_.IsReading() && Clock::now() < until && !stop_.stop_requested()) {
    const RefreshResult result = Run([&] { return registrar_.Collect(options_.timeout); });
    if (result.has_news()) Note(result, false);
  }
  WaitUntil(until);
}

void RefreshLoop::Note(const RefreshResult& result, bool initial) {
  (result.errors.empty() ? succeeded_ : failed_).Increment();
  seconds_.Observe(std::chrono::duration<double>(result.took).count());
  datasets_.Set(static_cast<double>(registrar_.dataset_count()));
  crashed_.Set(static_cast<double>(registrar_.crashed_count()));
  schema_bytes_.Set(static_cast<double>(registrar_.schema_bytes()));
  Log(result, initial);

  const bool usable =
      result.catalog_error.empty() && (result.errors.empty() || registrar_.dataset_count() > 0);
  const MutexLock lock(mutex_);
  first_done_ = true;
  changed_.notify_all();
  // Stays ready, because the views work without the catalogue.
  if (usable) {
    not_ready_.clear();
  } else if (!not_ready_.empty()) {
    not_ready_ = "the last refresh failed: " + Join(result.errors);
  }
}

void RefreshLoop::Log(const RefreshResult& result, bool initial) {
  for (const std::string& dataset : result.overwritten) {
    overwritten_.Increment();
    log::Warn("objects were overwritten, reading them again", {{"dataset", dataset}});
  }
  for (const auto& [dataset, note] : result.notes) {
    log::Warn("partitions are not shown", {{"dataset", dataset}, {"reason", note}});
  }
  const bool is_new = warned_.Note(result.errors, Clock::now()) || result.changed();
  if (!result.errors.empty() && is_new) {
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
