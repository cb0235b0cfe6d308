#include "ice/explain_view.hpp"

#include <algorithm>
#include <utility>

namespace ice {
namespace {

void earlier(std::optional<TimePoint>& first, const std::optional<TimePoint>& other) noexcept {
  if (other && (!first || *other < *first)) first = other;
}

void later(std::optional<TimePoint>& last, const std::optional<TimePoint>& other) noexcept {
  if (other && (!last || *other > *last)) last = other;
}

TimePoint origin_of(const ConnectivityReport& report) noexcept {
  std::optional<TimePoint> first = report.gathering_started;
  earlier(first, report.description_received);
  for (const SocketReport& socket : report.sockets) earlier(first, socket.added);
  return report.gathering_started.value_or(first.value_or(TimePoint{}));
}

}  // namespace

ReportView::ReportView(const ConnectivityReport& report, Party party, PairScope scope)
    : report_{report}, party_{party}, scope_{scope}, origin_{origin_of(report)} {
  sum_pairs();
  read_servers();
  compare_mappings();
}

bool ReportView::counts(const PairReport& pair) const noexcept {
  return scope_ == PairScope::all ||
         (pair.local_type != CandidateType::relayed && pair.remote_type != CandidateType::relayed);
}

void ReportView::sum_pairs() {
  for (const PairReport& pair : report_.pairs) {
    if (!counts(pair)) continue;
    sent_ += pair.requests_sent;
    answered_ += pair.responses_heard;
    heard_ += pair.requests_heard;
    unverified_ += pair.unauthenticated;
    earlier(first_sent_, pair.first_sent);
    later(last_sent_, pair.last_sent);
    later(last_answer_, pair.last_heard);
    earlier(first_heard_, pair.first_request);
    later(last_heard_, pair.last_request);
  }
}

void ReportView::read_servers() {
  for (const ServerReport& server : report_.servers) {
    if (is_turn(server)) relay_wanted_ = true;
    if (server.mapped && server.transport == Transport::udp) {
      // What counts is the silence before the peer's packets were to come through the mapping.
      Duration silence = server.longest_silence;
      if (server.last_sent && report_.description_received && *report_.description_received > *server.last_sent)
        silence = std::max(silence, *report_.description_received - *server.last_sent);
      mappings_.push_back({&server, silence});
    }
  }
  relay_up_ = std::any_of(report_.local_candidates.begin(), report_.local_candidates.end(),
                          [](const Candidate& each) { return each.type == CandidateType::relayed; });
}

// A mapping that has changed since tells nothing of how it depends on the remote.
void ReportView::compare_mappings() {
  for (const SeenMapping& a : mappings_) {
    for (const SeenMapping& b : mappings_) {
      if (a.server->local != b.server->local || a.server->mapping_changes + b.server->mapping_changes > 0) continue;
      if (a.server->mapped != b.server->mapped && a.server->server < b.server->server)
        differing_ = std::pair{a, b};
      else if (a.server->mapped == b.server->mapped && a.server->server.address != b.server->server.address)
        alike_ = true;
    }
  }
}

std::optional<Duration> ReportView::since_start(const std::optional<TimePoint>& at) const noexcept {
  if (!at) return std::nullopt;
  return *at - origin_;
}

// What failed and was then closed keeps the cause of the failure.
bool ReportView::closed_in_order() const noexcept {
  return report_.state == AgentState::closed && report_.cause == Cause::closed && report_.connected.has_value();
}

bool ReportView::uses_relay() const noexcept {
  return std::any_of(report_.pairs.begin(), report_.pairs.end(), [](const PairReport& pair) {
    return pair.selected && (pair.local_type == CandidateType::relayed || pair.remote_type == CandidateType::relayed);
  });
}

const GenerationReport* ReportView::interrupted() const noexcept {
  const auto found = std::find_if(report_.earlier.rbegin(), report_.earlier.rend(),
                                  [](const GenerationReport& each) { return each.state == AgentState::disconnected; });
  return found == report_.earlier.rend() ? nullptr : &*found;
}

const GenerationReport* ReportView::established() const noexcept {
  const auto found = std::find_if(report_.earlier.rbegin(), report_.earlier.rend(), [](const GenerationReport& each) {
    return each.state == AgentState::connected || each.state == AgentState::disconnected;
  });
  return found == report_.earlier.rend() ? nullptr : &*found;
}

bool ReportView::behind_nat() const noexcept {
  return std::any_of(mappings_.begin(), mappings_.end(),
                     [](const SeenMapping& each) { return each.server->mapped != each.server->local; });
}

bool ReportView::not_translated() const noexcept { return !mappings_.empty() && !behind_nat(); }

std::set<Address> ReportView::public_addresses() const {
  std::set<Address> all;
  for (const SeenMapping& each : mappings_)
    if (each.server->mapped != each.server->local) all.insert(each.server->mapped.address);
  return all;
}

std::set<Family> ReportView::local_families() const {
  std::set<Family> all;
  for (const Candidate& each : report_.local_candidates)
    if (each.endpoint) all.insert(each.endpoint.address.family());
  return all;
}

std::set<Family> ReportView::remote_families() const {
  std::set<Family> all;
  for (const RemoteCandidateReport& each : report_.remote_candidates)
    if (each.candidate.endpoint) all.insert(each.candidate.endpoint.address.family());
  return all;
}

std::size_t ReportView::signalled() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(report_.remote_candidates.begin(), report_.remote_candidates.end(),
                    [](const RemoteCandidateReport& each) { return each.signalled.has_value(); }));
}

bool ReportView::silent(const ServerReport& server) noexcept {
  return server.server && server.responses == 0 && !server.last_heard &&
         (server.requests > 0 || server.cause == Cause::unreachable || server.cause == Cause::no_response);
}

bool ReportView::is_turn(const ServerReport& server) noexcept { return server.uri.starts_with("turn"); }

bool ReportView::udp_heard() const noexcept {
  return hears_peer() || unverified_ > 0 || report_.ignored.unauthenticated > 0 ||
         std::any_of(report_.servers.begin(), report_.servers.end(),
                     [](const ServerReport& server) { return server.responses > 0 && !is_stream(server.transport); });
}

Evidence ReportView::evidence(Fact fact, const Endpoint& local, const Endpoint& remote, std::uint64_t count) const {
  return {party_, fact, local, remote, count, {}, {}, {}};
}

Evidence ReportView::evidence(Fact fact, const ServerReport& server, std::uint64_t count) const {
  Evidence told = evidence(fact, server.local, server.server, count);
  told.from = since_start(server.first_sent);
  told.until = since_start(server.last_heard ? server.last_heard : server.last_sent);
  told.detail = server.uri;
  return told;
}

Evidence ReportView::evidence(const SeenMapping& mapping) const {
  Evidence told = evidence(Fact::mapped, mapping.server->local, mapping.server->server);
  told.until = since_start(mapping.server->last_heard);
  told.detail = mapping.server->mapped.to_string();
  return told;
}

Evidence ReportView::checks_sent() const {
  Evidence told = evidence(Fact::checks_sent, {}, {}, sent_);
  told.from = since_start(first_sent_);
  told.until = since_start(last_sent_);
  return told;
}

Evidence ReportView::answers_heard() const {
  Evidence told = evidence(Fact::answers_heard, {}, {}, answered_);
  told.until = since_start(last_answer_);
  return told;
}

Evidence ReportView::checks_heard() const {
  Evidence told = evidence(Fact::checks_heard, {}, {}, heard_);
  told.from = since_start(first_heard_);
  told.until = since_start(last_heard_);
  return told;
}

// ---- findings

Finding& Findings::add(RootCause cause, Party where, unsigned confidence, std::vector<Evidence> evidence) {
  const auto known = std::find_if(all_.begin(), all_.end(), [&](const Finding& each) { return each.cause == cause; });
  if (known == all_.end()) {
    all_.push_back({cause, severity_, where, static_cast<std::uint8_t>(confidence), std::move(evidence), {}, false});
    return all_.back();
  }
  if (known->where != where) known->where = Party::both;
  known->confidence = std::max(known->confidence, static_cast<std::uint8_t>(confidence));
  for (Evidence& each : evidence)
    if (std::find(known->evidence.begin(), known->evidence.end(), each) == known->evidence.end())
      known->evidence.push_back(std::move(each));
  return *known;
}

bool Findings::has(RootCause cause) const noexcept { return confidence_of(cause) > 0; }

unsigned Findings::confidence_of(RootCause cause) const noexcept {
  const auto known = std::find_if(all_.begin(), all_.end(), [&](const Finding& each) { return each.cause == cause; });
  return known == all_.end() ? 0 : known->confidence;
}

std::vector<Finding> Findings::take() {
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Finding& a, const Finding& b) { return a.confidence > b.confidence; });
  return std::move(all_);
}

}  // namespace ice
