#include "chainclient/node/translate.hpp"

#include <type_traits>
#include <utility>

namespace hotside::node {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

chain::Status to_status(wire::StatusReply const& reply) {
  return {.is_synchronized = reply.is_synchronized,
          .epoch = reply.epoch,
          .offset = reply.offset,
          .last_block_hash = reply.last_block_hash,
          .last_macro_block_hash = reply.last_macro_block_hash,
          .generation = reply.generation};
}

chain::Unusable to_unusable(wire::BadBlock bad) {
  return {.is_macro = bad.is_macro,
          .epoch = bad.epoch,
          .offset = bad.offset,
          .hash = bad.hash,
          .what = std::move(bad.error.what),
          .reason = std::move(bad.error.reason)};
}

}  // namespace

wire::Request to_request(chain::Ask const& ask) {
  return std::visit(
      Overloaded{[](chain::AskVersion) -> wire::Request { return wire::VersionInfo{}; },
                 [](chain::AskChainName) -> wire::Request { return wire::ChainName{}; },
                 [](chain::AskStatus) -> wire::Request { return wire::StatusInfo{}; },
                 [](chain::AskMacro const& macro) -> wire::Request {
                   return wire::MacroBlockInfo{macro.epoch};
                 },
                 [](chain::AskMicro const& micro) -> wire::Request {
                   return wire::MicroBlockInfo{micro.epoch, micro.offset};
                 },
                 [](chain::AskSubscribe const& from) -> wire::Request {
                   return wire::SubscribeChain{from.epoch, from.offset};
                 }},
      ask);
}

std::optional<chain::Answer> to_answer(wire::NodeMessage message, std::size_t wire_bytes) {
  using Made = std::optional<chain::Answer>;
  return std::visit(
      Overloaded{
          [](wire::VersionReply& reply) -> Made {
            return chain::Version{std::move(reply.version)};
          },
          [](wire::ChainNameReply& reply) -> Made {
            return chain::ChainName{std::move(reply.name)};
          },
          [](wire::StatusReply const& reply) -> Made { return to_status(reply); },
          [](wire::SubscribedReply const&) -> Made { return chain::Subscribed{}; },
          [](wire::MicroBlockMessage& reply) -> Made {
            return chain::MicroSeen{std::move(reply.block)};
          },
          [wire_bytes](wire::MacroBlockMessage& reply) -> Made {
            return chain::MacroSeen{std::move(reply.block), wire_bytes};
          },
          [](wire::ErrorReply& reply) -> Made { return chain::Refused{std::move(reply.text)}; },
          [](wire::BadBlock& bad) -> Made { return to_unusable(std::move(bad)); },
          [](wire::OutputsReply const&) -> Made { return std::nullopt; },
          [](wire::BroadcastReply const&) -> Made { return std::nullopt; },
          [](wire::MicroBlockReverted const&) -> Made { return std::nullopt; },
          [](wire::Ignored const&) -> Made { return std::nullopt; }},
      message.body);
}

std::optional<chain::Notice> to_notice(wire::NodeMessage message, std::size_t wire_bytes) {
  using Made = std::optional<chain::Notice>;
  return std::visit(
      Overloaded{[](wire::StatusReply const& reply) -> Made { return to_status(reply); },
                 [](wire::MicroBlockMessage& notice) -> Made {
                   return chain::MicroSeen{std::move(notice.block)};
                 },
                 [](wire::MicroBlockReverted const& gone) -> Made {
                   return chain::MicroReverted{gone.epoch, gone.offset, gone.hash};
                 },
                 [wire_bytes](wire::MacroBlockMessage& notice) -> Made {
                   return chain::MacroSeen{std::move(notice.block), wire_bytes};
                 },
                 [](wire::BadBlock& bad) -> Made { return to_unusable(std::move(bad)); },
                 // Replies that lost their id, and what is none of our business.
                 [](auto const&) -> Made { return std::nullopt; }},
      message.body);
}

}  // namespace hotside::node
