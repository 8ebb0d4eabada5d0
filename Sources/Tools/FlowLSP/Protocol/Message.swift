import FlowJSON

/// A message of JSON-RPC from the client.
enum Message: Sendable {
  case request(id: JSON, method: String, parameters: JSON)
  case notification(method: String, parameters: JSON)
  case response(id: JSON)
  case invalid(String)

  init(_ content: [UInt8]) {
    do throws(JSONError) {
      let json = try JSON(parsing: content)
      let parameters = json["params"] ?? .object([])
      switch (json["id"], json["method"]?.string) {
      case (let id?, let method?): self = .request(id: id, method: method, parameters: parameters)
      case (nil, let method?): self = .notification(method: method, parameters: parameters)
      case (let id?, nil): self = .response(id: id)
      case (nil, nil): self = .invalid("the message has neither a method nor an id")
      }
    } catch {
      self = .invalid("byte \(error.offset): \(error.message)")
    }
  }

  /// The document that a message is about.
  var documentURI: String? {
    switch self {
    case .request(_, _, let parameters), .notification(_, let parameters):
      parameters["textDocument"]?["uri"]?.string
    case .response, .invalid: nil
    }
  }
}

/// An error response.
struct ResponseError: Error, Sendable {
  /// The codes of JSON-RPC and of the protocol.
  enum Code: Int, Sendable {
    case parseError = -32700
    case invalidRequest = -32600
    case methodNotFound = -32601
    case invalidParameters = -32602
    case notInitialized = -32002
    case requestFailed = -32803
    case requestCancelled = -32800
    case contentModified = -32801
  }

  var code: Code
  var message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
