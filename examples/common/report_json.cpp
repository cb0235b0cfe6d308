#include "common/report_json.hpp"

#include <boost/json/array.hpp>
#include <cmath>

namespace ice::programs {
namespace {

namespace json = boost::json;

double milliseconds(Duration duration) noexcept {
  constexpr double nanoseconds_a_microsecond = 1e3;
  constexpr double microseconds_a_millisecond = 1e3;
  return std::round(static_cast<double>(duration.count()) / nanoseconds_a_microsecond) / microseconds_a_millisecond;
}

/// An object in the making; what says nothing is left out.
class Fields {
 public:
  explicit Fields(TimePoint origin = {}) : origin_{origin} {}

  Fields& text(std::string_view key, std::string_view value) {
    if (!value.empty()) object_[key] = value;
    return *this;
  }
  Fields& number(std::string_view key, std::uint64_t value) {
    object_[key] = value;
    return *this;
  }
  Fields& nonzero(std::string_view key, std::uint64_t value) { return value == 0 ? *this : number(key, value); }
  Fields& flag(std::string_view key, bool value) {
    object_[key] = value;
    return *this;
  }
  Fields& endpoint(std::string_view key, const Endpoint& value) { return text(key, value.to_string()); }
  Fields& cause(Cause value) { return value == Cause::none ? *this : text("cause", to_string(value)); }
  Fields& error(std::string_view key, const std::error_code& value) {
    return value ? text(key, value.message()) : *this;
  }
  Fields& at(std::string_view key, const std::optional<TimePoint>& value) {
    if (value) object_[key] = milliseconds(*value - origin_);
    return *this;
  }
  Fields& unix_time(std::string_view key, const std::optional<std::chrono::seconds>& value) {
    if (value) object_[key] = value->count();
    return *this;
  }
  Fields& duration(std::string_view key, Duration value) {
    object_[key] = milliseconds(value);
    return *this;
  }
  template <class Range, class F>
  Fields& list(std::string_view key, const Range& range, F&& to_object) {
    json::array array;
    for (const auto& item : range) array.push_back(to_object(item));
    object_[key] = std::move(array);
    return *this;
  }
  json::object done() { return std::move(object_); }

 private:
  TimePoint origin_;
  json::object object_;
};

json::object to_json(const SocketReport& socket, TimePoint origin) {
  return Fields{origin}
      .endpoint("local", socket.local)
      .text("interface", socket.interface)
      .flag("usable", socket.usable)
      .at("added", socket.added)
      .at("removed", socket.removed)
      .error("why_removed", socket.why_removed)
      .done();
}

json::object to_json(const ServerReport& server, TimePoint origin) {
  return Fields{origin}
      .text("uri", server.uri)
      .endpoint("server", server.server)
      .endpoint("local", server.local)
      .at("first_sent", server.first_sent)
      .at("last_sent", server.last_sent)
      .at("last_heard", server.last_heard)
      .number("requests", server.requests)
      .number("responses", server.responses)
      .nonzero("unreachable", server.unreachable)
      .text("transport", to_string(server.transport))
      .endpoint("mapped", server.mapped)
      .endpoint("relayed", server.relayed)
      .endpoint("relayed_other", server.relayed_other)
      .nonzero("losses", server.losses)
      .nonzero("mapping_changes", server.mapping_changes)
      .duration("longest_silence", server.longest_silence)
      .unix_time("login_expires", server.login_expires)
      .nonzero("error_code", server.error_code)
      .cause(server.cause)
      .error("why", server.why)
      .done();
}

json::object to_json(const RemoteCandidateReport& remote, TimePoint origin) {
  json::object object = programs::to_json(remote.candidate);
  for (auto& [key, value] : Fields{origin}.at("signalled", remote.signalled).at("discovered", remote.discovered).done())
    object[key] = value;
  return object;
}

json::object to_json(const PairReport& pair, TimePoint origin) {
  Fields fields{origin};
  fields.number("component", static_cast<std::uint64_t>(pair.component))
      .endpoint("base", pair.base)
      .endpoint("mapped", pair.mapped)
      .text("local_type", to_string(pair.local_type))
      .endpoint("remote", pair.remote)
      .text("remote_type", to_string(pair.remote_type))
      .number("priority", pair.priority)
      .text("state", to_string(pair.state))
      .flag("valid", pair.valid)
      .flag("nominated", pair.nominated)
      .flag("selected", pair.selected)
      .flag("triggered", pair.triggered)
      .cause(pair.cause)
      .nonzero("error_code", pair.error_code)
      .at("created", pair.created)
      .at("first_sent", pair.first_sent)
      .at("last_sent", pair.last_sent)
      .at("last_heard", pair.last_heard)
      .at("first_request", pair.first_request)
      .at("last_request", pair.last_request)
      .at("ended", pair.ended)
      .number("requests_sent", pair.requests_sent)
      .number("responses_heard", pair.responses_heard)
      .number("requests_heard", pair.requests_heard)
      .nonzero("unauthenticated", pair.unauthenticated)
      .nonzero("unreachable", pair.unreachable)
      .nonzero("too_big", pair.too_big);
  if (pair.round_trip) fields.duration("round_trip", *pair.round_trip);
  return fields.done();
}

json::object to_json(const GenerationReport& generation, TimePoint origin) {
  const auto with_times = [origin](const auto& item) { return to_json(item, origin); };
  return Fields{origin}
      .text("local_ufrag", generation.local_ufrag)
      .text("remote_ufrag", generation.remote_ufrag)
      .text("why", to_string(generation.why))
      .at("at", generation.at)
      .text("state", to_string(generation.state))
      .cause(generation.cause)
      .flag("carries_data", generation.carries_data)
      .list("servers", generation.servers, with_times)
      .list("pairs", generation.pairs, with_times)
      .done();
}

json::object to_json(const HistoryEntry& entry, TimePoint origin) {
  return Fields{origin}
      .at("at", entry.at)
      .text("what", entry.what)
      .endpoint("local", entry.local)
      .endpoint("remote", entry.remote)
      .nonzero("number", entry.number)
      .done();
}

json::object to_json(const IgnoredInput& ignored) {
  return Fields{}
      .number("malformed", ignored.malformed)
      .number("unauthenticated", ignored.unauthenticated)
      .number("other_ufrag", ignored.other_ufrag)
      .number("unexpected_responses", ignored.unexpected_responses)
      .number("data_from_strangers", ignored.data_from_strangers)
      .number("late", ignored.late)
      .number("over_limit", ignored.over_limit)
      .done();
}

}  // namespace

json::object to_json(const Candidate& candidate) {
  return Fields{}
      .text("type", to_string(candidate.type))
      .endpoint("endpoint", candidate.endpoint)
      .text("name", candidate.name)
      .text("transport", to_string(candidate.transport))
      .number("component", static_cast<std::uint64_t>(candidate.component))
      .number("priority", candidate.priority)
      .text("foundation", candidate.foundation)
      .endpoint("related", candidate.related)
      .done();
}

json::object to_json(const ConnectivityReport& report, TimePoint origin) {
  const auto with_times = [origin](const auto& item) { return to_json(item, origin); };
  Fields fields{origin};
  fields.text("role", to_string(report.role))
      .text("state", to_string(report.state))
      .cause(report.cause)
      .text("local_ufrag", report.local_ufrag)
      .text("remote_ufrag", report.remote_ufrag)
      .duration("pacing", report.pacing)
      .flag("relay_only", report.relay_only)
      .number("role_switches", report.role_switches)
      .number("restarts", report.restarts)
      .at("gathering_started", report.gathering_started)
      .at("gathering_done", report.gathering_done)
      .at("description_received", report.description_received)
      .at("end_of_candidates", report.end_of_candidates)
      .at("first_check_sent", report.first_check_sent)
      .at("first_check_heard", report.first_check_heard)
      .at("first_valid", report.first_valid)
      .at("connected", report.connected)
      .at("ended", report.ended)
      .at("consent_refreshed", report.consent_refreshed)
      .unix_time("unix_time", report.unix_time)
      .number("early_checks", report.early_checks)
      .list("sockets", report.sockets, with_times)
      .list("servers", report.servers, with_times)
      .list("local_candidates", report.local_candidates, [](const Candidate& each) { return programs::to_json(each); })
      .number("candidates_told", report.candidates_told)
      .list("remote_candidates", report.remote_candidates, with_times)
      .list("pairs", report.pairs, with_times)
      .list("earlier", report.earlier, with_times)
      .list("history", report.history, with_times);
  json::object object = fields.done();
  object["ignored"] = to_json(report.ignored);
  return object;
}

}  // namespace ice::programs
