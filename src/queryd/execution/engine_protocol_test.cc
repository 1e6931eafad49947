// The front's protection against an engine process that was taken over. A script plays its part.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "queryd/execution/duckdb_engine.h"
#include "queryd/execution/engine_supervisor.h"
#include "queryd/query/query_service.h"
#include "queryd/query/test_io.h"

namespace tarn::queryd {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using protocol::FrameType;
using protocol::ToFrame;
using testing::HasSubstr;

asio::awaitable<Result<std::string>> AnswerOf(QueryService& service, Statement request) {
  Result<QueryHandle> handle = co_await service.Open(request, RandomId(), auth::Anonymous());
  if (!handle.ok()) co_return handle.error();
  Result<ResultStream> result = co_await service.Run(request, std::move(*handle));
  if (!result.ok()) co_return result.error();
  Result<std::string> bytes = co_await result->Next();
  co_return bytes;
}

class EngineProtocolTest : public testing::Test {
 protected:
  const fs::path folder = fs::path(testing::TempDir()) / ("tarn-protocol-" + RandomId());
  Metrics metrics;
  IoThreads io{2};
  std::unique_ptr<EnginePool> engines;
  std::unique_ptr<DuckDbEngine> duckdb;
  std::unique_ptr<QueryService> service;
  std::shared_ptr<EngineSupervisor> probes;

  EngineProtocolTest() { fs::create_directories(folder); }
  ~EngineProtocolTest() override {
    if (probes != nullptr) probes->Stop();
    if (engines != nullptr) engines->Stop();
    fs::remove_all(folder);
  }

  void WriteFile(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
  std::string ReadFile(const std::string& name) const {
    std::ifstream stream(folder / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // The options of an engine with one slot. Its program consists of these lines of shell. 3 is the
  // control socket, 4 the socket of the slot.
  EngineOptions OptionsOf(const std::string& lines) const {
    const fs::path program = folder / "program";
    std::ofstream(program) << fmt::format("#!/bin/bash\ncd {}\n{}", folder.string(), lines);
    chmod(program.c_str(), 0700);
    EngineOptions options;
    options.program = program.string();
    options.setup.memory_limit = 1'000'000;
    options.credentials = []() -> Result<protocol::Credentials> { return protocol::Credentials{}; };
    options.slots = 1;
    options.start_interval = Duration::zero();
    return options;
  }

  // Starts an engine with one slot, which sends these bytes as the answer to the first query, or
  // before it. It ends when the front closes its sockets.
  void Open(const std::string& answer, const std::string& control = {}, bool waits = true) {
    WriteFile("control", ToFrame(protocol::Ready{.version = "fake"}) + control);
    WriteFile("answer", answer);
    // The shell itself must wait, because a child would keep the sockets open after its end.
    OpenWith(OptionsOf(std::string(waits ? "cat control >&3\nread -r -N 1 <&4\ncat answer >&4"
                                         : "cat answer >&4\ncat control >&3") +
                       "\nexec cat <&3 >/dev/null\n"));
  }
  void OpenWith(const EngineOptions& options) {
    engines = std::make_unique<EnginePool>(io.io(), options, EnginePool::Limits{}, metrics);
    service = nullptr;
    duckdb = std::make_unique<DuckDbEngine>(*engines, Quarantine::Limits{}, metrics);
    service = std::make_unique<QueryService>(
        *duckdb,
        QueryService::Options{
            .admission = {.running_max = 1, .queue_max = 10, .queue_timeout = kSoon},
            .limits = {.timeout = kSoon},
            .whole_bytes_max = 1'000'000,
            .history_max = 10},
        metrics);
    const Result<> opened = engines->Open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }

  // A process that reads footers. It sends the file "answer" when there is a file "go", and keeps
  // its messages in the file "read-PID".
  void OpenProbes() {
    WriteFile("control", ToFrame(protocol::Ready{.version = "fake"}));
    EngineOptions options = OptionsOf(
        "cat control >&3\nuntil [ -e go ]; do sleep 0.01; done\ncat answer >&3\n"
        "exec cat <&3 >read-$$\n");
    options.setup.only_probes = true;
    options.slots = 0;
    probes = std::make_shared<EngineSupervisor>(io.io(), options, metrics);
    const Result<> opened = probes->Open();
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }
  PendingProbe Probe(const std::string& name) {
    return std::move(
        probes->Probe({{{name, {"one.parquet"}}, kSoon}}, Deadline::After(kSoon)).front());
  }
  bool Replace() {
    const pid_t former = probes->CurrentPid();
    probes->Replace("test");
    return Eventually([&] {
      const pid_t pid = probes->CurrentPid();
      return pid > 0 && pid != former;
    });
  }

  std::string AnswerText() {
    Statement request{.sql = "SELECT 1", .format = Format::kCsv};
    request.limits.timeout = kSoon;
    auto answer = Spawn(io.NewStrand(), AnswerOf(*service, request));
    const Result<std::string> result = Get(answer);
    return result.ok() ? *result : "error: " + result.error().message;
  }

  double ProtocolErrors() {
    return metrics
        .Counter("tarn_engine_protocol_errors_total",
                 "Messages of engine processes that could not be read")
        .Value();
  }
};

std::string Rows(std::string_view bytes) {
  return protocol::RowsFrameHeader({.rows = 1}, bytes.size()).append(bytes);
}

std::string HeaderAlone(FrameType type, size_t bytes) {
  std::string header;
  protocol::AppendFrameHeader(type, bytes, header);
  return header;
}

const std::string& Unreadable() {
  static const std::string kText = "error: the engine process sent an answer that cannot be read";
  return kText;
}

TEST_F(EngineProtocolTest, AnAnswerInOrderArrives) {
  Open(ToFrame(protocol::Begun{}) + Rows("x\n") + ToFrame(protocol::End{.rows = 1}));
  EXPECT_EQ(AnswerText(), "x\n");
  EXPECT_EQ(ProtocolErrors(), 0);
}

TEST_F(EngineProtocolTest, ALongMessageIsCut) {
  Open(ToFrame(protocol::Failed{.message = std::string(20'000, 'x')}));
  EXPECT_EQ(AnswerText().size(), std::string_view("error: ").size() + protocol::kErrorBytesMax);
  EXPECT_EQ(ProtocolErrors(), 0);
}

// Each of these needs a process of its own, because it ends the process.
struct BadAnswer {
  const char* name;
  std::string bytes;
};
class EngineProtocolBadTest : public EngineProtocolTest,
                              public testing::WithParamInterface<BadAnswer> {};

TEST_P(EngineProtocolBadTest, IsAnErrorOfItsQueryAndEndsTheProcess) {
  Open(GetParam().bytes);
  const pid_t former = engines->first().CurrentPid();
  EXPECT_EQ(AnswerText(), Unreadable());
  EXPECT_EQ(ProtocolErrors(), 1);
  EXPECT_TRUE(Eventually([&] {
    const pid_t pid = engines->first().CurrentPid();
    return pid > 0 && pid != former;
  }));
}

std::vector<BadAnswer> BadAnswers() {
  const std::string begun = ToFrame(protocol::Begun{});
  const std::string end = ToFrame(protocol::End{});
  std::string bad_compression = Rows("x");
  bad_compression[protocol::kFrameHeaderBytes + protocol::RowsHeader::kBytes - 1] = '\x09';
  return {{"LargeRows", begun + HeaderAlone(FrameType::kRows, size_t{1} << 30)},
          {"LargeFailure", HeaderAlone(FrameType::kFailed, size_t{256} << 20)},
          {"TypeOfTheControlSocket", HeaderAlone(FrameType::kProbed, 10)},
          {"TypeOfTheFront", HeaderAlone(FrameType::kSetup, size_t{1} << 30)},
          {"UnknownType", HeaderAlone(FrameType{77}, 1)},
          {"UnknownErrorKind", ToFrame(protocol::Failed{.kind = 99})},
          {"UnknownCompression", begun + bad_compression},
          {"RowsBeforeTheBeginning", Rows("x")},
          {"EndBeforeTheBeginning", end},
          {"TwoBeginnings", begun + begun + end},
          {"NoCbor", begun + HeaderAlone(FrameType::kEnd, 3) + "abc"}};
}

INSTANTIATE_TEST_SUITE_P(Engine, EngineProtocolBadTest, testing::ValuesIn(BadAnswers()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(EngineProtocolTest, BytesAfterTheEndAreAnErrorOfTheSlot) {
  const std::string whole =
      ToFrame(protocol::Begun{}) + Rows("x\n") + ToFrame(protocol::End{.rows = 1});
  Open(whole + "y");
  EXPECT_EQ(AnswerText(), "error: more bytes follow the end of a query");
  EXPECT_EQ(ProtocolErrors(), 1);
}

// The query may have taken over the process.
TEST_F(EngineProtocolTest, AQueryWhoseAnswersCannotBeReadIsRefused) {
  const std::string whole =
      ToFrame(protocol::Begun{}) + Rows("x\n") + ToFrame(protocol::End{.rows = 1});
  for (const std::string& answer : {ToFrame(protocol::Begun{}) + whole, whole + "y"}) {
    Open(answer);
    const std::string first = AnswerText();
    EXPECT_THAT(first, testing::AnyOf(Unreadable(), HasSubstr("more bytes follow")));
    EXPECT_EQ(AnswerText(), first) << "in a process of its own";
    EXPECT_THAT(AnswerText(), HasSubstr("error: this query ended or broke two engine processes"));
    engines->Stop();
  }
}

// With less memory, a query that fits beside others could fail in the isolated process.
TEST_F(EngineProtocolTest, AnIsolatedProcessHasTheWholeMemoryLimit) {
  WriteFile("control", ToFrame(protocol::Ready{.version = "fake"}));
  const std::string whole =
      ToFrame(protocol::Begun{}) + Rows("x\n") + ToFrame(protocol::End{.rows = 1});
  WriteFile("answer", whole + "y");
  OpenWith(
      OptionsOf("bytes=$(head -c 4 <&3 | od -An -tu4)\n"
                "head -c $((bytes + 1)) <&3 >setup-$$\n"
                "cat control >&3\nread -r -N 1 <&4\ncat answer >&4\nexec cat <&3 >/dev/null\n"));
  EXPECT_THAT(AnswerText(), HasSubstr("more bytes follow"));
  WriteFile("answer", whole);
  EXPECT_EQ(AnswerText(), "x\n") << "in a process of its own";
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_isolated_starts_total 1\n"));
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("setup-")) continue;
    const std::string frame = ReadFile(name);  // Without its length.
    if (frame.empty()) continue;               // The process is starting.
    const auto setup = protocol::FromPayload<protocol::Setup>(frame.substr(1));
    if (!setup.ok() || setup->only_probes) continue;
    EXPECT_EQ(setup->memory_limit, 1'000'000U) << name;
  }
}

// The front ended the process for a reason other than the footer that it was decoding.
TEST_F(EngineProtocolTest, ADatasetIsASuspectOnlyIfItsProcessEndedByItself) {
  for (const bool is_replaced : {false, true}) {
    const uint64_t ticket = is_replaced ? 2 : 1;
    WriteFile("answer", ToFrame(protocol::Decoding{.ticket = ticket}) +
                            ToFrame(protocol::ProbeProgress{.ticket = ticket, .objects_read = 1}));
    fs::remove(folder / "go");
    OpenProbes();
    PendingProbe in_first;
    if (is_replaced) {
      in_first = Probe("u");
      ASSERT_TRUE(Replace());
    }
    PendingProbe probe = Probe("t");
    WriteFile("go", "");
    ASSERT_TRUE(Eventually([&] { return *probe.objects_read == 1; }));
    if (is_replaced) {
      ASSERT_TRUE(Replace()) << "and only one may drain";
    } else {
      kill(probes->CurrentPid(), SIGSEGV);
    }
    const auto answer = Get(probe.answer);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
    EXPECT_EQ(probe.suspect_object(), is_replaced ? PendingProbe::kNoObject : 0U);
    probes->Stop();
  }
}

// The names come from processes that run queries.
// The first process runs out of memory, in both of the ways in which one can.
TEST_F(EngineProtocolTest, AQueryOfAnExhaustedProcessRunsInTheNextOne) {
  WriteFile("control", ToFrame(protocol::Ready{.version = "fake"}));
  WriteFile("failed", ToFrame(protocol::Failed{.kind = static_cast<int>(ErrorKind::kOutOfMemory),
                                               .message = "Out of Memory Error",
                                               .has_exhausted_memory = true}));
  WriteFile("answer", ToFrame(protocol::Begun{}) + Rows("x\n") + ToFrame(protocol::End{.rows = 1}));
  for (const std::string end : {"cat failed >&4", "exit 77"}) {
    fs::remove(folder / "exhausted");
    OpenWith(
        OptionsOf("cat control >&3\nread -r -N 1 <&4\n"
                  "if [ -e exhausted ]; then cat answer >&4; else >exhausted; " +
                  end + "; fi\nexec cat <&3 >/dev/null\n"));
    EXPECT_EQ(AnswerText(), "x\n") << end;
    EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_isolated_starts_total 0\n")) << end;
  }
}

TEST_F(EngineProtocolTest, AQueryThatExhaustsEachProcessFailsInOneOfItsOwn) {
  Open(ToFrame(protocol::Failed{.kind = static_cast<int>(ErrorKind::kOutOfMemory),
                                .message = "Out of Memory Error",
                                .has_exhausted_memory = true}));
  Statement request{.sql = "SELECT 1", .format = Format::kCsv};
  request.limits.timeout = kSoon;
  auto answer = Spawn(io.NewStrand(), AnswerOf(*service, request));
  const Result<std::string> result = Get(answer);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(result.error().message, "Out of Memory Error");
  EXPECT_THAT(metrics.Render(), HasSubstr("tarn_engine_isolated_starts_total 1\n"));
}

TEST_F(EngineProtocolTest, OnlyDatasetsThatAreProbedAreHurried) {
  constexpr size_t kMany = 20'000;
  WriteFile("answer", "");
  WriteFile("go", "");
  OpenProbes();
  const pid_t pid = probes->CurrentPid();
  const std::string read = fmt::format("read-{}", pid);
  const PendingProbe probe = Probe("probed");
  probes->Hurry("another");
  probes->Hurry("Probed");
  const std::string hurry = ToFrame(protocol::Hurry{.dataset = "Probed"});
  EXPECT_TRUE(Eventually([&] { return ReadFile(read).find(hurry) != std::string::npos; }));
  EXPECT_EQ(ReadFile(read).find("another"), std::string::npos);
  kill(pid, SIGSTOP);
  for (size_t i = 0; i < kMany; ++i) probes->Hurry("Probed");
  const PendingProbe last = Probe("last_one");
  kill(pid, SIGCONT);
  ASSERT_TRUE(Eventually([&] { return ReadFile(read).find("last_one") != std::string::npos; }));
  EXPECT_LT(ReadFile(read).size(), kMany * hurry.size()) << "most of them were dropped";
}

// Bytes that arrive before a query cannot be its answer.
TEST_F(EngineProtocolTest, BytesBeforeAQueryAreAnErrorOfTheSlot) {
  Open(ToFrame(protocol::Begun{}) + Rows("x\n") + ToFrame(protocol::End{.rows = 1}), "",
       /*waits=*/false);
  EXPECT_THAT(AnswerText(), HasSubstr("error: "));
  EXPECT_GT(ProtocolErrors(), 0);
}

TEST_F(EngineProtocolTest, ABadMessageOnTheControlSocketEndsTheProcess) {
  for (const std::string& bad :
       {HeaderAlone(FrameType::kProbed, size_t{256} << 20), HeaderAlone(FrameType::kRows, 10),
        HeaderAlone(FrameType::kProgress, 3) + "abc"}) {
    const double before = ProtocolErrors();
    Open("", bad);
    EXPECT_TRUE(Eventually([&] { return ProtocolErrors() > before; }));
    engines->Stop();
  }
}

}  // namespace
}  // namespace tarn::queryd
