#include "engine/views/prober_state.h"

#include "engine/views/footer_memory.h"
#include "s3/etag.h"

namespace tarn::engine {
namespace {

// The most objects that are cached for retries. When there are more, all of them are evicted.
constexpr size_t kKeptMax = 200'000;

// The most bytes of encoded schemas in the cache. A schema of 1,000 columns has about 30 KB.
constexpr uint64_t kSchemaCacheBytesMax = 32 * 1024 * 1024;

// Without a memory limit, probes have none either.
uint64_t MemoryLimit(const protocol::Setup& setup) {
  return setup.memory_limit > 0 ? setup.memory_limit : UINT64_MAX;
}

}  // namespace

Prober::State::State(protocol::Setup probe_setup, std::shared_ptr<Watchdog> shared_watchdog)
    : setup(std::move(probe_setup)),
      watchdog(std::move(shared_watchdog)),
      threads_max(std::max<size_t>(setup.probes_max, 1)),
      memory(std::make_shared<ProbeMemory>(MemoryLimit(setup))),
      short_footer_bytes(ProbeMemory::FooterBytes(MemoryLimit(setup) / 2 / threads_max)),
      schemas(
          std::make_shared<SchemaCache>(std::min(kSchemaCacheBytesMax, MemoryLimit(setup) / 8))) {}

std::shared_ptr<Prober::Read> Prober::State::NextLong() {
  for (;;) {
    if (first_long_footer == nullptr) {
      if (long_footers.empty()) return nullptr;
      first_long_footer = long_footers.Pop();
    }
    Read& read = *first_long_footer;
    if (read.job->HasFailed() || !IsCurrent(read.job)) {
      first_long_footer.reset();
      continue;
    }
    std::optional<ProbeMemory::Share> share = memory->TakeForFooter(read.long_footer_bytes);
    if (!share) return nullptr;
    read.memory = std::move(*share);
    read.task = std::make_shared<WatchedTask>(Deadline::After(read.job->request.object_timeout));
    --read.job->waiting_long;
    return std::exchange(first_long_footer, nullptr);
  }
}

std::shared_ptr<Prober::Read> Prober::State::Next() {
  for (;;) {
    Jobs* const turns = Turn();
    if (turns == nullptr) return nullptr;
    const std::shared_ptr<Job> job = turns->Pop(
        [this](const std::string& owner) TARN_REQUIRES(mutex) { return MayRead(owner); });
    if (job == nullptr) return nullptr;
    ++turns_taken;
    if (!job->HasNext()) continue;
    const size_t index = job->next++;
    if (job->HasNext()) turns->Push(job);
    return std::make_shared<Read>(
        Read{.job = job,
             .index = index,
             .task = std::make_shared<WatchedTask>(Deadline::After(job->request.object_timeout))});
  }
}

void Prober::State::CountRead(const Read& read, bool begins) {
  size_t& own = reads_of_owners[read.job->request.owner];
  own += begins ? 1 : -1;
  reads += begins ? 1 : -1;
  if (own == 0) reads_of_owners.erase(read.job->request.owner);
}

bool Prober::State::MayRead(const std::string& owner) const {
  const auto own = reads_of_owners.find(owner);
  return MayUseOneMore(owner, own == reads_of_owners.end() ? 0 : own->second, reads, threads_max);
}

void Prober::State::PutBack(const std::shared_ptr<Read>& read) {
  ++read->job->waiting_long;
  long_footers.Push(read->job->request.owner, read);
  added_long.notify_all();
}

// Caches the objects that were read for a job that failed.
void Prober::State::Keep(Job& job) {
  const protocol::ViewSpec& view = job.request.view;
  if (view.etags.empty() || job.request.only_etags) return;
  for (size_t i = 0; i < job.objects.size(); ++i) {
    if (!job.objects[i] || view.etags[i].empty()) continue;
    if (!s3::IsSameEtag(job.objects[i]->etag, view.etags[i])) continue;
    if (kept.size() >= kKeptMax) kept.clear();
    kept.insert_or_assign(std::string(view.keys[i]),
                          Kept{std::string(view.etags[i]), std::move(*job.objects[i])});
  }
}

void Prober::State::FindKept(Job& job) {
  const protocol::ViewSpec& view = job.request.view;
  if (view.etags.empty()) return;
  for (size_t i = 0; i < view.keys.size(); ++i) {
    const auto found = kept.find(std::string(view.keys[i]));
    if (found == kept.end()) continue;
    if (found->second.etag == view.etags[i]) {
      job.objects[i] = std::move(found->second.object);
      ++job.read;
    }
    kept.erase(found);
  }
}

void Prober::State::Forget(const std::shared_ptr<Job>& job) {
  const auto known = jobs.find(job->name);
  if (known != jobs.end() && known->second == job) jobs.erase(known);
  WaitingOf(*job).Remove(job);
}

void Prober::State::Take(Read& read, Result<FooterProbe::Object> object) {
  Job& job = *read.job;
  if (!object.ok()) return job.Fail(read.index, object.error());
  if (memory->IsFull()) {
    schemas->Clear();
    kept.clear();
  }
  if (memory->IsFull()) return job.Fail(read.index, SchemasMemoryError(setup.memory_limit));
  job.objects[read.index] = std::move(*object);
  ++job.read;
}

}  // namespace tarn::engine
