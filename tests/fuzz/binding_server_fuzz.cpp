// Datagrams at a binding server: it answers requests alone, to who sent them, in messages that parse, and never says
// more than it documents.

#include <array>
#include <vector>

#include "fuzz/check.hpp"
#include "fuzz/input.hpp"
#include "ice/stun/binding_server.hpp"
#include "ice/stun/message.hpp"

using namespace ice;
using namespace ice::stun;

namespace {

constexpr std::array<Endpoint, 5> locals = {
    Endpoint{Address::v4(192, 0, 2, 1), 3478},
    Endpoint{Address::v4(192, 0, 2, 1), 3479},
    Endpoint{Address::v4(192, 0, 2, 2), 3478},
    Endpoint{Address::v4(192, 0, 2, 2), 3479},
    Endpoint{Address::v6({0x20, 0x01, 0x0d, 0xb8}), 3478},
};

/// Bytes that get past the header, so that not all time is spent on guessing it.
std::vector<std::uint8_t> with_header(Bytes body, bool classic) {
  std::vector<std::uint8_t> bytes(header_size);
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes.resize(bytes.size() + (4 - bytes.size() % 4) % 4);
  wire::store_u16(bytes.data(), message_type(Method::binding, Class::request));
  wire::store_u16(bytes.data() + 2, static_cast<std::uint16_t>(bytes.size() - header_size));
  wire::store_u32(bytes.data() + 4, classic ? 0x12345678 : magic_cookie);
  return bytes;
}

void check_answer(const Datagram& in, const Transmit& answer, MutableBytes scratch) {
  ICE_FUZZ_CHECK(answer.body.empty() && answer.padding == 0);
  ICE_FUZZ_CHECK(answer.head.data() >= scratch.data() &&
                 answer.head.data() + answer.head.size() <= scratch.data() + scratch.size());
  auto request = Message::parse(in.payload);
  if (!request) request = Message::parse_classic(in.payload);
  ICE_FUZZ_CHECK(request && request->is(Method::binding, Class::request));
  const auto response = request->is_classic() ? Message::parse_classic(answer.head) : Message::parse(answer.head);
  ICE_FUZZ_CHECK(response && response->method() == Method::binding);
  ICE_FUZZ_CHECK(std::equal(in.payload.begin() + 4, in.payload.begin() + header_size, answer.head.begin() + 4));
  ICE_FUZZ_CHECK(answer.to.address == in.from.address && answer.to.port != 0);

  const auto padding = request->get<attr::Padding>();
  const std::size_t allowed = BindingServer::longest_response + (padding ? 4 + padding->size() : 0);
  ICE_FUZZ_CHECK(answer.head.size() <= std::min(allowed, scratch_size));
  ICE_FUZZ_CHECK(response->has<attr::Fingerprint>() == (request->has<attr::Fingerprint>() && !request->is_classic()));
  if (response->has<attr::Fingerprint>()) ICE_FUZZ_CHECK(response->check_fingerprint());
  if (response->message_class() == Class::success_response) {
    const auto mapped =
        request->is_classic() ? response->get<attr::MappedAddress>() : response->get<attr::XorMappedAddress>();
    ICE_FUZZ_CHECK(mapped && mapped->port == in.from.port);
    ICE_FUZZ_CHECK(mapped->address == in.from.address.canonical().without_scope());
    ICE_FUZZ_CHECK(answer.to.port == in.from.port || request->has<attr::ResponsePort>());
  } else {
    ICE_FUZZ_CHECK(response->message_class() == Class::error_response && response->get<attr::ErrorCode>());
    ICE_FUZZ_CHECK(answer.to == in.from && answer.socket == in.socket);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input{{data, size}};
  const std::uint8_t flags = input.number();
  BindingServer server{{.software = (flags & 1) != 0 ? "software" : "",
                        .errors_per_second = (flags & 2) != 0 ? 3U : 1000U,
                        .classic = (flags & 4) == 0,
                        .response_port = (flags & 8) == 0}};
  for (std::uint32_t i = 0; i < locals.size(); ++i) {
    if ((flags & 16) != 0 && i == 3) continue;
    ICE_FUZZ_CHECK(server.add_socket({.socket = SocketId{i},
                                      .local = locals[i],
                                      .transport = (flags & 32) != 0 && i == 4 ? Transport::dtls : Transport::udp}));
  }

  std::array<std::uint8_t, scratch_size> scratch{};
  TimePoint now{};
  std::uint64_t datagrams = 0;
  while (!input.empty()) {
    const std::uint8_t how = input.number();
    now += std::chrono::milliseconds{input.number()};
    Datagram in;
    in.socket = SocketId{static_cast<std::uint32_t>(how % (locals.size() + 1))};  // the last one was never added
    in.from.address = (how & 64) != 0 ? Address::v6({0xfe, 0x80, 1}, 7) : Address::v4(203, 0, 113, 9);
    in.from.port = (how & 128) != 0 ? std::uint16_t{0} : std::uint16_t{40000};
    const Bytes chunk = input.long_chunk();
    const std::vector<std::uint8_t> made =
        (how & 8) != 0 ? std::vector<std::uint8_t>{chunk.begin(), chunk.end()} : with_header(chunk, (how & 16) != 0);
    in.payload = made;
    const Received received = server.handle_datagram(now, in, scratch);
    ++datagrams;
    ICE_FUZZ_CHECK((received.verdict == Verdict::forward) == received.forward.has_value());
    ICE_FUZZ_CHECK(received.verdict != Verdict::application_data && received.verdict != Verdict::unauthenticated);
    if (received.forward) check_answer(in, *received.forward, scratch);
  }
  const BindingServerCounters& c = server.counters();
  ICE_FUZZ_CHECK(c.requests + c.indications + c.malformed + c.not_mine == datagrams);
  ICE_FUZZ_CHECK(c.successes + c.errors + c.errors_suppressed + c.unanswerable == c.requests);
  return 0;
}
