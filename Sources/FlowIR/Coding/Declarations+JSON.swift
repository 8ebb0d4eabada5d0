import CEL
import FlowSource

extension RecordDeclaration {
  /// The record as a flow declares it; what protobuf adds to records is not written.
  var irJSON: JSON {
    [
      "name": .string(name),
      "fields": .array(
        fields.map { field in
          .sparse([
            ("name", .string(field.name)), ("type", field.type.json),
            // In a list, so that a default of null can be told from none.
            ("default", .array(field.defaultValue.map { [$0.encoding] } ?? [])),
          ])
        }),
    ]
  }

  init(_ reader: Reader) throws(ProgramError) {
    try reader.allow(["name", "fields"])
    let fields = try reader.list("fields") { item throws(ProgramError) in
      try item.allow(["name", "type", "default"])
      let type = try item.member("type")
      let values = try item.list("default") { value throws(ProgramError) in
        try value.load { () throws(LoadError) in try Value(encoding: value.json) }
      }
      return FieldDeclaration(
        try item.string("name"), try type.load { () throws(LoadError) in try ValueType(json: type.json) },
        defaultValue: values.first)
    }
    self.init(try reader.string("name"), fields)
  }
}

extension EnumDeclaration {
  var irJSON: JSON { ["name": .string(name), "values": .strings(values.map(\.name))] }

  init(_ reader: Reader) throws(ProgramError) {
    try reader.allow(["name", "values"])
    let names = try reader.list("values") { item throws(ProgramError) in try item.string() }
    self.init(
      try reader.string("name"), values: names.enumerated().map { (name: $1, number: Int64($0)) })
  }
}
