import CEL

/// Milliseconds since 1970 as RFC 3339 in UTC, with three digits of fraction.
public func timeText(_ milliseconds: Int64) -> String { Timestamp(milliseconds: milliseconds).jsonText }
