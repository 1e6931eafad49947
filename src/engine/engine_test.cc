// Tests the engine over its sockets, like the front.

#include "engine/engine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/log.h"
#include "engine/run/socket_pair.h"
#include "engine/views/parquet_folder.h"

namespace tarn::engine {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A query that runs for minutes.
constexpr const char* kEndless =
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
    EXPECT_THAT(ready.version, StartsWith("DuckDB v"));
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

TEST_F(EngineTest, AnswersInEveryFormat) {
  Open();
  const std::string sql = "SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y' ORDER BY a";
  const auto run = [&](Format format) { return Run(0, {.sql = sql, .format = format}); };
  EXPECT_THAT(run(Format::kJson).bytes, HasSubstr(R"("rows":[[1,"x"],[2,"y"]],"row_count":2})"));
  EXPECT_EQ(run(Format::kNdjson).bytes,
            "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n{\"status\":\"ok\",\"row_count\":2}\n");
  EXPECT_EQ(run(Format::kCsv).bytes, "a,b\r\n1,x\r\n2,y\r\n");
  const Answer arrow = run(Format::kArrow);
  EXPECT_EQ(arrow.rows, 2U);
  EXPECT_EQ(arrow.bytes.substr(0, 4), "\xFF\xFF\xFF\xFF");
  EXPECT_EQ(arrow.bytes.substr(arrow.bytes.size() - 8), std::string("\xFF\xFF\xFF\xFF\0\0\0\0", 8));
}

TEST_F(EngineTest, AppliesParametersAndOptions) {
  Open();
  protocol::Query query = Csv("SELECT $a + 1 AS n");
  query.params = R"({"a":41})";
  EXPECT_EQ(Run(0, query).Text(), "n\r\n42\r\n");
  query.params = R"({"b":41})";
  EXPECT_THAT(Run(0, query).Text(), StartsWith("error: params: "));
  query.params = "{";
  EXPECT_THAT(Run(0, query).Text(), StartsWith("error: params: "));
  const protocol::Query big{.sql = "SELECT 9007199254740993 AS n", .quote_big_numbers = true};
  EXPECT_THAT(Run(0, big).bytes, HasSubstr(R"(["9007199254740993"])"));
  const Answer compressed = Run(
      0, {.sql = "FROM range(1000)", .format = Format::kCsv, .compression = Compression::kGzip});
  EXPECT_EQ(compressed.compression, Compression::kGzip);
  EXPECT_EQ(compressed.bytes.substr(0, 2), "\x1F\x8B");
}

TEST_F(EngineTest, ReportsErrorsAndKeepsTheSlotUsable) {
  Open(1);
  for (const char* sql :
       {"SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0 + 'x'::INTEGER", "SELECT error('no')",
        "DROP VIEW t", "SELECT 1; SELECT 2", "", "SELECT * FROM read_csv('/etc/passwd')"}) {
    const Answer answer = Run(0, Csv(sql));
    ASSERT_TRUE(answer.error) << sql;
    EXPECT_EQ(answer.error->kind, ErrorKind::kInvalidArgument) << sql;
    EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n") << "after " << sql;
  }
}

TEST_F(EngineTest, SendsRowsBeforeALaterError) {
  Open(1);
  const Answer answer =
      Run(0, Csv("SELECT CASE WHEN range < 100000 THEN range ELSE error('no') END AS n "
                 "FROM range(200000)"));
  ASSERT_TRUE(answer.error);
  EXPECT_THAT(answer.error->message, HasSubstr("no"));
  EXPECT_THAT(answer.bytes, StartsWith("n\r\n0\r\n1\r\n"));
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, SendsALargeResultInBoundedFrames) {
  Open(1);
  const Answer answer = Run(0, Csv("SELECT range AS n, repeat('x', 3000) AS t FROM range(3000)"));
  EXPECT_EQ(answer.rows, 3000U);
  EXPECT_EQ(std::count(answer.bytes.begin(), answer.bytes.end(), '\n'), 3001);
  EXPECT_LE(answer.largest_frame, 256U * 1024 + protocol::RowsHeader::kBytes);
  const Answer wide = Run(0, Csv("SELECT repeat('x', 3000000) AS t"));
  EXPECT_EQ(wide.bytes.size(), 3U + 3'000'000 + 2);
  EXPECT_LE(wide.largest_frame, 256U * 1024 + protocol::RowsHeader::kBytes);
}

TEST_F(EngineTest, AppliesTheRowLimitExactly) {
  Open(1);
  for (const uint64_t rows : {1U, 2047U, 2048U, 2049U, 5000U}) {
    for (const auto& [limit, truncated] :
         {std::pair{rows + 1, false}, {rows, false}, {rows - 1, true}, {uint64_t{0}, false}}) {
      if (limit == 0 && truncated) continue;  // 0 is no limit.
      protocol::Query query = Csv(fmt::format("FROM range({})", rows));
      query.row_limit = limit;
      const Answer answer = Run(0, query);
      EXPECT_FALSE(answer.error);
      EXPECT_EQ(answer.truncated, truncated) << rows << " " << limit;
      EXPECT_EQ(answer.rows, truncated ? limit : rows);
      EXPECT_EQ(std::count(answer.bytes.begin(), answer.bytes.end(), '\n'),
                static_cast<std::ptrdiff_t>(answer.rows) + 1);
    }
  }
}

TEST_F(EngineTest, AppliesTheByteLimitBetweenRows) {
  Open(1);
  for (const Format format : {Format::kCsv, Format::kNdjson}) {
    protocol::Query query{.sql = "SELECT range + 1000 AS n FROM range(9000)", .format = format};
    // The limit does not apply to the end of the result.
    const auto rows_of = [](const std::string& bytes) {
      return bytes.substr(0, bytes.find("{\"status\""));
    };
    const std::string whole = rows_of(Run(0, query).bytes);
    for (const size_t limit : {size_t{50}, size_t{1000}, whole.size() - 1, whole.size()}) {
      query.byte_limit = limit;
      const Answer answer = Run(0, query);
      EXPECT_FALSE(answer.error);
      const std::string rows = rows_of(answer.bytes);
      EXPECT_LE(rows.size(), limit);
      EXPECT_EQ(answer.truncated, limit < whole.size());
      EXPECT_TRUE(whole.starts_with(rows));
      EXPECT_EQ(rows.back(), '\n') << "no row is cut";
      // No room was left for the next row.
      EXPECT_GT(rows.size() + 14, std::min(limit, whole.size()));
    }
  }
  // The limit does not apply to the bytes around the rows.
  const protocol::Query json{.sql = "FROM range(1000)", .byte_limit = 1};
  const Answer answer = Run(0, json);
  EXPECT_TRUE(answer.truncated);
  EXPECT_EQ(answer.rows, 0U);
  EXPECT_THAT(answer.bytes, HasSubstr("\"rows\":[]"));
}

TEST_F(EngineTest, CancelsARunningQuery) {
  Open(1);
  for (int i = 0; i < 3; ++i) {
    const uint64_t number = Send(0, Csv(kEndless));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * i));  // Varies the moment.
    control.Send(protocol::Cancel{.slot = 0, .query = number});
    const Answer answer = ReadAnswer(0);
    ASSERT_TRUE(answer.error);
    EXPECT_EQ(answer.error->kind, ErrorKind::kCancelled);
    EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n") << "the next query is not cancelled";
  }
}

TEST_F(EngineTest, AppliesACancelThatArrivesBeforeItsQuery) {
  Open(1);
  control.Send(protocol::Cancel{.slot = 0, .query = 1});
  // Waits until the engine has handled the cancel, which is earlier on the same socket.
  Apply({}, {"nothing"});
  EXPECT_EQ(Run(0, Csv(kEndless)).error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, IgnoresACancelOfAnEndedQuery) {
  Open(2);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
  control.Send(protocol::Cancel{.slot = 0, .query = 1});
  control.Send(protocol::Cancel{.slot = 1, .query = 0});
  control.Send(protocol::Cancel{.slot = 99, .query = 1});
  Apply({}, {"nothing"});
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
  EXPECT_EQ(Text("SELECT 42 AS x", 1), "x\r\n42\r\n");
}

TEST_F(EngineTest, ReportsTheReasonOfAnErrorInMidStream) {
  // DuckDB sometimes loses the reason, more often if its threads are busy.
  constexpr size_t kSlots = 4;
  Open(kSlots);
  std::vector<std::thread> readers;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    readers.emplace_back([this, slot] {
      for (int i = 0; i < 60; ++i) {
        const Answer answer =
            Run(slot, Csv("SELECT CASE WHEN range = 150000 THEN error('late') ELSE range END AS n "
                          "FROM range(300000)"));
        ASSERT_TRUE(answer.error);
        EXPECT_EQ(answer.error->message, "Invalid Input Error: late");
        EXPECT_EQ(answer.error->kind, ErrorKind::kInvalidArgument);
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_F(EngineTest, ASlowReaderBlocksOnlyItsSlot) {
  Open(3);
  Send(0, Csv("FROM range(100000000)"));
  EXPECT_TRUE(slots[0].IsReadable(60'000));  // The test does not read it.
  for (const size_t slot : {1U, 2U, 1U}) EXPECT_EQ(Text("SELECT 42 AS x", slot), "x\r\n42\r\n");
  Apply({}, {"nothing"});  // Changes of views are not blocked either.
  control.Send(protocol::Cancel{.slot = 0, .query = 1});
  EXPECT_EQ(ReadAnswer(0).error->kind, ErrorKind::kCancelled);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, CreatesReplacesAndDropsViews) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  Open();
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  Apply({{"t", {"a.parquet"}}});
  EXPECT_EQ(Text("FROM t"), "id\r\n1\r\n");
  EXPECT_EQ(Text("FROM T", 1), "id\r\n1\r\n");
  Apply({{"t", {"a.parquet", "b.parquet"}}});
  EXPECT_EQ(Text("SELECT sum(id) AS s FROM t"), "s\r\n3\r\n");
  Apply({}, {"t"});
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  Apply({}, {"t"});  // Twice is no error.
}

TEST_F(EngineTest, ReportsTheRevisionOfAQuery) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  setup.revision = 7;
  Open(1);
  EXPECT_EQ(Run(0, Csv("SELECT 1")).revision, 7U);
  revision = 41;
  Apply({{"t", {"a.parquet"}}});
  EXPECT_EQ(Run(0, Csv("FROM t")).revision, 42U);
  Apply({});
  EXPECT_EQ(Run(0, Csv("FROM t")).revision, 43U) << "also where nothing of it has changed";
  EXPECT_EQ(Run(0, {.sql = "FROM t WHERE false", .format = Format::kNdjson}).revision, 43U);
  EXPECT_FALSE(Run(0, Csv("FROM nowhere")).revision);
}

TEST_F(EngineTest, AProbeProcessReportsDecodingOfFooters) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 2 AS id");
  setup.only_probes = true;
  Open(0);
  control.Send(protocol::Probe{
      .ticket = 1, .view = {.name = "t", .keys = {"a.parquet"}}, .object_timeout_ms = 60'000});
  const auto begun = control.Receive<protocol::Decoding>();
  EXPECT_EQ(begun.ticket, 1U);
  EXPECT_EQ(begun.object, 0U);
  EXPECT_FALSE(begun.has_ended);
  EXPECT_TRUE(control.Receive<protocol::Decoding>().has_ended);
  EXPECT_TRUE(control.Receive<protocol::Probed>().ok);
  // A change of views, and a Hurry for a dataset without a probe, are not errors.
  control.Send(protocol::ApplyViews{.ticket = 2});
  control.Send(protocol::Hurry{.dataset = "t"});
  // DuckDB decodes each schema once.
  control.Send(protocol::Probe{
      .ticket = 3, .view = {.name = "t", .keys = {"b.parquet"}}, .object_timeout_ms = 60'000});
  const auto frame = control.Read();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->type, protocol::FrameType::kProbed);
}

TEST_F(EngineTest, AProbeReturnsTheColumnsAndChangesNoView) {
  folder.Write("a.parquet", "SELECT 1 AS id, [{'b c': 1.5::DECIMAL(9, 2)}] AS \"x y\"");
  Open();
  const auto columns = Probe({"t", {"a.parquet"}});
  ASSERT_TRUE(columns.ok()) << columns.error().message;
  EXPECT_THAT(*columns,
              testing::ElementsAre(protocol::Column{"id", "INTEGER"},
                                   protocol::Column{"x y", "STRUCT(\"b c\" DECIMAL(9,2))[]"}));
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  const auto missing = Probe({"t", {"a.parquet", "missing.parquet"}});
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message, HasSubstr("missing.parquet"));
  EXPECT_EQ(Probe({"t", {"a.parquet"}}, 0).error().kind, ErrorKind::kTimeout);
}

// A cached plan must not be used after its views have changed.
TEST_F(EngineTest, PlansFollowChangesOfViews) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  folder.Write("b.parquet", "SELECT 'text' AS name, 2 AS other");
  Open(1);
  Apply({{"t", {"a.parquet"}}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Text("FROM t"), "id\r\n1\r\n");
  Apply({{"t", {"b.parquet"}}});
  EXPECT_EQ(Text("FROM t"), "name,other\r\ntext,2\r\n");
  Apply({}, {"t"});
  EXPECT_THAT(Text("FROM t"), StartsWith("error: "));
  Apply({{"t", {"a.parquet"}}});
  EXPECT_EQ(Text("FROM t"), "id\r\n1\r\n") << "after its failure too";
}

// Two datasets always change together, so a query on both must see the same revision of both.
TEST_F(EngineTest, EachQuerySeesOneRevision) {
  for (int i = 0; i < 4; ++i) {
    folder.Write(std::to_string(i) + ".parquet", fmt::format("SELECT {} AS id", i));
  }
  Open(3);
  const auto pair = [](int i) {
    const std::string key = std::to_string(i % 4) + ".parquet";
    return std::vector<protocol::ViewSpec>{{"a", {key}}, {"b", {key}}};
  };
  Apply(pair(0));
  std::atomic<bool> over = false;
  std::array<std::atomic<int>, 3> asked = {};
  std::vector<std::thread> clients;
  for (size_t slot = 0; slot < slots.size(); ++slot) {
    clients.emplace_back([this, slot, &over, &asked] {
      // Two slots read both datasets. The others read one, so that views are created all the time.
      const std::string sql = slot < 2 ? "SELECT count(*) AS n FROM a JOIN b USING (id)"
                                       : "SELECT count(*) AS n FROM b";
      while (!over) {
        const Answer answer = Run(slot, Csv(sql));
        EXPECT_EQ(answer.Text(), "n\r\n1\r\n");
        ++asked[slot];
      }
    });
  }
  for (int i = 1; i < 300 || *std::min_element(asked.begin(), asked.end()) < 20; ++i) {
    Apply(pair(i));
  }
  over = true;
  for (std::thread& client : clients) client.join();
}

TEST_F(EngineTest, ReportsDependenciesOfAResult) {
  folder.Write("a.parquet", "SELECT TIMESTAMP '2026-01-01' AS day, 1 AS now");
  Open(1);
  Apply({{"t", {"a.parquet"}}, {"u", {"a.parquet"}}});
  Apply({{"U", {"a.parquet"}}});
  const auto reads = [this](const std::string& sql) {
    const Answer answer = Run(0, Csv(sql));
    EXPECT_FALSE(answer.error) << answer.Text();
    if (!answer.begun.is_repeatable) return std::string("more");
    std::string text;
    for (const auto& read : answer.begun.reads) text += read.name + std::to_string(read.version);
    return text;
  };
  EXPECT_EQ(reads("SELECT 1"), "");
  EXPECT_EQ(reads("FROM T"), "t1");
  EXPECT_EQ(reads("SELECT now FROM t"), "t1");
  EXPECT_EQ(reads("WITH t AS (SELECT 1) SELECT * FROM t, query('FROM u')"), "U3");
  EXPECT_EQ(reads("SELECT (SELECT max(day) FROM u) FROM t"), "t1U3");
  for (const std::string sql :
       {"SELECT random()", "SELECT count(*) FROM t WHERE day < now()", "SELECT current_date",
        "SELECT LocalTimestamp FROM t", "SELECT age(day) FROM t", "SELECT uuid() FROM t",
        "FROM t USING SAMPLE 1", "FROM t TABLESAMPLE 10%", "FROM query('SELECT today() FROM t')",
        "WITH c AS (SELECT now() AS x) FROM t, c", "SHOW TABLES", "EXPLAIN FROM t",
        "EXPLAIN ANALYZE FROM t", "FROM information_schema.tables", "FROM duckdb_types()"}) {
    EXPECT_EQ(reads(sql), "more") << sql;
  }
}

TEST_F(EngineTest, ListsDatasetsWithoutReadingObjects) {
  const std::vector<protocol::Column> columns = {{"id", "INTEGER"}, {"x y", "STRUCT(a DATE)[]"}};
  Open(1);
  // The object does not exist yet, because listing the columns does not read it.
  Apply({{.name = "t", .keys = {"a.parquet"}, .schema = {.columns = columns}}});
  EXPECT_EQ(Text("SHOW TABLES"), "name\r\nt\r\n");
  const std::string all =
      "SELECT column_name, data_type FROM information_schema.columns ORDER BY ordinal_position";
  EXPECT_EQ(Text(all), "column_name,data_type\r\nid,INTEGER\r\nx y,STRUCT(a DATE)[]\r\n");
  folder.Write("a.parquet", "SELECT 1 AS id, [{'a': DATE '2026-01-01'}] AS \"x y\"");
  EXPECT_EQ(Text("SELECT id FROM t"), "id\r\n1\r\n") << "and not the outline";
  EXPECT_EQ(Text("SELECT id, (SELECT count(*) FROM information_schema.tables) AS n FROM t"),
            "id,n\r\n1,1\r\n");
  Apply({}, {"t"});
  EXPECT_EQ(Text("SHOW TABLES"), "name\r\n");
}

TEST_F(EngineTest, HasTheViewsOfTheSetUp) {
  folder.Write("a.parquet", "SELECT 1 AS id");
  setup.views = {{"t", {"a.parquet"}}, {"lost", {"missing.parquet"}}};
  Open();
  EXPECT_THAT(Text("SHOW TABLES"), HasSubstr("t\r\n"));
  EXPECT_EQ(Text("SELECT id FROM t"), "id\r\n1\r\n");
  EXPECT_THAT(Text("FROM lost"), StartsWith("error: dataset \"lost\": "));
}

TEST_F(EngineTest, InternalErrorsWithoutConsequencesDoNotReplaceTheProcess) {
  Open(1);
  const std::string answer = Text("FROM repeat_row(1, num_rows := -1)");
  EXPECT_THAT(answer, StartsWith("error: INTERNAL Error: "));
  EXPECT_THAT(answer, Not(HasSubstr("Stack Trace")));
  EXPECT_THAT(answer, Not(HasSubstr("0x")));
  EXPECT_EQ(Text("SELECT 1e999 AS x"), "x\r\nInfinity\r\n");
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
  // The engine has not sent Unhealthy.
  control.Send(protocol::ApplyViews{.ticket = 7, .revision = 1});
  EXPECT_EQ(control.Receive<protocol::ViewsApplied>().ticket, 7U);
}

// Each of these would crash the process, because DuckDB's functions recurse for each level.
TEST_F(EngineTest, RefusesDeepJson) {
  Open(1);
  const std::string deep = "(repeat('[', 300000) || repeat(']', 300000))";
  for (const std::string& sql : std::vector<std::string>{
           "json_contains(" + deep + ", '1')", "json_structure(" + deep + ")",
           "from_json(" + deep + ", '\"JSON\"')", deep + "::JSON::VARIANT",
           "hash(" + deep + "::JSON::VARIANT)", "to_json(" + deep + "::JSON::VARIANT)",
           "json_merge_patch(repeat('{\"a\":', 300000) || '1' || repeat('}', 300000), '{}')",
           "json_extract(" + deep + ", '$[0]')", "json_keys(" + deep + ")"}) {
    EXPECT_THAT(Text("SELECT " + sql), HasSubstr("nested too deep (queryd.json_depth_max)")) << sql;
    EXPECT_THAT(Text("SELECT " + sql + " FROM range(5000)"), StartsWith("error: ")) << sql;
  }
  EXPECT_EQ(Text("SELECT json_valid(" + deep + ") AS x"), "x\r\nfalse\r\n");
  EXPECT_EQ(Text("SELECT json_structure(repeat('[', 900) || repeat(']', 900)) IS NULL AS x"),
            "x\r\nfalse\r\n");
  EXPECT_EQ(Text("SELECT sum(json_array_length('[' || repeat('[],', 1000000) || '[]]')) AS x"),
            "x\r\n1000001\r\n");
}

TEST_F(EngineTest, OutOfMemoryAloneIsAnErrorOfTheQuery) {
  setup.memory_limit = 50'000'000;
  setup.threads = 1;
  Open(1);
  const Answer answer = Run(0, Csv("SELECT count(*) FROM (SELECT range AS r, count(*) FROM "
                                   "range(50000000) GROUP BY r)"));
  ASSERT_TRUE(answer.error);
  EXPECT_THAT(answer.error->message, HasSubstr("Out of Memory"));
  EXPECT_EQ(answer.error->kind, ErrorKind::kInvalidArgument);
  const auto unhealthy = control.Receive<protocol::Unhealthy>();
  EXPECT_EQ(unhealthy.reason, "out of memory");
  EXPECT_FALSE(unhealthy.broken);
  EXPECT_EQ(Text("SELECT 42 AS x"), "x\r\n42\r\n");
}

TEST_F(EngineTest, OutOfMemoryBesideOtherQueriesMayBeRetried) {
  setup.memory_limit = 50'000'000;
  setup.threads = 1;
  Open(2);
  Send(1, Csv("FROM range(100000000)"));
  ASSERT_TRUE(slots[1].IsReadable(60'000));
  const Answer answer = Run(0, Csv("SELECT count(*) FROM (SELECT range AS r, count(*) FROM "
                                   "range(50000000) GROUP BY r)"));
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->kind, ErrorKind::kOutOfMemory);
}

TEST_F(EngineTest, ReportsProgress) {
  folder.Write("a.parquet", "SELECT range AS id FROM range(1000000)");
  Open(2);
  Apply({{"t", {"a.parquet"}}});
  const uint64_t number =
      Send(1, Csv("SELECT count(*) FROM t WHERE length(repeat(md5(id::VARCHAR), 30000)) = id"));
  for (int i = 0; i < 2; ++i) {
    const auto progress = control.Receive<protocol::Progress>();
    EXPECT_EQ(progress.slot, 1U);
    EXPECT_EQ(progress.query, number);
    EXPECT_GE(progress.permille, 0);
    EXPECT_LE(progress.permille, 1000);
  }
}

TEST_F(EngineTest, StopsWithTheFrontDuringQueries) {
  Open(3);
  Send(0, Csv(kEndless));
  Send(1, Csv("FROM range(100000000)"));
  ASSERT_TRUE(slots[1].IsReadable(60'000));
  Stop();
  for (FrontSocket& slot : slots) {
    while (slot.Read()) {
    }
  }
}

TEST_F(EngineTest, ClosesOnlyTheSlotOfAnInvalidMessage) {
  Open(2);
  std::string garbage;
  protocol::AppendFrame(protocol::FrameType::kQuery, "garbage", garbage);
  slots[0].SendBytes(garbage);
  EXPECT_FALSE(slots[0].Read()) << "closed, so the front does not wait";
  EXPECT_EQ(Text("SELECT 42 AS x", 1), "x\r\n42\r\n");
}

TEST(Engine, SendsAStartErrorToTheFront) {
  FrontSocket control;
  control.Send(protocol::Setup{.store = {.root = "s3://lake/", .host = "127.0.0.1:1"},
                               .httpfs_path = __FILE__,
                               .memory_limit = 100'000'000,
                               // The sandbox would restrict the test program.
                               .sandbox = protocol::SandboxMode::kOff});
  const auto engine = Engine::Open(control.TakeTheirs(), {});
  ASSERT_FALSE(engine.ok());
  EXPECT_THAT(control.Receive<protocol::Ready>().error, HasSubstr("load httpfs"));
  EXPECT_FALSE(control.Read());
}

TEST(Engine, RefusesOtherMessagesBeforeTheSetUp) {
  FrontSocket control;
  control.Send(protocol::Cancel{});
  EXPECT_FALSE(Engine::Open(control.TakeTheirs(), {}).ok());
  FrontSocket gone;
  gone.Close();
  EXPECT_FALSE(Engine::Open(gone.TakeTheirs(), {}).ok());
}

}  // namespace
}  // namespace tarn::engine
