#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "base/deadline.h"
#include "base/result.h"
#include "engine/connection_factory.h"
#include "engine/footer_probe.h"
#include "engine/watchdog.h"
#include "protocol/messages.h"

namespace tarn::engine {

// Reads the columns of all objects of a dataset and makes one schema of them, or says which object
// cannot be read or does not fit the others. Changes nothing, so that no query waits for it:
// engine/views.h shows the datasets that passed.
//
// Several threads read the objects, each on a connection of its own: what takes time is the object
// store. Datasets take turns, an object each, so that a small dataset does not wait for a large
// one. Datasets that failed before get half of the threads at most.
//
// It has a database of its own, which keeps nothing of what it has read: an object that was broken
// and is mended under its key is read again, and what queries read is never older than what was
// probed. If an object fails, the columns of the others are kept for the next try, if the catalogue
// names their ETags.
//
// A read by its own client (FooterProbe) ends with the time limit. DuckDB, which reads what that
// client cannot, takes no interrupt while the store is silent: such a read keeps its thread until
// the store or DuckDB's own time limits end it.
//
// Thread-safe.
class Prober {
 public:
  using Schema = protocol::DatasetSchema;

  struct Request {
    protocol::ViewSpec view;
    Duration object_timeout;  // For each object.
    bool is_retry = false;    // It failed before.
    bool only_etags = false;  // See protocol::Probe.
    // Both are called from any thread. The number of objects that were read, every now and then.
    std::function<void(uint64_t)> on_progress = nullptr;
    std::function<void(const Result<Schema>&)> on_done;
  };

  Prober(const protocol::Setup& setup, std::shared_ptr<Watchdog> watchdog);
  // Answers no more. Threads that hang are left alone.
  ~Prober();

  // Ends a probe of the same dataset that still runs, with kCancelled.
  void Probe(Request request);
  // A query waits for the dataset: if it is small, it is read before the others.
  void Hurry(const std::string& dataset);

 private:
  struct Job;
  struct Read;
  struct State;
  struct Tools;
  static void Loop(const std::shared_ptr<State>& state);
  static void Run(State& state, Tools& tools, const Read& read, std::unique_lock<std::mutex>& lock);
  static Result<duck::Connection> Connect(State& state);
  static Result<FooterProbe> OpenFooters(State& state);
  static Result<Schema> Outcome(const State& state, Job& job);
  static Result<FooterProbe::Object> ReadObject(State& state, Tools& tools, const Read& read);
  // One request; see FooterProbe.
  static Result<FooterProbe::Object> ReadFooter(State& state, Tools& tools, const Read& read);
  // By DuckDB alone, whose messages about objects that it cannot read are for people.
  static Result<FooterProbe::Object> ReadWithDuckdb(State& state, Tools& tools, const Read& read);

  const std::shared_ptr<State> state_;
};

}  // namespace tarn::engine
