#pragma once

#include <functional>
#include <memory>

#include "base/deadline.h"
#include "base/result.h"
#include "engine/connection/connection_factory.h"
#include "engine/connection/watchdog.h"
#include "engine/views/footer_probe.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Reads the columns of all objects of a dataset and makes one schema of them. The error names an
// object that cannot be read or does not fit the others. Does not change views, so queries do not
// wait for it.
//
// Several threads read objects, each with its own connection, because the latency of the object
// store dominates. Owners take turns, and so do the datasets of each owner, so a small dataset does
// not wait for a large one or for many others. An owner cannot use all threads, so objects that do
// not respond delay only their owner. Every fourth read is for a retry. Retries use at most half of
// the threads.
//
// The prober's database is separate from that of queries and has no caches, so it reads a repaired
// object again. If a dataset fails, the columns of its readable objects are cached for the retry,
// provided that the catalogue has their ETags.
//
// Two more threads read long footers, as many at a time as fit into the memory (ProbeMemory), so
// that many of them delay neither each other beyond their time limits nor short ones.
//
// Thread-safe.
class Prober {
 public:
  using Schema = protocol::DatasetSchema;

  struct Request {
    protocol::ViewSpec view;
    std::string owner = {};
    Duration object_timeout;  // For each object.
    bool is_retry = false;    // The last probe of the dataset failed.
    bool is_first = false;    // See Hurry.
    bool only_etags = false;  // See protocol::Probe.
    // The callbacks run on any thread.

    // Reports the number of objects read, at intervals.
    std::function<void(uint64_t)> on_progress = nullptr;
    // Reports that DuckDB begins or ends to decode the footer of an object.
    std::function<void(uint64_t object, bool has_ended)> on_decoding = nullptr;
    std::function<void(const Result<Schema>&)> on_done;
  };

  Prober(const protocol::Setup& setup, std::shared_ptr<Watchdog> watchdog);
  // Reports no more results. Does not wait for threads that hang.
  ~Prober();

  // Cancels a running probe of the same dataset.
  void Probe(Request request);
  // Reads the dataset before all others if it has few objects. For datasets that a query waits for.
  void Hurry(const std::string& dataset);

 private:
  struct Job;
  struct Read;
  struct State;
  struct Tools;
  // Requires the mutex of the state.
  static void StartThread(const std::shared_ptr<State>& state, bool reads_long_footers);
  static void Loop(const std::shared_ptr<State>& state, bool reads_long_footers);
  // Called before DuckDB decodes a footer.
  static void BeginDecoding(Tools& tools, const Read& read);
  static Result<duck::Connection> Connect(State& state);
  static Result<FooterProbe> OpenFooters(State& state);
  static Result<Schema> Outcome(const State& state, Job& job);
  static Result<FooterProbe::Object> ReadObject(State& state, Tools& tools, Read& read);
  // Uses FooterProbe.
  static Result<FooterProbe::Object> ReadFooter(State& state, Tools& tools, Read& read);
  // Lets DuckDB read the object, because DuckDB's error messages are meant for users.
  static Result<FooterProbe::Object> ReadWithDuckdb(State& state, Tools& tools, const Read& read);

  std::shared_ptr<State> state_;
};

}  // namespace tarn::engine
