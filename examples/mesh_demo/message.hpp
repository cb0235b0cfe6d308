#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ice/base/result.hpp"

namespace ice::mesh {

// What the texts of signalling may measure, in bytes. A line has to hold each of them.
inline constexpr std::size_t longest_name = 64;         ///< of a peer or a room
inline constexpr std::size_t longest_sdp = 48 * 1024;   ///< an offer or answer
inline constexpr std::size_t longest_candidate = 1040;  ///< sdp::max_candidate_size and its prefix
inline constexpr std::size_t longest_text = 1024;       ///< what an error says to people
inline constexpr std::size_t longest_url = 512;         ///< of a server
inline constexpr std::size_t longest_credential = 512;  ///< RFC 8489 §14.3: a USERNAME has up to 508 bytes
inline constexpr std::size_t most_peers = 64;           ///< in one room
inline constexpr std::size_t most_ice_servers = 16;     ///< what an agent takes
inline constexpr std::size_t most_urls = 8;             ///< of one server

/// Which of the attempts at a pair of peers a message belongs to: 1, 2 with the roles swapped, or 3 through relays
/// alone.
using Attempt = std::uint8_t;
inline constexpr Attempt relayed_attempt = 3;
inline constexpr Attempt most_attempts = 3;

/// A member of a room. Names are unique in a room at a time; ids are never used again, so that what was meant for
/// somebody who left does not reach who has taken the name since.
struct Member {
  std::uint64_t id = 0;
  std::string name;

  friend bool operator==(const Member&, const Member&) = default;
};

/// A server of ICE as RTCIceServer has it, with the lifetime of its credential in seconds (0: none).
struct IceServer {
  std::vector<std::string> urls;
  std::string username;
  std::string credential;
  std::uint32_t ttl = 0;

  friend bool operator==(const IceServer&, const IceServer&) = default;
};

// From a client to the server.

struct Join {
  std::string room;
  std::string name;

  friend bool operator==(const Join&, const Join&) = default;
};
/// The client leaves, and says so: whoever vanishes without is told apart.
struct Bye {
  friend bool operator==(const Bye&, const Bye&) = default;
};

// From the server to a client.

struct Welcome {
  Member self;
  std::string room;
  std::vector<Member> peers;  ///< those present. The newcomer offers to each of them
  std::vector<IceServer> ice_servers;

  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct PeerJoined {
  Member peer;

  friend bool operator==(const PeerJoined&, const PeerJoined&) = default;
};
struct PeerLeft {
  Member peer;
  bool said_bye = false;

  friend bool operator==(const PeerLeft&, const PeerLeft&) = default;
};

// Between clients. `peer` is the receiver on the way to the server, the sender on the way from it: the server stamps
// it, so that nobody speaks for somebody else.

struct Offer {
  std::uint64_t peer = 0;
  Attempt attempt = 1;
  std::string sdp;

  friend bool operator==(const Offer&, const Offer&) = default;
};
struct Answer {
  std::uint64_t peer = 0;
  Attempt attempt = 1;
  std::string sdp;

  friend bool operator==(const Answer&, const Answer&) = default;
};
/// A trickled candidate; the empty one says that no more will follow, as browsers have it.
struct CandidateLine {
  std::uint64_t peer = 0;
  Attempt attempt = 1;
  std::string candidate;

  friend bool operator==(const CandidateLine&, const CandidateLine&) = default;
};

// In every direction.

/// What an error says to programs. A closed list; `unknown` stands for words of a later version.
enum class ErrorCode : std::uint8_t {
  unknown,
  bad_message,  ///< no message of this protocol, or one that may not come now
  name_taken,   ///< somebody in the room has this name
  room_full,
  server_full,
  timed_out,       ///< nothing was heard for too long
  no_such_peer,    ///< the message had nobody to go to
  attempt_failed,  ///< between clients: the sender has given up on this attempt
};
std::string_view to_string(ErrorCode code) noexcept;

struct Error {
  ErrorCode code = ErrorCode::unknown;
  std::string text;        ///< for people
  std::uint64_t peer = 0;  ///< 0: from or for the server
  Attempt attempt = 1;     ///< where there is a peer

  friend bool operator==(const Error&, const Error&) = default;
};

using Message = std::variant<Join, Bye, Welcome, PeerJoined, PeerLeft, Offer, Answer, CandidateLine, Error>;

/// Reads a line: one JSON object whose "type" says which message it is. Unknown keys are ignored.
///
/// errc::malformed_message: no JSON object in UTF-8, or a field is missing, of another type or out of its bounds.
/// errc::unsupported: a type that is not known here, which a later version may have.
result<Message> parse(std::string_view line);

/// The line for it, with its LF.
std::string format(const Message& message);

}  // namespace ice::mesh
