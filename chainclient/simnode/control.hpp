#pragma once
// The control port: a line in, a line out ("ok …" or "error …"), in order per connection.

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <string>

#include "chainclient/simnode/runner.hpp"

namespace hotside::simnode {

// "127.0.0.1:0", "[::1]:3145", "localhost:0"
Result<boost::asio::ip::tcp::endpoint> parse_endpoint(boost::asio::io_context& io,
                                                      std::string const& text);

class Control {
 public:
  Control(boost::asio::io_context& io, Runner& runner) : acceptor_(io), runner_(runner) {}
  Result<std::uint16_t> listen(boost::asio::ip::tcp::endpoint const& at);

 private:
  struct Peer;
  void accept();
  void read(std::shared_ptr<Peer> const& peer);

  boost::asio::ip::tcp::acceptor acceptor_;
  Runner& runner_;
};

}  // namespace hotside::simnode
