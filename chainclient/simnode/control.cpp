#include "chainclient/simnode/control.hpp"

#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

namespace hotside::simnode {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kLine = 64 * 1024;

Result<tcp::endpoint> parse_endpoint(asio::io_context& io, std::string const& text) {
  auto const colon = text.rfind(':');
  auto const port = colon == std::string::npos ? std::nullopt : parse_u64(text.substr(colon + 1));
  if (!port || *port > 65535)
    return fail(Fault::rejected, "'" + text + "' is no address to listen on (HOST:PORT)");
  auto host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  error_code ec;
  auto const number = static_cast<std::uint16_t>(*port);
  if (auto const address = asio::ip::make_address(host, ec); !ec)
    return tcp::endpoint(address, number);
  tcp::resolver resolver(io);
  auto const found = resolver.resolve(host, std::to_string(number), ec);
  if (ec || found.empty())
    return fail(Fault::rejected, "cannot resolve '" + host + "': " + ec.message());
  return found.begin()->endpoint();
}

struct Control::Peer {
  explicit Peer(tcp::socket from) : socket(std::move(from)) {}
  tcp::socket socket;
  asio::streambuf buffer{kLine};
  std::string answer;
};

Result<std::uint16_t> Control::listen(tcp::endpoint const& at) {
  error_code ec;
  acceptor_.open(at.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(at, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return fail(Fault::transient, "cannot listen for control: " + ec.message());
  accept();
  return acceptor_.local_endpoint(ec).port();
}

void Control::accept() {
  acceptor_.async_accept([this](error_code const& ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted) return;
    if (!ec) read(std::make_shared<Peer>(std::move(socket)));
    accept();
  });
}

void Control::read(std::shared_ptr<Peer> const& peer) {
  asio::async_read_until(peer->socket, peer->buffer, '\n',
                         [this, peer](error_code const& ec, std::size_t size) {
                           if (ec) return;  // gone, or a line without end
                           std::string line(size, '\0');
                           peer->buffer.sgetn(line.data(), static_cast<std::streamsize>(size));
                           line.pop_back();
                           if (split_words(line).empty()) return read(peer);
                           runner_.act(line, [this, peer](Result<std::string> outcome) {
                             peer->answer = outcome ? "ok" : "error";
                             auto const& text = outcome ? *outcome : outcome.error().what;
                             peer->answer += (text.empty() ? "" : " ") + text + "\n";
                             asio::async_write(peer->socket, asio::buffer(peer->answer),
                                               [this, peer](error_code const& failed, std::size_t) {
                                                 if (!failed) read(peer);
                                               });
                           });
                         });
}

}  // namespace hotside::simnode
