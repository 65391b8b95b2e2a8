// Payments: made, checked, mined, taken back (stegos-protocol.md 8).

#include <simdjson.h>

#include <fstream>

#include "proto/model/address.hpp"
#include "proto/wire/hash.hpp"
#include "proto/wire/protobuf.hpp"
#include "sim_fixture.hpp"

using namespace hotside;
using namespace hotside::simnode;

namespace {

// A client that pays with own addresses of the node, as a cold wallet would.
struct Payer {
  explicit Payer(Generation generation, std::uint32_t length = 9)
      : node(make_node(generation, length)), client(*node) {
    own = split_words(done(*node, "addresses"));
    for (auto const& hex : split_words(done(*node, "secrets"))) {
      std::string list;
      auto const secret = *Scalar::from_hex(hex);  // `for` would not keep a temporary alive
      for (auto const byte : secret.bytes) list += (list.empty() ? "" : ",") + std::to_string(byte);
      secrets.push_back("[" + list + "]");
    }
  }
  std::string funded(std::int64_t amount) {
    auto id = done(*node, "pay " + own[0] + " " + std::to_string(amount));
    done(*node, "grow");
    return id;
  }
  std::string out(std::size_t to, std::int64_t amount) {
    return R"({"output_type":"public_payment","recipient":")" + own[to] + R"(","amount":)" +
           std::to_string(amount) + "}";
  }
  std::string create(std::string const& inputs, std::string const& outputs, std::int64_t fee,
                     std::size_t key = 0, std::string const& more = "") {
    return client.ask(R"({"type":"create_raw_transaction","txins":[)" + inputs + R"(],"txouts":[)" +
                      outputs + R"(],"secret_key":)" + secrets[key] + R"(,"fee":)" +
                      std::to_string(fee) + more + R"(,"id":4})");
  }
  std::string broadcast_reply(std::string const& created) {
    auto const at = created.find(R"("data":")") + 8;
    return client.ask(R"({"type":"broadcast_transaction","data":")" +
                      created.substr(at, created.find('"', at) - at) + R"(","id":5})");
  }
  std::string verdict(std::string const& created) {  // "" or the rejection
    auto const reply = body_of<wire::BroadcastReply>(*node, broadcast_reply(created));
    return reply.accepted ? "" : reply.error;
  }
  std::string q(std::string const& id) { return '"' + id + '"'; }

  std::unique_ptr<Node> node;
  Client client;
  std::vector<std::string> own, secrets;
};

}  // namespace

TEST_CASE("own1 to own4 are the node's addresses, in the order in which it lists them") {
  auto const node = make_node(Generation::v1_2_2);
  auto const own = split_words(done(*node, "addresses"));
  REQUIRE(own.size() == 4);
  for (std::size_t i = 0; i < own.size(); ++i) {
    auto const id = done(*node, "pay own" + std::to_string(i + 1) + " 5000000");
    done(*node, "grow");
    auto const* output = node->chain().find(*Hash::from_hex(id));
    REQUIRE(output != nullptr);
    CHECK(std::get<wire::RawPublicOutput>(*output).recipient ==
          *model::parse_address(node->style().hrp, own[i]));
  }
  auto const& all = node->chain().public_outputs(*model::parse_address(node->style().hrp, own[0]));
  REQUIRE(all.size() == 1);
  CHECK(done(*node, "spend own1") == all.begin()->hex());
  CHECK(done(*node, "recreate own2").size() == 64);
  done(*node, "award own3 7000000");
  for (auto const* word : {"own", "own0", "own5", "own1x", "own01x", "own-1", "own 1"})
    CHECK(!act(*node, std::string("pay ") + word + " 5"));
}

TEST_CASE("signatures of real nodes hold, and damaged ones do not") {
  std::ifstream recorded(std::string(HS_SOURCE_DIR) +
                         "/tests/vectors/stegos/recorded/v1.2.2/offline.jsonl");
  REQUIRE(recorded);
  std::string data;
  wire::RawOutput input;
  for (std::string line; std::getline(recorded, line);) {
    auto const at = line.find(R"("data":")");
    if (line.find("create_raw_transaction") != std::string::npos && at != std::string::npos)
      data = line.substr(at + 8, line.find('"', at + 8) - at - 8);
  }
  auto const tx = wire::decode_transaction(*from_hex(data));
  REQUIRE(tx.has_value());
  auto payment = std::get<wire::RawPayment>(*tx);
  auto const node = make_node(Generation::dev, 1);
  auto const* spent = node->chain().find(payment.inputs[0]);
  REQUIRE(spent != nullptr);  // the genesis payment of the dev chain
  std::vector<wire::RawOutput> const inputs{*spent};
  CHECK(check_signature(payment, inputs) == Flaw::none);
  auto other = payment;
  other.sig_u.bytes[0] ^= 1;
  CHECK(check_signature(other, inputs) == Flaw::signature);
  other = payment;
  other.fee += 1;
  CHECK(check_signature(other, inputs) == Flaw::balance);
}

TEST_CASE("created, broadcast, mined") {
  auto const generation = GENERATE(Generation::v1_2_2, Generation::dev, Generation::v1_3);
  Payer payer(generation);
  auto const id = payer.funded(50'000);
  auto const created =
      payer.create(payer.q(id), payer.out(1, 40'000) + "," + payer.out(2, 8'000), 2'000);
  CHECK(payer.verdict(created) == "");
  CHECK(payer.verdict(created) == "");  // known already
  CHECK(done(*payer.node, "mempool") == "1");
  done(*payer.node, "grow");
  CHECK(done(*payer.node, "mempool") == "0");
  auto const text = id.substr(0, 12);
  CHECK(payer.verdict(created).ends_with(", utxo=" + text));
  CHECK(payer.verdict(created).starts_with("Missing transaction input: tx="));
  if (generation == Generation::dev) return;
  auto const info =
      payer.client.ask(R"({"type":"public_payment_info","pkey":")" + payer.own[1] + R"(","id":1})");
  CHECK(info.starts_with(
      R"({"type":"public_payment_info","epoch":3,"offset":1,"balance":40000,"outputs":[)" +
      std::string(generation == Generation::v1_3 ? "[\"" : R"({"output_hash":")")));
}

TEST_CASE("every rejection has the node's own text") {
  Payer payer(Generation::v1_2_2);
  auto const id = payer.funded(50'000);
  auto const input = payer.q(id), brief = id.substr(0, 12);
  auto const says = [&](std::string const& created, std::string const& text) {
    auto const verdict = payer.verdict(created);
    INFO(verdict);
    CHECK(verdict.starts_with(text));
  };
  says(payer.create(input, payer.out(1, 49'001), 999), "Transaction fee is too low: tx=");
  says(payer.create(input, payer.out(1, 1'000), 1'000),
       "Transaction error=Invalid monetary balance: tx=");
  says(payer.create(input, payer.out(1, 49'000), 1'000, 1),
       "Transaction error=Invalid signature: tx=");
  says(payer.create(input + "," + input, payer.out(1, 99'000), 1'000),
       "Transaction error=Duplicate input: tx=");
  says(payer.create(input, payer.out(1, 0) + "," + payer.out(1, 48'000), 2'000),
       "Output error=Invalid amount: utxo=");
  says(payer.create("", payer.out(1, 1'000), 1'000), "Transaction error=No inputs: tx=");
  says(payer.create(input, "", 50'000), "");
  CHECK(payer.create(payer.q(std::string(64, '1')), payer.out(1, 1), 1'000)
            .find(R"("error":"Input not found = 111111111111")") != std::string::npos);
  // In the mempool by now: the same input once more, and a transaction that makes what is there.
  says(payer.create(input, payer.out(1, 49'000), 1'000), "Missing transaction input: tx=");
  done(*payer.node, "unsync on");
  CHECK(
      payer.broadcast_reply(payer.create(input, payer.out(1, 49'000), 1'000))
          .starts_with(R"({"type":"error","error":"Can't process transaction - node is not syn)"));
}

TEST_CASE("what is unspent cannot be created again, and size has its limits") {
  Payer payer(Generation::v1_2_2);
  auto const twin = *Hash::from_hex(payer.funded(7'000));
  auto const input = *Hash::from_hex(payer.funded(500'000));
  auto const& chain = payer.node->chain();
  auto const copied = std::get<wire::RawPublicOutput>(*chain.find(twin));
  std::vector<wire::RawOutput> const inputs{*chain.find(input)};
  auto const& key = payer.node->treasury().addresses()[0];
  auto const verdict = [&](std::vector<Wanted> const& outputs, std::int64_t fee) {
    auto const tx =
        payer.node->treasury().make(std::span(&input, 1), inputs, key.secret, outputs, fee);
    REQUIRE(tx.has_value());
    return payer.node->broadcast(wire::RawTransaction(*tx)).value_or("");
  };
  Wanted const again{copied.recipient, copied.amount, false, copied.serno};
  auto const text = verdict({again}, 493'000);
  CHECK(text.starts_with("Output hash collision: tx="));
  CHECK(text.ends_with(", utxo=" + twin.hex().substr(0, 12)));
  CHECK(verdict(std::vector<Wanted>(101, {key.key, 1, false, {}}), 499'899)
            .ends_with(", got_outputs=101, max_outputs=100"));
  CHECK(verdict({again, again}, 486'000).starts_with("Output hash collision: tx="));
}

TEST_CASE("a private output is spent with its own key only") {
  Payer payer(Generation::v1_2_2);
  auto const id = payer.funded(50'000);
  auto const hidden = R"({"output_type":"payment","recipient":")" + payer.own[1] +
                      R"(","amount":49000,"comment":"hello"})";
  auto const created = payer.create(payer.q(id), hidden, 1'000);
  CHECK(payer.verdict(created) == "");
  done(*payer.node, "grow");
  auto const made = created.substr(created.find(R"("txouts":[")") + 11, 64);
  CHECK(payer.create(payer.q(made), payer.out(2, 48'000), 1'000, 0)
            .find("Output error=Failed to decrypt payload: utxo=" + made.substr(0, 12)) !=
        std::string::npos);
  CHECK(payer.verdict(payer.create(payer.q(made), payer.out(2, 48'000), 1'000, 1)) == "");
}

TEST_CASE("a fork keeps, moves or drops what users sent") {
  auto const [mode, at_once, later] = GENERATE(table<std::string, bool, bool>(
      {{"keep", true, true}, {"move", false, true}, {"drop", false, false}}));
  Payer payer(Generation::v1_2_2);
  auto const id = *Hash::from_hex(payer.funded(5'000));
  done(*payer.node, "fork 1 " + mode);
  CHECK((payer.node->chain().find(id) != nullptr) == at_once);
  CHECK(payer.node->chain().view().micros.back()->block.header.view_change == 1);
  done(*payer.node, "grow");
  CHECK((payer.node->chain().find(id) != nullptr) == later);
}

TEST_CASE("an id comes back in a later epoch") {
  Payer payer(Generation::v1_2_2, 4);
  auto const id = payer.funded(5'000);
  CHECK(done(*payer.node, "recreate " + payer.own[0]) == id);
  done(*payer.node, "grow");
  CHECK(payer.node->chain().find(*Hash::from_hex(id)) == nullptr);
  done(*payer.node, "seal");
  done(*payer.node, "grow");
  CHECK(payer.node->chain().find(*Hash::from_hex(id)) != nullptr);
  done(*payer.node, "seal");
}

TEST_CASE("an older output spent and made again in one epoch stands in both lists") {
  Payer payer(Generation::v1_2_2, 4);
  auto const id = *Hash::from_hex(payer.funded(5'000));
  done(*payer.node, "seal");
  done(*payer.node, "recreate " + payer.own[0] + " same-epoch");
  done(*payer.node, "grow 2");
  done(*payer.node, "seal");
  auto const& block = payer.node->chain().view().macros.back()->block;
  CHECK(std::ranges::count(block.inputs, id) == 1);
  CHECK(std::ranges::count_if(block.outputs, [&id](auto const& output) {
          return wire::output_id(output) == id;
        }) == 1);
  CHECK(payer.node->chain().find(id) != nullptr);
}

TEST_CASE("an epoch that made one id twice cannot end, until it is taken back") {
  Payer payer(Generation::v1_2_2, 4);
  payer.funded(5'000);
  done(*payer.node, "recreate " + payer.own[0] + " same-epoch");
  done(*payer.node, "grow 3");
  auto const stuck = act(*payer.node, "seal");
  REQUIRE(!stuck.has_value());
  CHECK(stuck.error().what.starts_with("epoch 3 cannot end"));
  CHECK(payer.node->chain().view().offset() == 4);
  done(*payer.node, "fork 4 drop");
  done(*payer.node, "seal");
}

TEST_CASE("an award stands in the macro block alone, and in its awards") {
  Payer payer(Generation::v1_2_2, 2);
  done(*payer.node, "award " + payer.own[2] + " 3660000000");
  done(*payer.node, "seal");
  auto const text = payer.client.ask(R"({"type":"macro_block_info","epoch":3,"id":1})");
  auto const macro = body_of<wire::MacroBlockMessage>(*payer.node, text).block;
  REQUIRE(macro.payments.size() == 1);
  CHECK(macro.payments[0].amount.value == 3'660'000'000);
  CHECK(text.find(R"("payout":{"recipient":")" + payer.own[2] + R"(","amount":3660000000})") !=
        std::string::npos);
}

TEST_CASE("a macro block can lack what micro blocks showed") {
  Payer payer(Generation::v1_2_2, 4);
  auto const id = *Hash::from_hex(payer.funded(5'000));
  done(*payer.node, "grow 2");
  payer.client.send(R"({"type":"subscribe_chain","epoch":3,"offset":3,"id":1})");
  payer.client.take();
  done(*payer.node, "seal-without " + payer.own[0]);
  CHECK(payer.node->chain().find(id) == nullptr);
  CHECK(labels(*payer.node, payer.client.take()).back() == "macro 3");
}

TEST_CASE("many payments, and spends that leave the address empty") {
  Payer payer(Generation::v1_2_2, 9);
  CHECK(split_words(done(*payer.node, "pay " + payer.own[3] + " 7000 200")).size() == 200);
  CHECK(split_words(done(*payer.node, "pay-many 120")).size() == 120);
  done(*payer.node, "grow");
  auto const key = model::parse_address("dev", payer.own[3]);
  CHECK(payer.node->chain().public_outputs(*key).size() == 200);
  CHECK(split_words(done(*payer.node, "spend " + payer.own[3])).size() == 100);
  CHECK(split_words(done(*payer.node, "spend " + payer.own[3] + " 9000")).size() == 2);
  done(*payer.node, "grow");
  CHECK(payer.node->chain().public_outputs(*key).size() == 99);  // one of them change
}
