#pragma once

#include <functional>
#include <memory>
#include <vector>

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
// A database of its own, which keeps nothing of what it has read: an object that was broken and is
// mended under its key is tried again, and what queries read is never older than what was probed.
//
// So many at the same time, each on a connection and a thread of its own, which are made when they
// are first needed: what takes time is the object store.
//
// Where its own client reads the objects (FooterProbe), a probe ends with its deadline. DuckDB's
// reads take no interrupt while the store is silent: a probe that hangs in one keeps its
// thread until the store or its client's own time limits end it, and is not answered before; the
// same dataset is not tried again meanwhile, so that it takes one thread at most.
//
// Thread-safe.
class Prober {
 public:
  using Schema = protocol::DatasetSchema;
  using Done = std::function<void(const Result<Schema>&)>;

  Prober(const protocol::Setup& setup, std::shared_ptr<Watchdog> watchdog);
  // Answers no more. Threads that hang are left alone.
  ~Prober();

  // `done` is called from another thread, or from this one.
  void Probe(const protocol::ViewSpec& view, Deadline deadline, Done done);

 private:
  struct Job;
  struct State;
  struct Tools;
  static void Loop(const std::shared_ptr<State>& state);
  static Result<duck::Connection> Connect(State& state);
  static Result<FooterProbe> OpenFooters(State& state);
  static Result<Schema> Run(State& state, Tools& tools, Job& job);
  static Result<Schema> RunWatched(State& state, Tools& tools, Job& job);
  static Result<FooterProbe::Object> ReadObject(State& state, Tools& tools, Job& job,
                                                const std::string& key);
  // One request; see FooterProbe.
  static Result<FooterProbe::Object> ReadFooter(State& state, Tools& tools, Job& job,
                                                const std::string& key);
  // By DuckDB alone, whose messages about objects that it cannot read are for people.
  static Result<FooterProbe::Object> ReadWithDuckdb(State& state, Tools& tools, Job& job,
                                                    const std::string& key);

  const std::shared_ptr<State> state_;
};

}  // namespace tarn::engine
