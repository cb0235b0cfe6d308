#include "io/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cassert>
#include <new>

#include "io/dtls_listener.hpp"

namespace ice::io {
namespace {

// What RFC 9325 §4.2 recommends of TLS 1.2: forward secrecy and authenticated encryption. RFC 8489 §6.2.3 has the
// AES-128 ones as its minimum. TLS 1.3 has no others.
constexpr const char* ciphers_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";

// The text before each length byte, as RFC 7301 §3.1 puts it on the wire.
std::string wire_format(const std::vector<std::string>& protocols) {
  std::string made;
  for (const std::string& one : protocols) {
    assert(!one.empty() && one.size() < 256);
    made += static_cast<char>(one.size());
    made += one;
  }
  return made;
}

SslPtr new_session(SSL_CTX* context) {
  SslPtr ssl{SSL_new(context)};
  if (!ssl) throw std::bad_alloc{};
  return ssl;
}

// SSL_set_tlsext_host_name, whose macro has a cast that we do not write. OpenSSL copies the name.
bool set_server_name(SSL* ssl, const std::string& name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(name.c_str())) == 1;
}

result<void> fail_with(TlsError error) {
  ERR_clear_error();
  return fail(make_error_code(error));
}

}  // namespace

TlsContext::TlsContext(const TlsConfig& config) : protocols_{wire_format(config.protocols)} {}

result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsConfig& config) {
  std::shared_ptr<TlsContext> made{new TlsContext{config}};
  if (const auto done = made->believe(config); !done) return fail(done.error());
  if (config.certificate_file.empty() && config.key_file.empty()) return std::shared_ptr<const TlsContext>{made};
  made->tls_server_ = made->make_context(TLS_method());
  made->dtls_server_ = made->make_context(DTLS_method());
  for (SSL_CTX* context : {made->tls_server_.get(), made->dtls_server_.get()}) {
    if (const auto done = made->prove(context, config); !done) return fail(done.error());
  }
  DtlsListener::prepare(made->dtls_server_.get());
  // Clients send no certificate; a DTLS message is collected piece by piece, with room for all of it from the first.
  SSL_CTX_set_max_cert_list(made->dtls_server_.get(), 4'096);
  return std::shared_ptr<const TlsContext>{made};
}

TlsContext::ContextPtr TlsContext::make_context(const SSL_METHOD* method) const {
  ContextPtr made{SSL_CTX_new(method)};
  if (!made) throw std::bad_alloc{};
  SSL_CTX* context = made.get();
  SSL_CTX_set_min_proto_version(context, method == TLS_method() ? TLS1_2_VERSION : DTLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, ciphers_of_1_2);
  // Renegotiation has no use here and a long history (RFC 9325 §3.5); neither has a session that is taken up again,
  // which would let somebody who watches tell that it is the same client.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // An idle connection gives its buffers back: 34 kB of about 50.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return made;
}

result<void> TlsContext::believe(const TlsConfig& config) {
  tls_client_ = make_context(TLS_method());
  dtls_client_ = make_context(DTLS_method());
  SSL_CTX* tls = tls_client_.get();
  if (!config.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(tls, config.ca_file.c_str()) != 1) return fail_with(TlsError::bad_ca_file);
  } else if (config.verify) {
    SSL_CTX_set_default_verify_paths(tls);
    ERR_clear_error();  // a system without roots believes nobody, and says so in each handshake
  }
  SSL_CTX_set1_cert_store(dtls_client_.get(), SSL_CTX_get_cert_store(tls));
  for (SSL_CTX* context : {tls, dtls_client_.get()}) {
    SSL_CTX_set_verify(context, config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!protocols_.empty()) {
      SSL_CTX_set_alpn_protos(context, bytes_of(protocols_).data(), static_cast<unsigned>(protocols_.size()));
    }
  }
  return {};
}

result<void> TlsContext::prove(SSL_CTX* context, const TlsConfig& config) {
  if (config.certificate_file.empty() || config.key_file.empty()) return fail_with(TlsError::no_certificate);
  if (SSL_CTX_use_certificate_chain_file(context, config.certificate_file.c_str()) != 1) {
    return fail_with(TlsError::bad_certificate_file);
  }
  // A passphrase would be asked for on the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
  if (SSL_CTX_use_PrivateKey_file(context, config.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool mismatch = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH;
    return fail_with(mismatch ? TlsError::wrong_key : TlsError::bad_key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) return fail_with(TlsError::wrong_key);
  if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(context, choose_protocol, this);
  return {};
}

int TlsContext::choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                                const unsigned char* offered, unsigned int offered_size, void* self) noexcept {
  const std::string& ours = static_cast<const TlsContext*>(self)->protocols_;
  // The parameter is not const for history's sake.
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_size, bytes_of(ours).data(),
                                          static_cast<unsigned>(ours.size()), offered, offered_size);
  // RFC 7301 §3.2: no_application_protocol
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

result<std::unique_ptr<TlsSession>> TlsContext::client(Transport transport, const std::string& name,
                                                       TlsSession::Sink sink) const {
  SslPtr ssl = new_session(transport == Transport::dtls ? dtls_client_.get() : tls_client_.get());
  SSL_set_connect_state(ssl.get());
  bool named;
  if (Address::parse(name)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str()) == 1;
  } else {
    // RFC 9525 §6.3: one whole label may be a wildcard. It has no use for the common name any more.
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    // Certificates and SNI (RFC 6066 §3) have names without the dot that ends an absolute one.
    const std::string relative = name.substr(0, name.size() - (name.ends_with('.') ? 1 : 0));
    named =
        !relative.empty() && SSL_set1_host(ssl.get(), relative.c_str()) == 1 && set_server_name(ssl.get(), relative);
  }
  ERR_clear_error();
  if (!named) return fail(errc::invalid_argument);
  return std::make_unique<TlsSession>(std::move(ssl), std::move(sink), shared_from_this());
}

std::unique_ptr<TlsSession> TlsContext::server(Transport transport, TlsSession::Sink sink) const {
  assert(can_listen());
  SslPtr ssl = new_session(transport == Transport::dtls ? dtls_server_.get() : tls_server_.get());
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsSession>(std::move(ssl), std::move(sink), shared_from_this());
}

}  // namespace ice::io
