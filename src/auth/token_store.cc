#include "auth/token_store.h"

#include <algorithm>

#include "base/log.h"

namespace tarn::auth {
namespace {

constexpr auto kCheckInterval = std::chrono::seconds(1);

}  // namespace

TokenStore::TokenStore(std::string path, Metrics& metrics)
    : path_(std::move(path)),
      reloaded_(metrics.Counter("tarn_token_reloads_total", "Reloads of the token file",
                                {{"result", "ok"}})),
      failed_(metrics.Counter("tarn_token_reloads_total", "Reloads of the token file",
                              {{"result", "error"}})),
      dummy_token_(MakeToken({}).token) {}

Result<std::unique_ptr<TokenStore>> TokenStore::Open(const std::string& path, Metrics& metrics) {
  std::unique_ptr<TokenStore> store(new TokenStore(path, metrics));
  const MutexLock lock(store->mutex_);
  store->stamp_ = store->StampOf();
  store->checked_at_ = Clock::now();
  TARN_TRY(store->table_, store->Read());
  return store;
}

Result<std::unique_ptr<TokenStore>> TokenStore::Open(const AuthSettings& settings,
                                                     Metrics& metrics) {
  if (settings.tokens_path.empty()) return std::unique_ptr<TokenStore>();
  Result<std::unique_ptr<TokenStore>> store = Open(settings.tokens_path, metrics);
  if (!store.ok()) return store.error().Wrap("auth.tokens_path");
  return store;
}

TokenStore::Stamp TokenStore::StampOf() const {
  struct stat status = {};
  if (stat(path_.c_str(), &status) != 0) return {};
  return {.inode = status.st_ino,
          .size = status.st_size,
          .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

Result<std::shared_ptr<const TokenStore::Table>> TokenStore::Read() const {
  TARN_TRY(std::vector<Token> tokens, ReadTokenFile(path_));
  const auto may_query = [](const Token& token) { return token.identity.roles.Has(Role::kQuery); };
  const bool is_sole = std::count_if(tokens.begin(), tokens.end(), may_query) == 1;
  auto table = std::make_shared<Table>();
  for (Token& token : tokens) {
    token.identity.is_sole_query_token = is_sole && may_query(token);
    auto identity = std::make_shared<const Identity>(token.identity);
    std::string id = token.id;
    table->emplace(std::move(id), Entry{std::move(token), std::move(identity)});
  }
  return std::shared_ptr<const Table>(std::move(table));
}

std::shared_ptr<const TokenStore::Table> TokenStore::Current() {
  const MutexLock lock(mutex_);
  const auto now = Clock::now();
  if (now - checked_at_ < kCheckInterval) return table_;
  checked_at_ = now;
  // Read before the file, so that a concurrent change is noticed by the next check.
  const Stamp stamp = StampOf();
  if (stamp == stamp_) return table_;
  stamp_ = stamp;
  Result<std::shared_ptr<const Table>> table = Read();
  if (table.ok()) {
    table_ = std::move(*table);
    reloaded_.Increment();
    log::Info("tokens loaded", {{"tokens", uint64_t{table_->size()}}});
  } else {
    failed_.Increment();
    log::Warn("cannot read the tokens, keeping the former ones",
              {{"error", table.error().message}});
  }
  return table_;
}

std::shared_ptr<const Identity> TokenStore::Find(std::string_view token) {
  TokenText parts;
  if (!SplitToken(token, parts)) return nullptr;
  const std::shared_ptr<const Table> table = Current();
  const auto found = table->find(std::string(parts.id));
  // Unknown ids take the same time as known ones.
  const bool known = found != table->end();
  const bool matches = Matches(known ? found->second.token : dummy_token_, parts.secret);
  return known && matches ? found->second.identity : nullptr;
}

}  // namespace tarn::auth
