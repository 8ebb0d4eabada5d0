public import FlowRuntime

// Lists and counts; their statements are made for each question, because what is not asked for is left out of them.
extension SQLiteQueries {
  public func instances(
    _ filter: InstanceFilter, after: Int64?, limit: Int
  ) throws(StoreError) -> [InstanceRow] {
    let (condition, parameters) = condition(filter, after)
    let order = filter.isNewestFirst ? "DESC" : "ASC"
    return try read { reading throws(StoreError) in
      let statement = try reading.connection.prepare(
        """
        SELECT \(Statements.instanceColumns) FROM instance i JOIN definition d ON d.id = i.definition
        WHERE \(condition) ORDER BY i.id \(order) LIMIT \(limit)
        """)
      statement.bind(all: parameters)
      return try all(statement) { $0.instance }
    }
  }

  private func condition(_ filter: InstanceFilter, _ after: Int64?) -> (String, [Statement.Parameter]) {
    var terms = ["1"]
    var parameters: [Statement.Parameter] = []
    func add(_ term: String, _ parameter: Statement.Parameter?) {
      guard let parameter else { return }
      terms.append("\(term) ?")
      parameters.append(parameter)
    }
    add(filter.isNewestFirst ? "i.id <" : "i.id >", after.map { .integer($0) })
    add("i.flow =", filter.flow.map { .text($0) })
    add("i.status =", filter.status.map { .integer(Int64($0)) })
    add("i.updated_at >", filter.updatedAfter.map { .integer($0) })
    add("i.updated_at <", filter.updatedBefore.map { .integer($0) })
    if let prefix = filter.keyPrefix, !prefix.isEmpty {
      add("substr(CAST(i.key AS BLOB), 1, \(prefix.utf8.count)) = CAST(", .text(prefix))
      terms[terms.count - 1] += " AS BLOB)"
    }
    return (terms.joined(separator: " AND "), parameters)
  }

  public func deadLetters(flow: String?, after: Int64, limit: Int) throws(StoreError) -> [DeadLetter] {
    try read { reading throws(StoreError) in
      let statement = try reading.connection.prepare(
        """
        SELECT l.id, i.flow, i.key, l.instance, l.revision, l.number, l.action, l.attempts, l.at, l.code, l.message,
          l.arguments
        FROM dead_letter l JOIN instance i ON i.id = l.instance
        WHERE l.id > ?1 AND (?2 IS NULL OR i.flow = ?2) ORDER BY l.id LIMIT ?3
        """)
      statement.bind(.integer(after), .optional(flow), .integer(Int64(limit)))
      return try all(statement) { $0.deadLetter }
    }
  }

  public func instanceCounts(flow: String?) throws(StoreError) -> [InstanceCount] {
    try read { reading throws(StoreError) in
      let statement = try reading.connection.prepare(
        """
        SELECT flow, status, json_extract(position, '$.states') AS states, count(*), sum(incident <> ''),
          min(updated_at)
        FROM instance WHERE ?1 IS NULL OR flow = ?1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """)
      statement.bind(.optional(flow))
      return try all(statement) { row in
        InstanceCount(
          flow: row.text(0), status: Int(row.integer(1)), states: row.blob(2), count: Int(row.integer(3)),
          incidents: Int(row.integer(4)), oldest: row.integer(5))
      }
    }
  }

  public func workCount() throws(StoreError) -> WorkCount {
    try read { reading throws(StoreError) in
      let queues = try reading.connection.prepare("SELECT queue, count(*) FROM job GROUP BY queue ORDER BY queue")
      queues.bind()
      return WorkCount(
        timers: Int(try reading.connection.integer("SELECT count(*) FROM timer")),
        jobs: try all(queues) { .init(name: $0.isNull(0) ? nil : $0.text(0), count: Int($0.integer(1))) },
        deadLetters: Int(try reading.connection.integer("SELECT count(*) FROM dead_letter")))
    }
  }

  public func definition(hash: String) throws(StoreError) -> [UInt8]? {
    try read { reading throws(StoreError) in
      let statement = try reading.connection.prepare("SELECT ir FROM definition WHERE hash = ?1")
      statement.bind(.text(hash))
      return try all(statement) { $0.blob(0) }.first
    }
  }

  public func journalSpan() throws(StoreError) -> JournalSpan {
    try read { reading throws(StoreError) in
      let last = try reading.connection.integer("SELECT coalesce(max(sequence), 0) FROM journal")
      return JournalSpan(
        identity: try reading.connection.text("SELECT value FROM meta WHERE name = 'identity'"),
        first: try reading.connection.integer("SELECT coalesce(min(sequence), \(last + 1)) FROM journal"), last: last)
    }
  }
}

extension Statement {
  /// A dead letter with the names of its instance.
  fileprivate var deadLetter: DeadLetter {
    let job = JobRow(
      id: integer(0), instance: integer(3), revision: Int(integer(4)), number: Int(integer(5)), action: text(6),
      queue: nil, call: nil, once: nil, attempt: Int(integer(7)), due: 0, arguments: blob(11))
    return DeadLetter(
      id: integer(0), flow: text(1), key: text(2),
      row: DeadRow(job: job, at: integer(8), code: text(9), message: text(10)))
  }
}
