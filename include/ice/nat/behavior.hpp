#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ice/base/address.hpp"
#include "ice/base/endpoint.hpp"
#include "ice/base/export.hpp"
#include "ice/base/time.hpp"

namespace ice::nat {

/// What the external endpoint of an internal one depends on (RFC 4787 §4.1).
enum class Mapping : std::uint8_t {
  unknown,
  endpoint_independent,        ///< one for all remotes; also where nothing is translated (RFC 5780 §4.3)
  address_dependent,           ///< one for each remote address
  address_and_port_dependent,  ///< one for each remote address and port
  endpoint_dependent,          ///< one of the two before: no server was asked at two ports
};

/// Who may send to an external endpoint (RFC 4787 §5).
enum class Filtering : std::uint8_t {
  unknown,
  endpoint_independent,        ///< everybody
  address_dependent,           ///< whose address was sent to
  address_and_port_dependent,  ///< whose address and port was sent to
};

/// Which external port a mapping gets (RFC 4787 §4.2).
enum class PortAllocation : std::uint8_t {
  unknown,
  untranslated,  ///< there is no translation
  preserving,    ///< the internal one, where that is free
  sequential,    ///< a fixed step after the last one
  random,        ///< none that can be told from the last ones
};

/// What becomes of a packet from inside to an external endpoint of the same NAT (RFC 4787 §6).
enum class Hairpinning : std::uint8_t {
  unknown,
  unsupported,      ///< it is lost
  external_source,  ///< it arrives from the sender's external endpoint, as REQ-9 wants
  internal_source,  ///< it arrives from the sender's internal one, and the answer goes astray
};

/// Whether datagrams that are longer than the MTU of the path arrive, in fragments (RFC 4787 §11, RFC 5780 §3.5).
enum class Fragments : std::uint8_t { unknown, passed, dropped };

/// How sure a finding is. It falls with packets lost and with checks that could not be made; doubt is `none`.
enum class Confidence : std::uint8_t { none, low, medium, high };

/// Why something is not known, or not for sure.
enum class Doubt : std::uint8_t {
  no_doubt,
  not_asked,                ///< nobody wanted to know, or the time was up before it was asked
  no_answer,                ///< no server answered over UDP
  one_server,               ///< one server with one address cannot tell
  no_other_address,         ///< no server named a second address of its own (OTHER-ADDRESS, RFC 5780 §7.4)
  other_address_silent,     ///< a server named one that does not answer, or that is none
  server_does_not_change,   ///< the server does not answer from where CHANGE-REQUEST says (RFC 5780 §7.2)
  server_does_not_support,  ///< the server refuses the attribute that the test needs
  too_few_answers,          ///< so much was lost that silence proves nothing
  disagreement,             ///< two sockets saw two things
  mapping_moved,            ///< a mapping changed while it was looked at
  cannot_be_seen,           ///< this kind of NAT hides it
};

/// A finding: what, how sure, and what speaks against it.
template <class T>
struct Judged {
  T value{};
  Confidence confidence = Confidence::none;
  Doubt doubt = Doubt::not_asked;

  friend constexpr bool operator==(const Judged&, const Judged&) noexcept = default;
};

/// What a network does to the datagrams of one address family: everything between a host and the servers that it
/// asked, taken together. It is a sample: NATs change under load and with time (RFC 5780 §4).
struct Behavior {
  Family family = Family::none;
  bool udp_answered = false;           ///< some server answered over UDP
  std::optional<bool> tcp_answered{};  ///< one answered over TCP; none: it was not asked, since UDP works
  Endpoint local{};                    ///< from where it was asked; its address is unspecified if nobody told
  Endpoint mapped{};                   ///< how the first server saw it
  std::optional<bool> translated{};    ///< the two differ; none where one of them is not known
  Judged<Mapping> mapping{};
  Judged<Filtering> filtering{};
  Judged<PortAllocation> port_allocation{};
  std::int32_t port_step = 0;  ///< of a sequential allocation
  Judged<Hairpinning> hairpinning{};
  Judged<Fragments> fragments{};
  Judged<Duration> lifetime{};               ///< a mapping was alive after being idle for so long (RFC 4787 §4.3)
  std::optional<Duration> lifetime_below{};  ///< and dead after so long; none: it was never seen dead
  bool addresses_rewritten = false;  ///< somebody rewrites addresses inside of packets: a generic ALG (RFC 5780 §3.6)

  /// The least of mapping's and filtering's.
  Confidence confidence() const noexcept {
    return mapping.confidence < filtering.confidence ? mapping.confidence : filtering.confidence;
  }
};

/// "unknown", "endpoint-independent", "address-dependent", "address-and-port-dependent", "endpoint-dependent".
ICE_API std::string_view to_string(Mapping mapping) noexcept;
/// "unknown", "endpoint-independent", "address-dependent", "address-and-port-dependent".
ICE_API std::string_view to_string(Filtering filtering) noexcept;
/// "unknown", "untranslated", "preserving", "sequential", "random".
ICE_API std::string_view to_string(PortAllocation allocation) noexcept;
/// "unknown", "unsupported", "external-source", "internal-source".
ICE_API std::string_view to_string(Hairpinning hairpinning) noexcept;
/// "unknown", "passed", "dropped".
ICE_API std::string_view to_string(Fragments fragments) noexcept;
/// "none", "low", "medium", "high".
ICE_API std::string_view to_string(Confidence confidence) noexcept;
/// "no-doubt", "not-asked", …
ICE_API std::string_view to_string(Doubt doubt) noexcept;

}  // namespace ice::nat
