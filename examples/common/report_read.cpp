#include "common/report_read.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <cmath>
#include <limits>
#include <type_traits>

namespace ice::programs {
namespace {

namespace json = boost::json;

/// What an agent writes into its history (HistoryEntry::what must outlive the report).
constexpr std::array<std::string_view, 29> history_words{"ice-candidate-of-another-generation",
                                                         "ice-candidate-refused",
                                                         "ice-check-again",
                                                         "ice-check-refused",
                                                         "ice-check-timed-out",
                                                         "ice-consent-expired",
                                                         "ice-consent-revoked",
                                                         "ice-description-received",
                                                         "ice-first-check-heard",
                                                         "ice-host-candidate",
                                                         "ice-local-peer-reflexive",
                                                         "ice-mapped-address",
                                                         "ice-nominated-by-peer",
                                                         "ice-nominating",
                                                         "ice-pair-selected",
                                                         "ice-pair-valid",
                                                         "ice-peer-reflexive-candidate",
                                                         "ice-permission-refused",
                                                         "ice-relay-failed",
                                                         "ice-relay-lost",
                                                         "ice-relayed-candidate",
                                                         "ice-remote-candidate",
                                                         "ice-restart",
                                                         "ice-restart-failed",
                                                         "ice-role-conflict",
                                                         "ice-role-switched",
                                                         "ice-server-not-resolved",
                                                         "ice-socket-removed",
                                                         "ice-state"};

/// Reads an object key by key; the first thing that is not as it should be is remembered, and asked for once.
class Reader {
 public:
  explicit Reader(const json::object& object) : object_{object} {}

  bool good() const noexcept { return good_; }

  void read(std::string_view key, std::string& value) {
    if (const json::value* found = find(key)) {
      if (const json::string* text = found->if_string())
        value.assign(text->begin(), text->end());
      else
        good_ = false;
    }
  }
  void read(std::string_view key, bool& value) {
    if (const json::value* found = find(key)) {
      if (const bool* flag = found->if_bool())
        value = *flag;
      else
        good_ = false;
    }
  }
  template <class T>
  requires std::is_unsigned_v<T>
  void read(std::string_view key, T& value) {
    if (const json::value* found = find(key)) {
      const auto number = number_in<std::uint64_t>(*found);
      if (number && *number <= std::numeric_limits<T>::max())
        value = static_cast<T>(*number);
      else
        good_ = false;
    }
  }
  void read(std::string_view key, Endpoint& value) {
    std::string text;
    read(key, text);
    if (text.empty()) return;
    const auto parsed = Endpoint::parse(text);
    good_ &= parsed.has_value();
    if (parsed) value = *parsed;
  }
  void read(std::string_view key, std::optional<TimePoint>& value) {
    if (const auto since = milliseconds(key)) value = TimePoint{*since};
  }
  void read(std::string_view key, TimePoint& value) {
    if (const auto since = milliseconds(key)) value = TimePoint{*since};
  }
  void read(std::string_view key, Duration& value) {
    if (const auto length = milliseconds(key)) value = *length;
  }
  void read(std::string_view key, std::optional<Duration>& value) {
    if (const auto length = milliseconds(key)) value = *length;
  }
  void read(std::string_view key, std::optional<std::chrono::seconds>& value) {
    if (const json::value* found = find(key)) {
      const auto number = number_in<std::int64_t>(*found);
      good_ &= number.has_value();
      if (number) value = std::chrono::seconds{*number};
    }
  }
  /// A word of a closed list that ends with `last`.
  template <class E>
  requires std::is_enum_v<E>
  void read(std::string_view key, E& value, E last) {
    std::string word;
    read(key, word);
    if (word.empty()) return;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(last); ++i) {
      if (to_string(static_cast<E>(i)) != word) continue;
      value = static_cast<E>(i);
      return;
    }
    good_ = false;
  }
  void read(std::string_view key, Cause& value) { read(key, value, Cause::consent_revoked); }
  void read(std::string_view key, CandidateType& value) { read(key, value, CandidateType::relayed); }
  void read(std::string_view key, ComponentId& value) {
    auto number = static_cast<std::underlying_type_t<ComponentId>>(value);
    read(key, number);
    value = ComponentId{number};
  }
  void read_word(std::string_view key, std::string_view& value) {
    std::string word;
    read(key, word);
    const auto* const known = std::find(history_words.begin(), history_words.end(), word);
    if (known != history_words.end()) value = *known;  // of a later version: it has no name here
  }
  template <class T, class F>
  void list(std::string_view key, std::vector<T>& all, F&& read_one) {
    const json::value* found = find(key);
    if (found == nullptr) return;
    const json::array* array = found->if_array();
    good_ &= array != nullptr;
    if (array == nullptr) return;
    for (const json::value& each : *array) {
      if (all.size() == most_entries) return;
      const json::object* object = each.if_object();
      good_ &= object != nullptr;
      if (object == nullptr) return;
      Reader reader{*object};
      T one{};
      read_one(reader, one);
      good_ &= reader.good();
      all.push_back(std::move(one));
    }
  }
  template <class F>
  void object(std::string_view key, F&& read_it) {
    const json::value* found = find(key);
    if (found == nullptr) return;
    const json::object* inner = found->if_object();
    good_ &= inner != nullptr;
    if (inner == nullptr) return;
    Reader reader{*inner};
    read_it(reader);
    good_ &= reader.good();
  }

 private:
  const json::value* find(std::string_view key) const { return object_.if_contains(key); }

  template <class T>
  static std::optional<T> number_in(const json::value& value) {
    boost::system::error_code error;
    const T number = value.to_number<T>(error);
    return error ? std::nullopt : std::optional{number};
  }

  std::optional<Duration> milliseconds(std::string_view key) {
    const json::value* found = find(key);
    if (found == nullptr) return std::nullopt;
    const auto number = number_in<double>(*found);
    constexpr double longest = 1e12;  // thirty years
    if (!number || !(std::abs(*number) < longest)) {
      good_ = false;
      return std::nullopt;
    }
    return std::chrono::microseconds{std::llround(*number * 1e3)};
  }

  const json::object& object_;
  bool good_ = true;
};

void read(Reader& from, SocketReport& socket) {
  from.read("local", socket.local);
  from.read("interface", socket.interface);
  from.read("usable", socket.usable);
  from.read("added", socket.added);
  from.read("removed", socket.removed);
}

void read(Reader& from, ServerReport& server) {
  from.read("uri", server.uri);
  from.read("server", server.server);
  from.read("local", server.local);
  from.read("transport", server.transport, Transport::dtls);
  from.read("first_sent", server.first_sent);
  from.read("last_sent", server.last_sent);
  from.read("last_heard", server.last_heard);
  from.read("requests", server.requests);
  from.read("responses", server.responses);
  from.read("unreachable", server.unreachable);
  from.read("mapped", server.mapped);
  from.read("mapping_changes", server.mapping_changes);
  from.read("longest_silence", server.longest_silence);
  from.read("relayed", server.relayed);
  from.read("relayed_other", server.relayed_other);
  from.read("losses", server.losses);
  from.read("login_expires", server.login_expires);
  from.read("error_code", server.error_code);
  from.read("cause", server.cause);
}

void read(Reader& from, Candidate& candidate) {
  from.read("type", candidate.type);
  from.read("endpoint", candidate.endpoint);
  from.read("name", candidate.name);
  from.read("transport", candidate.transport, Transport::dtls);
  from.read("component", candidate.component);
  from.read("priority", candidate.priority);
  from.read("foundation", candidate.foundation);
  from.read("related", candidate.related);
}

void read(Reader& from, RemoteCandidateReport& remote) {
  read(from, remote.candidate);
  from.read("signalled", remote.signalled);
  from.read("discovered", remote.discovered);
}

void read(Reader& from, PairReport& pair) {
  from.read("component", pair.component);
  from.read("base", pair.base);
  from.read("mapped", pair.mapped);
  from.read("local_type", pair.local_type);
  from.read("remote", pair.remote);
  from.read("remote_type", pair.remote_type);
  from.read("priority", pair.priority);
  from.read("state", pair.state, PairState::failed);
  from.read("valid", pair.valid);
  from.read("nominated", pair.nominated);
  from.read("selected", pair.selected);
  from.read("triggered", pair.triggered);
  from.read("cause", pair.cause);
  from.read("error_code", pair.error_code);
  from.read("created", pair.created);
  from.read("first_sent", pair.first_sent);
  from.read("last_sent", pair.last_sent);
  from.read("last_heard", pair.last_heard);
  from.read("first_request", pair.first_request);
  from.read("last_request", pair.last_request);
  from.read("ended", pair.ended);
  from.read("requests_sent", pair.requests_sent);
  from.read("responses_heard", pair.responses_heard);
  from.read("requests_heard", pair.requests_heard);
  from.read("unauthenticated", pair.unauthenticated);
  from.read("unreachable", pair.unreachable);
  from.read("too_big", pair.too_big);
  from.read("round_trip", pair.round_trip);
}

constexpr auto read_one = [](Reader& from, auto& one) { read(from, one); };

void read(Reader& from, GenerationReport& generation) {
  from.read("local_ufrag", generation.local_ufrag);
  from.read("remote_ufrag", generation.remote_ufrag);
  from.read("why", generation.why, GenerationEnd::fell_back);
  from.read("at", generation.at);
  from.read("state", generation.state, AgentState::closed);
  from.read("cause", generation.cause);
  from.read("carries_data", generation.carries_data);
  from.list("servers", generation.servers, read_one);
  from.list("pairs", generation.pairs, read_one);
}

void read(Reader& from, HistoryEntry& entry) {
  from.read("at", entry.at);
  from.read_word("what", entry.what);
  from.read("local", entry.local);
  from.read("remote", entry.remote);
  from.read("number", entry.number);
}

void read(Reader& from, IgnoredInput& ignored) {
  from.read("malformed", ignored.malformed);
  from.read("unauthenticated", ignored.unauthenticated);
  from.read("other_ufrag", ignored.other_ufrag);
  from.read("unexpected_responses", ignored.unexpected_responses);
  from.read("data_from_strangers", ignored.data_from_strangers);
  from.read("late", ignored.late);
  from.read("over_limit", ignored.over_limit);
}

void read_moments(Reader& from, ConnectivityReport& report) {
  from.read("gathering_started", report.gathering_started);
  from.read("gathering_done", report.gathering_done);
  from.read("description_received", report.description_received);
  from.read("end_of_candidates", report.end_of_candidates);
  from.read("first_check_sent", report.first_check_sent);
  from.read("first_check_heard", report.first_check_heard);
  from.read("first_valid", report.first_valid);
  from.read("connected", report.connected);
  from.read("ended", report.ended);
  from.read("consent_refreshed", report.consent_refreshed);
}

}  // namespace

result<ConnectivityReport> report_from_json(const json::object& object) {
  ConnectivityReport report;
  Reader from{object};
  from.read("role", report.role, Role::controlled);
  from.read("state", report.state, AgentState::closed);
  from.read("cause", report.cause);
  from.read("local_ufrag", report.local_ufrag);
  from.read("remote_ufrag", report.remote_ufrag);
  from.read("pacing", report.pacing);
  from.read("relay_only", report.relay_only);
  from.read("role_switches", report.role_switches);
  from.read("restarts", report.restarts);
  read_moments(from, report);
  from.read("unix_time", report.unix_time);
  from.read("early_checks", report.early_checks);
  from.list("sockets", report.sockets, read_one);
  from.list("servers", report.servers, read_one);
  from.list("local_candidates", report.local_candidates, read_one);
  from.read("candidates_told", report.candidates_told);
  from.list("remote_candidates", report.remote_candidates, read_one);
  from.list("pairs", report.pairs, read_one);
  from.list("earlier", report.earlier, read_one);
  from.list("history", report.history, read_one);
  from.object("ignored", [&](Reader& inner) { read(inner, report.ignored); });
  if (!from.good()) return fail(errc::invalid_argument);
  return report;
}

}  // namespace ice::programs
