public import FlowRuntime

// Lists. A statement is prepared for each query, because unused conditions are omitted from it.
extension SQLiteQueries {
  /// The rows of instances that match a filter, by number, with at most `limit` rows.
  /// - Throws: `StoreError` when the store cannot be read.
  public func instances(
    _ filter: InstanceFilter, after: Int64?, limit: Int
  ) throws(StoreError) -> RowPage<InstanceRow> {
    let (condition, parameters) = condition(filter, after)
    let order = filter.isNewestFirst ? "DESC" : "ASC"
    return try withConnection { connection throws(StoreError) in
      let statement = try connection.prepare(
        """
        SELECT \(Statements.instanceColumns) FROM instance i JOIN definition d ON d.id = i.definition
        WHERE \(condition) ORDER BY i.id \(order) LIMIT \(limit)
        """)
      statement.bind(all: parameters)
      return try statement.page(limit: limit) { $0.instance }
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
    add("i.status =", filter.status.map { .integer(Int64($0.rawValue)) })
    add("i.updated_at >", filter.updatedAfter.map { .integer($0) })
    add("i.updated_at <", filter.updatedBefore.map { .integer($0) })
    if filter.hasIncident { terms.append("i.incident <> ''") }
    if let prefix = filter.keyPrefix, !prefix.isEmpty {
      add("substr(CAST(i.key AS BLOB), 1, \(prefix.utf8.count)) = CAST(", .text(prefix))
      terms[terms.count - 1] += " AS BLOB)"
    }
    return (terms.joined(separator: " AND "), parameters)
  }
}
