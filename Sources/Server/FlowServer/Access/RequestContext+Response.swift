import Dispatch
import FlowHTTP
import FlowJSON
import Synchronization

// The processing of the response: redaction, compression, headers, and its line in logs and metrics.
extension RequestContext {
  /// The response for a problem, with the path and the identifier of the request.
  func response(_ problem: Problem) -> HTTPResponse {
    let members =
      (problem.json.members ?? []) + [
        .init("instance", .string(path)), .init("requestId", .string(id)),
      ]
    return HTTPResponse(
      status: problem.status, headers: [("Content-Type", Problem.mediaType)] + problem.headers,
      body: JSON.object(members).bytes(.compact) + [0x0A])
  }

  /// True if ``willSend(_:)`` does more than add a few headers.
  func mustRewrite(_ response: HTTPResponse) -> Bool {
    acceptsGzip && isCompressible(response) || mustRedact(response)
  }

  func willSend(_ response: HTTPResponse) -> HTTPResponse {
    var response = response
    endResponse()
    if !isAnswered.exchange(true, ordering: .relaxed) { record(response.status) }
    if mustRedact(response) { response = redacted(response) }
    compress(&response)
    response.headers.append(("X-Request-Id", id))
    if middleware.settings.hosts.hasAddedOrigins { response.headers += CrossOrigin.fields(origin: addedOrigin) }
    response.headers.append(("X-Content-Type-Options", "nosniff"))
    response.headers.append(("Cross-Origin-Resource-Policy", "same-origin"))
    if let trace { response.headers.append(("Traceparent", trace.header)) }
    return response
  }

  func willUpgrade() {
    endResponse()
    record(101)
  }

  /// Workers receive unmasked values; all other callers receive the mask.
  private func mustRedact(_ response: HTTPResponse) -> Bool {
    guard !middleware.settings.redaction.isEmpty else { return false }
    guard match.fields == .masked || response.status >= 400 else { return false }
    return !response.isStreaming && !response.body.isEmpty && response.isJSON
  }

  private func redacted(_ response: HTTPResponse) -> HTTPResponse {
    guard let json = try? JSON(parsing: response.body) else {
      return self.response(Problem(.notRedacted, "this response could not be redacted"))
    }
    var masked = response
    masked.body = middleware.settings.redaction.masked(json, of: match.flow).bytes() + [0x0A]
    return masked
  }

  private func isCompressible(_ response: HTTPResponse) -> Bool {
    !response.isStreaming && response.body.count >= AccessMiddleware.compressedFrom
      && !response.headers.contains { $0.0.lowercased() == "content-encoding" }
  }

  private func compress(_ response: inout HTTPResponse) {
    guard isCompressible(response) else { return }
    // Caches must store both forms separately, for every client.
    response.headers.append(("Vary", "Accept-Encoding"))
    guard acceptsGzip, let body = Gzip.compressed(response.body) else { return }
    response.body = body
    response.headers.append(("Content-Encoding", "gzip"))
  }

  // MARK: - Logs, metrics, audit

  private func record(_ status: Int) {
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    middleware.metrics.requests[method, match.template, String(status)].add()
    middleware.metrics.requestSeconds.observe(seconds)
    let isOperation = match.isChanging && (match.scope == .operate || match.scope == .deploy)
    if RequestContext.isRefusal(status) || isOperation { audit(status) }
    let level: Log.Level = status >= 500 ? .warn : .debug
    guard middleware.log.isEnabled(level) else { return }
    var fields = fields(status)
    if let trace { fields.append(.init("traceId", .string(trace.traceID))) }
    fields.append(.init("ms", .double((seconds * 1e6).rounded() / 1e3)))
    middleware.log.write(level, "request", fields: fields)
  }

  /// Records that a message of the socket that this request has opened was refused.
  func recordRefusal(_ problem: Problem) {
    guard RequestContext.isRefusal(problem.status) else { return }
    middleware.metrics.refusals[problem.code].add()
    audit(problem.status)
  }

  private static func isRefusal(_ status: Int) -> Bool { [401, 403, 421, 429].contains(status) }

  /// Records an operator's action or a refusal, with the caller and its address. Refusals of callers without valid
  /// credentials are sampled, so that they can't fill the disk.
  func audit(_ status: Int) {
    var fields = fields(status)
    if case .known = caller {
    } else {
      guard let suppressed = middleware.sampler.admit(address, now: middleware.clock()) else { return }
      if suppressed > 0 { fields.append(.init("suppressed", .int(Int64(suppressed)))) }
    }
    let scope: JSON.Member = .init("scope", .string(match.scope.rawValue))
    fields += [scope, .init("address", .string(address))]
    middleware.trail.add(fields, at: middleware.clock())
    middleware.audit.write(.info, "audit", fields: fields)
  }

  private func fields(_ status: Int) -> [JSON.Member] {
    var fields: [JSON.Member] = [
      .init("requestId", .string(id)), .init("who", .string(principal.identity)), .init("method", .string(method)),
      .init("path", .string(AuditSampler.shortened(path))), .init("route", .string(match.template)),
      .init("status", .int(Int64(status))),
    ]
    if let flow = match.flow { fields.append(.init("workflow", .string(AuditSampler.shortened(flow)))) }
    return fields
  }
}

extension HTTPResponse {
  fileprivate var isJSON: Bool {
    headers.contains { $0.0.lowercased() == "content-type" && $0.1.contains("json") }
  }
}
