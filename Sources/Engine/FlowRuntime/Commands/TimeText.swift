import CEL

/// Milliseconds since 1970 as RFC 3339 in UTC.
public func timeText(_ milliseconds: Int64) -> String { Timestamp(milliseconds: milliseconds).description }
