#pragma once

#include <memory>

#include "engine/connection_factory.h"
#include "engine/engine.h"

namespace tarn::engine {

// The engine on DuckDB, in this process.
//
// A fixed number of worker threads, each with a connection of its own, take queries from a
// bounded FIFO queue; views are changed on one more (see ViewWriter); a watchdog interrupts what
// was cancelled or is past its deadline.
//
// The destructor cancels everything and waits for its threads.
class DuckEngine : public Engine {
 public:
  static Result<std::unique_ptr<DuckEngine>> Open(const EngineOptions& options);
  ~DuckEngine() override;

  std::unique_ptr<QueryStream> Execute(QueryRequest request) override;
  Result<> PutView(const ViewSpec& view, Deadline deadline) override;
  Result<> DropView(const std::string& name, Deadline deadline) override;
  std::string Version() const override;
  void CancelAll() override;
  bool WaitIdle(Deadline deadline) override;

 private:
  class State;
  explicit DuckEngine(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace tarn::engine
