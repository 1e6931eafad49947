#pragma once

// An engine in this process, whose tests use its sockets like the front.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/run/socket_pair.h"
#include "engine/views/parquet_folder.h"

namespace tarn::engine {

// A query that runs for minutes.
inline constexpr const char* kEndless =
    "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7";

struct Answer {
  std::string bytes;
  uint64_t rows = 0;
  bool truncated = false;
  std::optional<Error> error;
  Compression compression = Compression::kNone;
  size_t largest_frame = 0;
  std::optional<uint64_t> revision;  // The catalogue revision of the query.
  protocol::Begun begun;

  // Returns the rows, or "error: …".
  std::string Text() const { return error ? "error: " + error->message : bytes; }
};

class EngineTest : public testing::Test {
 protected:
  ParquetFolder folder{testing::TempDir()};
  protocol::Setup setup{.store = protocol::ObjectStore::Folder(folder.path().string()),
                        .threads = 2,
                        .memory_limit = 200'000'000,
                        .plan_cache_entries = 10,
                        // The sandbox would restrict the test program.
                        .sandbox = protocol::SandboxMode::kOff,
                        .log_program = "engine",
                        .log_level = static_cast<int>(log::Level::kError)};
  FrontSocket control;
  std::vector<FrontSocket> slots;
  std::vector<uint64_t> numbers;  // The number of the last query of each slot.
  uint64_t last_ticket = 0;
  uint64_t revision = 0;
  std::unique_ptr<Engine> engine;
  std::thread serving;

  ~EngineTest() override { Stop(); }

  uint64_t last_version = 0;

  std::vector<protocol::ViewSpec> Numbered(std::vector<protocol::ViewSpec> specs) {
    for (protocol::ViewSpec& view : specs) view.version = ++last_version;
    return specs;
  }
  void Open(size_t count = 2) {
    std::vector<int> theirs;
    numbers.assign(count, 0);
    for (size_t i = 0; i < count; ++i) {
      slots.emplace_back();
      theirs.push_back(slots.back().TakeTheirs());
    }
    setup.views = Numbered(std::move(setup.views));
    control.Send(setup);
    Result<std::unique_ptr<Engine>> opened = Engine::Open(control.TakeTheirs(), theirs);
    if (!opened.ok()) throw std::runtime_error(opened.error().message);
    engine = std::move(*opened);
    const auto ready = control.Receive<protocol::Ready>();
    EXPECT_EQ(ready.error, "");
    EXPECT_THAT(ready.version, testing::StartsWith("DuckDB v"));
    serving = std::thread([this] { engine->Serve(); });
  }
  // Closes the control socket, so that Serve returns.
  void Stop() {
    control.Close();
    if (serving.joinable()) serving.join();
    engine = nullptr;
  }

  // Sends a query and returns its number in the slot.
  uint64_t Send(size_t slot, protocol::Query query) {
    query.number = ++numbers[slot];
    slots[slot].Send(query);
    return query.number;
  }
  Answer ReadAnswer(size_t slot) {
    Answer answer;
    for (;;) {
      const auto frame = slots[slot].Read();
      if (!frame) throw std::runtime_error("the slot was closed");
      answer.largest_frame = std::max(answer.largest_frame, frame->payload.size());
      if (frame->type == protocol::FrameType::kBegun) {
        EXPECT_FALSE(answer.revision) << "it begins once";
        EXPECT_EQ(answer.rows, 0U);
        answer.begun = *protocol::FromPayload<protocol::Begun>(frame->payload);
        answer.revision = answer.begun.revision;
      } else if (frame->type == protocol::FrameType::kRows) {
        EXPECT_TRUE(answer.revision);
        const Result<protocol::RowsHeader> header = protocol::ReadRowsHeader(frame->payload);
        if (!header.ok()) throw std::runtime_error(header.error().message);
        EXPECT_GE(header->rows, answer.rows);
        answer.rows = header->rows;
        answer.compression = header->compression;
        answer.bytes += frame->payload.substr(protocol::RowsHeader::kBytes);
      } else if (frame->type == protocol::FrameType::kEnd) {
        const auto end = protocol::FromPayload<protocol::End>(frame->payload);
        EXPECT_EQ(end->rows >= answer.rows, true);
        answer.rows = end->rows;
        answer.truncated = end->truncated;
        return answer;
      } else {
        const auto failed = protocol::FromPayload<protocol::Failed>(frame->payload);
        if (!failed.ok()) throw std::runtime_error(failed.error().message);
        answer.error = Error{static_cast<ErrorKind>(failed->kind), failed->message};
        return answer;
      }
    }
  }
  Answer Run(size_t slot, protocol::Query query) {
    Send(slot, std::move(query));
    return ReadAnswer(slot);
  }
  static protocol::Query Csv(const std::string& sql) {
    return {.sql = sql, .format = Format::kCsv};
  }
  std::string Text(const std::string& sql, size_t slot = 0) { return Run(slot, Csv(sql)).Text(); }

  Result<std::vector<protocol::Column>> Probe(const protocol::ViewSpec& view,
                                              int64_t timeout_ms = 60'000) {
    control.Send(
        protocol::Probe{.ticket = ++last_ticket, .view = view, .object_timeout_ms = timeout_ms});
    const auto probed = control.Receive<protocol::Probed>();
    EXPECT_EQ(probed.ticket, last_ticket);
    if (probed.ok) return probed.schema.columns;
    return Error{static_cast<ErrorKind>(probed.error_kind), probed.error};
  }
  void Apply(std::vector<protocol::ViewSpec> put, std::vector<std::string> drop = {}) {
    control.Send(protocol::ApplyViews{.ticket = ++last_ticket,
                                      .revision = ++revision,
                                      .put = Numbered(std::move(put)),
                                      .drop = std::move(drop)});
    EXPECT_EQ(control.Receive<protocol::ViewsApplied>().ticket, last_ticket);
  }
};

}  // namespace tarn::engine
