#include "CBeast.h"

// Beast asserts that five bytes follow a last chunk's line, which a slow peer can make false without any harm.
#define BOOST_DISABLE_ASSERTS

#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/core/detail/sha1.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <new>
#include <optional>
#include <vector>

namespace beast = boost::beast;
namespace http = beast::http;
using beast::error_code;
using beast::string_view;

namespace {

/// A kept buffer above this is given back between requests.
constexpr size_t kept_capacity = 64 * 1024;

/// What one request has said so far.
struct message {
  std::vector<uint8_t> text;
  std::vector<cbeast_field> fields;
  std::vector<uint8_t> body;
  uint32_t method_length = 0;
  uint32_t target_length = 0;
  size_t extension_length = 0;
  int hosts = 0;
  int lengths = 0;
  bool is_legacy = false;
  bool expects_continue = false;
  int refusal = 0;
  const char *reason = "";

  void clear() {
    auto again = message();
    if (text.capacity() <= kept_capacity) again.text.swap(text), again.text.clear();
    if (body.capacity() <= kept_capacity) again.body.swap(body), again.body.clear();
    again.fields.swap(fields), again.fields.clear();
    *this = std::move(again);
  }
};

bool is_target_valid(http::verb verb, string_view target) {
  auto is_visible = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; };
  if (!std::all_of(target.begin(), target.end(), is_visible)) return false;
  if (target == "*") return verb == http::verb::options;
  return target.starts_with('/') || target.starts_with("http://") || target.starts_with("https://");
}

bool is_host_valid(string_view host) {
  return std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || string_view("-._~!$&'()*+,;=:[]%").find(static_cast<char>(c)) != string_view::npos;
  });
}

class request_parser final : public http::basic_parser<true> {
 public:
  request_parser(message &into, uint32_t header_limit, uint32_t field_limit, uint64_t body_limit)
      : message_(into), header_limit_(header_limit), field_limit_(field_limit) {
    this->header_limit(header_limit);
    this->body_limit(body_limit);
    this->eager(true);
  }

  const char *input = nullptr;
  const char *input_end = nullptr;

 private:
  message &message_;
  uint32_t header_limit_;
  uint32_t field_limit_;

  void refuse(int status, const char *reason, error_code &ec) {
    message_.refusal = status;
    message_.reason = reason;
    ec = http::error::bad_value;
  }

  uint32_t keep(string_view part) {
    auto start = message_.text.size();
    message_.text.insert(message_.text.end(), part.begin(), part.end());
    return static_cast<uint32_t>(start);
  }

  // Beast joins folded lines in a buffer of its own, or skips an empty first line.
  bool is_folded(string_view name, string_view value) const {
    if (value.data() < input || value.data() > input_end) return true;
    auto gap = string_view(name.end(), static_cast<size_t>(value.data() - name.end()));
    return gap.find('\r') != string_view::npos;
  }

  void on_request_impl(
      http::verb verb, string_view method, string_view target, int version, error_code &ec) override {
    switch (verb) {
      case http::verb::get: case http::verb::head: case http::verb::post: case http::verb::put:
      case http::verb::patch: case http::verb::delete_: case http::verb::options: case http::verb::trace: break;
      default: return refuse(501, "the method is not known", ec);
    }
    if (!is_target_valid(verb, target)) return refuse(400, "the request target is malformed", ec);
    message_.is_legacy = version == 10;
    keep(method), message_.method_length = static_cast<uint32_t>(method.size());
    keep(target), message_.target_length = static_cast<uint32_t>(target.size());
  }

  void on_field_impl(http::field field, string_view name, string_view value, error_code &ec) override {
    if (is_header_done()) return;  // A trailer: nothing here asks for one.
    if (is_folded(name, value)) return refuse(400, "a header field is folded over several lines", ec);
    auto length = message_.text.size() + name.size() + value.size() + 4 * (message_.fields.size() + 1);
    if (length > header_limit_ || message_.fields.size() >= field_limit_) {
      return refuse(431, "the header is too large", ec);
    }
    if (field == http::field::host) {
      if (++message_.hosts > 1) return refuse(400, "there is more than one Host", ec);
      if (!is_host_valid(value)) return refuse(400, "the Host is malformed", ec);
    } else if (field == http::field::content_length) {
      if (++message_.lengths > 1 || value.find(',') != string_view::npos) {
        return refuse(400, "there is more than one Content-Length", ec);
      }
    } else if (field == http::field::transfer_encoding) {
      if (message_.is_legacy) return refuse(400, "HTTP/1.0 has no Transfer-Encoding", ec);
      if (!beast::iequals(value, "chunked")) return refuse(501, "the Transfer-Encoding is not known", ec);
      if (message_.lengths > 0) return refuse(400, "there are both Content-Length and Transfer-Encoding", ec);
    } else if (field == http::field::expect && !message_.is_legacy) {
      if (!beast::iequals(value, "100-continue")) return refuse(417, "the expectation is not known", ec);
      message_.expects_continue = true;
    }
    cbeast_field entry;
    entry.name_start = keep(name), entry.name_length = static_cast<uint32_t>(name.size());
    entry.value_start = keep(value), entry.value_length = static_cast<uint32_t>(value.size());
    message_.fields.push_back(entry);
  }

  void on_header_impl(error_code &ec) override {
    if (message_.hosts == 0 && !message_.is_legacy) refuse(400, "there is no Host", ec);
  }

  void on_chunk_header_impl(uint64_t, string_view extensions, error_code &ec) override {
    message_.extension_length += extensions.size();
    if (message_.extension_length > header_limit_) refuse(431, "the chunk extensions are too large", ec);
  }

  size_t on_body_impl(string_view part, error_code &) override {
    message_.body.insert(message_.body.end(), part.begin(), part.end());
    return part.size();
  }

  size_t on_chunk_body_impl(uint64_t, string_view part, error_code &ec) override { return on_body_impl(part, ec); }
  void on_body_init_impl(boost::optional<uint64_t> const &, error_code &) override {}
  void on_response_impl(int, string_view, int, error_code &) override {}
  void on_finish_impl(error_code &) override {}
};

/// Whether a line ends without a carriage return; Beast looks at lines only when it has seen the end of the head.
bool has_bare_newline(string_view text) {
  for (auto at = text.find('\n'); at != string_view::npos; at = text.find('\n', at + 1)) {
    if (at > 0 && text[at - 1] != '\r') return true;
  }
  return false;
}

/// Whether the first line ends in an HTTP version that Beast does not speak.
bool names_other_version(const char *bytes, size_t count) {
  auto line = string_view(bytes, count);
  auto end = line.find("\r\n");
  if (end == string_view::npos || end < 9) return false;
  auto version = line.substr(end - 9, 9);
  if (version == " HTTP/1.0" || version == " HTTP/1.1") return false;
  return version.starts_with(" HTTP/") && std::isdigit(static_cast<unsigned char>(version[6])) && version[7] == '.' &&
         std::isdigit(static_cast<unsigned char>(version[8]));
}

}  // namespace

struct cbeast_parser {
  message current;
  std::optional<request_parser> parser;
  uint32_t header_limit;
  uint32_t field_limit;
  uint64_t body_limit;

  void reset() {
    current.clear();
    parser.emplace(current, header_limit, field_limit, body_limit);
  }

  int refused(error_code ec, const char *bytes, size_t count) {
    auto answer = [this](int status, const char *reason) { return current.reason = reason, current.refusal = status; };
    if (current.refusal != 0) return current.refusal;
    if (ec == http::error::header_limit) return answer(431, "the header is too large");
    if (ec == http::error::body_limit) return answer(413, "the body is too large");
    if (ec == http::error::multiple_content_length) return answer(400, "there is more than one Content-Length");
    if (ec == http::error::bad_content_length) return answer(400, "the Content-Length is malformed or in conflict");
    if (ec == http::error::bad_transfer_encoding) return answer(400, "the Transfer-Encoding is in conflict");
    if (ec == http::error::bad_chunk) return answer(400, "a chunk is malformed");
    if (ec == http::error::bad_chunk_extension) return answer(400, "a chunk extension is malformed");
    if (ec == http::error::bad_version && names_other_version(bytes, count)) {
      return answer(505, "the HTTP version is not known");
    }
    bool is_line = ec == http::error::bad_version || ec == http::error::bad_method || ec == http::error::bad_target;
    return answer(400, is_line ? "the request line is malformed" : "a header field is malformed");
  }
};

cbeast_parser *cbeast_parser_create(uint32_t header_limit, uint32_t field_limit, uint64_t body_limit) {
  auto *parser = new (std::nothrow) cbeast_parser{{}, {}, header_limit, field_limit, body_limit};
  if (parser != nullptr) parser->reset();
  return parser;
}

void cbeast_parser_destroy(cbeast_parser *parser) { delete parser; }

void cbeast_parser_reset(cbeast_parser *parser) { parser->reset(); }

int cbeast_parser_put(cbeast_parser *parser, const uint8_t *bytes, size_t count, size_t *consumed) {
  *consumed = 0;
  if (parser->parser->is_done()) return CBEAST_COMPLETE;
  auto *text = reinterpret_cast<const char *>(bytes);
  try {
    error_code ec;
    parser->parser->input = text;
    parser->parser->input_end = text + count;
    *consumed = parser->parser->put(boost::asio::const_buffer(bytes, count), ec);
    if (ec && ec != http::error::need_more) return parser->refused(ec, text, count);
    auto rest = string_view(text + *consumed, count - *consumed);
    if (!parser->parser->is_header_done() && has_bare_newline(rest)) {
      return parser->refused(http::error::bad_line_ending, text, count);
    }
    return parser->parser->is_done() ? CBEAST_COMPLETE : CBEAST_MORE;
  } catch (...) {
    parser->current.reason = "there is no memory for the request";
    return 503;
  }
}

cbeast_message cbeast_parser_message(const cbeast_parser *parser) {
  auto &current = parser->current;
  auto &state = *parser->parser;
  cbeast_message result = {};
  result.text = current.text.data(), result.text_length = current.text.size();
  result.method_length = current.method_length, result.target_length = current.target_length;
  result.fields = current.fields.data(), result.field_count = current.fields.size();
  result.body = current.body.data(), result.body_length = current.body.size();
  result.is_head_complete = state.is_header_done();
  result.is_legacy = current.is_legacy;
  result.expects_continue = current.expects_continue;
  if (result.is_head_complete) {
    result.is_kept_alive = state.keep_alive();
    result.is_upgrade = state.upgrade();
    result.has_body = state.chunked() || state.content_length().value_or(0) > 0;
  }
  return result;
}

const char *cbeast_parser_reason(const cbeast_parser *parser) { return parser->current.reason; }

void cbeast_websocket_accept(const uint8_t *key, size_t key_length, uint8_t accept[CBEAST_ACCEPT_LENGTH]) {
  constexpr auto salt = string_view("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  uint8_t digest[beast::detail::sha1_context::digest_size];
  beast::detail::sha1_context context;
  beast::detail::init(context);
  beast::detail::update(context, key, key_length);
  beast::detail::update(context, salt.data(), salt.size());
  beast::detail::finish(context, digest);
  beast::detail::base64::encode(accept, digest, sizeof digest);
}
