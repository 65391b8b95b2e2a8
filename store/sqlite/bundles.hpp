#pragma once

#include "store/bundles.hpp"
#include "store/sqlite/connection.hpp"

namespace hotside::store::sqlite {

class SqliteBundleWrites final : public BundleWrites {
 public:
  explicit SqliteBundleWrites(Connection& db) : db_(db) {}

  Result<std::vector<model::Coin>> coins(std::optional<PublicKey> source, std::size_t limit,
                                         Time now) override;
  Result<std::vector<model::Coin>> coins_of_amount(std::optional<PublicKey> source, Amount amount,
                                                   std::size_t limit, Time now) override;
  Result<Available> available(std::optional<PublicKey> source, Time now) override;
  Result<bool> is_registered(PublicKey const& key) override;
  Result<std::vector<PublicKey>> addresses_of(std::string const& reference) override;

  Result<void> add(NewBundle const& bundle) override;
  Result<std::optional<BundleRow>> bundle(std::string const& id, Time now) override;
  Result<void> release(std::string const& id) override;

  Result<BundleMatch> match(std::span<Hash const> inputs, std::span<model::Payee const> outputs,
                            bool others_beside, Time now) override;
  Result<void> mark_relayed(std::optional<model::RequestId> const& own, Hash const& tx,
                            std::span<Hash const> inputs) override;
  Result<void> settle(std::span<Hash const> spent, Time now) override;

 private:
  Result<void> expire(Time now);
  Result<std::vector<Hash>> reserved_among(std::span<Hash const> ids);
  Result<std::optional<std::int64_t>> row_of(std::string const& id);
  Result<void> add_request(std::int64_t bundle, std::size_t number,
                           model::BundleRequest const& request, Time until);
  // Ends the reservations of a request and leaves it in `state`.
  Result<void> finish(std::int64_t bundle, std::int64_t request, model::BundleState state);
  Result<std::optional<model::RequestId>> request_of(std::span<Hash const> inputs,
                                                     std::span<model::Payee const> outputs);

  Connection& db_;
};

class SqliteBundleReads final : public BundleReads {
 public:
  explicit SqliteBundleReads(Connection& db) : db_(db) {}
  Result<std::vector<BundleRow>> bundles(std::optional<std::int64_t> before, std::size_t limit,
                                         Time now) override;
  Result<std::optional<BundleRow>> bundle(std::string const& id, Time now) override;
  Result<std::vector<UtxoRow>> utxos(UtxoFilter const& filter, std::optional<UtxoKey> after,
                                     std::size_t limit, Time now) override;

 private:
  Connection& db_;
};

}  // namespace hotside::store::sqlite
