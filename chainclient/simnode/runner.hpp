#pragma once
// Runs actions on the node's thread, one step at a time, so that sockets are served in between.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "chainclient/simnode/node.hpp"
#include "chainclient/simnode/script.hpp"

namespace hotside::simnode {

class Runner {
 public:
  using Done = std::function<void(Result<std::string>)>;

  Runner(boost::asio::io_context& io, Node& node) : io_(io), node_(node) {}
  // `done` is called on the same thread, maybe before this returns, and never after the io_context
  // has stopped.
  void act(std::string_view line, Done done);
  void play(Script script);

 private:
  struct Running;
  void step(std::shared_ptr<Running> running);
  void next_command();

  boost::asio::io_context& io_;
  Node& node_;
  Script script_;
  std::string scenario_ = "none";
};

}  // namespace hotside::simnode
