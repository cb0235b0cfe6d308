#include "mesh_demo/message.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "common/utf8.hpp"

namespace ice::mesh {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 8;  // a welcome has five levels

// RFC 8259 §6: readers in other languages keep integers exact up to here.
constexpr std::uint64_t largest_id = (std::uint64_t{1} << 53) - 1;

struct CodeWord {
  ErrorCode code;
  std::string_view word;
};
constexpr std::array code_words{
    CodeWord{ErrorCode::bad_message, "bad-message"},       CodeWord{ErrorCode::name_taken, "name-taken"},
    CodeWord{ErrorCode::room_full, "room-full"},           CodeWord{ErrorCode::server_full, "server-full"},
    CodeWord{ErrorCode::timed_out, "timed-out"},           CodeWord{ErrorCode::no_such_peer, "no-such-peer"},
    CodeWord{ErrorCode::attempt_failed, "attempt-failed"},
};

/// The fields of an object, each with its bounds. The first that is wrong is remembered, as in stun::Builder.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_{object} {}

  bool ok() const noexcept { return ok_; }

  std::string text(std::string_view key, std::size_t longest) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_string() || value->get_string().size() > longest) return wrong<std::string>();
    return std::string{std::string_view{value->get_string()}};
  }
  std::string optional_text(std::string_view key, std::size_t longest) {
    return object_.contains(key) ? text(key, longest) : std::string{};
  }
  std::string name(std::string_view key) {
    std::string name = text(key, longest_name);
    if (!programs::is_name(name, 1, longest_name)) ok_ = false;
    return name;
  }
  std::uint64_t number(std::string_view key, std::uint64_t least, std::uint64_t most) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_number()) return wrong<std::uint64_t>();
    json::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    return !error && number >= least && number <= most ? number : wrong<std::uint64_t>();
  }
  std::uint64_t id(std::string_view key) { return number(key, 1, largest_id); }
  std::uint64_t optional_id(std::string_view key) { return object_.contains(key) ? id(key) : 0; }
  Attempt attempt() { return static_cast<Attempt>(number("attempt", 1, most_attempts)); }
  Member member(std::string_view name_key, std::string_view id_key) { return {id(id_key), name(name_key)}; }
  bool flag(std::string_view key) {
    const json::value* value = object_.if_contains(key);
    return value != nullptr && value->is_bool() ? value->get_bool() : wrong<bool>();
  }

  /// Calls `each` with the elements of an array.
  template <class F>
  void list(std::string_view key, std::size_t most, F each) {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr || !value->is_array() || value->get_array().size() > most) return wrong<void>();
    for (const json::value& element : value->get_array()) each(element);
  }
  /// Reads an element of a list with a reader of its own.
  template <class F>
  void nested(const json::value& element, F read) {
    if (!element.is_object()) return wrong<void>();
    Reader reader{element.get_object()};
    read(reader);
    ok_ = ok_ && reader.ok();
  }
  /// A list of texts; a single one stands for a list of one, as in RTCIceServer.
  std::vector<std::string> texts(std::string_view key, std::size_t most, std::size_t longest) {
    std::vector<std::string> all;
    const json::value* value = object_.if_contains(key);
    if (value != nullptr && value->is_string()) {
      all.push_back(text(key, longest));
      return all;
    }
    list(key, most, [&](const json::value& element) {
      if (!element.is_string() || element.get_string().size() > longest) return wrong<void>();
      all.emplace_back(std::string_view{element.get_string()});
    });
    return all;
  }

 private:
  template <class T>
  T wrong() {
    ok_ = false;
    return T();
  }

  const json::object& object_;
  bool ok_ = true;
};

// One function reads each message and one writes it, side by side.

Join read(Reader& in, std::type_identity<Join>) { return {in.name("room"), in.name("name")}; }
void write(json::object& out, const Join& join) {
  out["room"] = join.room;
  out["name"] = join.name;
}

Bye read(Reader&, std::type_identity<Bye>) { return {}; }
void write(json::object&, const Bye&) {}

IceServer read(Reader& in, std::type_identity<IceServer>) {
  IceServer server;
  server.urls = in.texts("urls", most_urls, longest_url);
  server.username = in.optional_text("username", longest_credential);
  server.credential = in.optional_text("credential", longest_credential);
  return server;
}

json::object to_json(const IceServer& server) {
  json::object out{{"urls", json::array(server.urls.begin(), server.urls.end())}};
  if (!server.username.empty()) out["username"] = server.username;
  if (!server.credential.empty()) out["credential"] = server.credential;
  if (server.ttl != 0) out["ttl"] = server.ttl;
  return out;
}

Welcome read(Reader& in, std::type_identity<Welcome>) {
  Welcome welcome{in.member("self", "id"), in.name("room"), {}, {}};
  in.list("peers", most_peers, [&](const json::value& element) {
    in.nested(element, [&](Reader& one) { welcome.peers.push_back(one.member("name", "id")); });
  });
  in.list("ice_servers", most_ice_servers, [&](const json::value& element) {
    in.nested(element, [&](Reader& one) {
      welcome.ice_servers.push_back(read(one, std::type_identity<IceServer>{}));
      if (element.get_object().contains("ttl"))
        welcome.ice_servers.back().ttl = static_cast<std::uint32_t>(one.number("ttl", 0, UINT32_MAX));
    });
  });
  return welcome;
}
void write(json::object& out, const Welcome& welcome) {
  out["self"] = welcome.self.name;
  out["id"] = welcome.self.id;
  out["room"] = welcome.room;
  json::array peers;
  for (const Member& peer : welcome.peers) peers.push_back(json::object{{"name", peer.name}, {"id", peer.id}});
  out["peers"] = std::move(peers);
  json::array servers;
  for (const IceServer& server : welcome.ice_servers) servers.push_back(to_json(server));
  out["ice_servers"] = std::move(servers);
}

PeerJoined read(Reader& in, std::type_identity<PeerJoined>) { return {in.member("name", "id")}; }
void write(json::object& out, const PeerJoined& joined) {
  out["name"] = joined.peer.name;
  out["id"] = joined.peer.id;
}

PeerLeft read(Reader& in, std::type_identity<PeerLeft>) { return {in.member("name", "id"), in.flag("bye")}; }
void write(json::object& out, const PeerLeft& left) {
  out["name"] = left.peer.name;
  out["id"] = left.peer.id;
  out["bye"] = left.said_bye;
}

Offer read(Reader& in, std::type_identity<Offer>) { return {in.id("peer"), in.attempt(), in.text("sdp", longest_sdp)}; }
Answer read(Reader& in, std::type_identity<Answer>) {
  return {in.id("peer"), in.attempt(), in.text("sdp", longest_sdp)};
}
template <class T>
requires std::is_same_v<T, Offer> || std::is_same_v<T, Answer>
void write(json::object& out, const T& described) {
  out["peer"] = described.peer;
  out["attempt"] = described.attempt;
  out["sdp"] = described.sdp;
}

CandidateLine read(Reader& in, std::type_identity<CandidateLine>) {
  return {in.id("peer"), in.attempt(), in.text("candidate", longest_candidate)};
}
void write(json::object& out, const CandidateLine& line) {
  out["peer"] = line.peer;
  out["attempt"] = line.attempt;
  out["candidate"] = line.candidate;
}

Error read(Reader& in, std::type_identity<Error>) {
  Error error;
  const std::string word = in.text("code", longest_name);
  for (const CodeWord& one : code_words)
    if (one.word == word) error.code = one.code;
  error.text = in.optional_text("text", longest_text);
  error.peer = in.optional_id("peer");
  if (error.peer != 0) error.attempt = in.attempt();
  return error;
}
void write(json::object& out, const Error& error) {
  out["code"] = to_string(error.code);
  if (!error.text.empty()) out["text"] = error.text;
  if (error.peer == 0) return;
  out["peer"] = error.peer;
  out["attempt"] = error.attempt;
}

/// The "type" of each message, in the order of the variant.
constexpr std::array<std::string_view, std::variant_size_v<Message>> type_words{
    "join", "bye", "welcome", "peer-joined", "peer-left", "offer", "answer", "candidate", "error"};

template <std::size_t... Index>
result<Message> read_as(std::string_view type, Reader& in, std::index_sequence<Index...>) {
  std::optional<Message> message;
  const bool known = ((type == type_words[Index] &&
                       (message = read(in, std::type_identity<std::variant_alternative_t<Index, Message>>{}), true)) ||
                      ...);
  if (!known) return fail(errc::unsupported);
  if (!in.ok()) return fail(errc::malformed_message);
  return std::move(*message);
}

}  // namespace

std::string_view to_string(ErrorCode code) noexcept {
  for (const CodeWord& one : code_words)
    if (one.code == code) return one.word;
  return "unknown";
}

result<Message> parse(std::string_view line) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = deepest;
  const json::value value = json::parse({line.data(), line.size()}, error, {}, options);
  if (error || !value.is_object()) return fail(errc::malformed_message);
  Reader in{value.get_object()};
  const std::string type = in.text("type", longest_name);
  if (!in.ok()) return fail(errc::malformed_message);
  return read_as(type, in, std::make_index_sequence<std::variant_size_v<Message>>{});
}

std::string format(const Message& message) {
  json::object out{{"type", type_words[message.index()]}};
  std::visit([&](const auto& one) { write(out, one); }, message);
  return json::serialize(out).append("\n");
}

}  // namespace ice::mesh
