/// The text form of Prometheus, version 0.0.4, put together a family at a time.
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""

  mutating func add(_ family: Family<Counter>) {
    head(family.name, family.help, "counter")
    for (values, counter) in family.all { sample(family.name, family.labels, values, "\(counter.count)") }
  }

  mutating func add(_ family: Family<Histogram>) {
    head(family.name, family.help, "histogram")
    for (values, histogram) in family.all { add(histogram, family.name, family.labels, values) }
  }

  mutating func add(_ histogram: Histogram, _ name: String, _ help: String) {
    head(name, help, "histogram")
    add(histogram, name, [], [])
  }

  mutating func gauge(_ name: String, _ help: String, _ value: Double) {
    head(name, help, "gauge")
    sample(name, [], [], MetricsText.number(value))
  }

  mutating func counter(_ name: String, _ help: String, _ value: Double) {
    head(name, help, "counter")
    sample(name, [], [], MetricsText.number(value))
  }

  mutating func gauges(_ name: String, _ help: String, _ labels: [String], _ values: [([String], Double)]) {
    head(name, help, "gauge")
    for (labelValues, value) in values { sample(name, labels, labelValues, MetricsText.number(value)) }
  }

  private mutating func add(_ histogram: Histogram, _ name: String, _ labels: [String], _ values: [String]) {
    let counts = histogram.cumulative
    for (index, count) in counts.enumerated() {
      let bound = index < histogram.bounds.count ? MetricsText.number(histogram.bounds[index]) : "+Inf"
      sample("\(name)_bucket", labels + ["le"], values + [bound], "\(count)")
    }
    sample("\(name)_sum", labels, values, MetricsText.number(histogram.sum))
    sample("\(name)_count", labels, values, "\(counts.last ?? 0)")
  }

  private mutating func head(_ name: String, _ help: String, _ type: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func sample(_ name: String, _ labels: [String], _ values: [String], _ value: String) {
    let pairs = zip(labels, values).map { "\($0)=\"\(MetricsText.escaped($1))\"" }
    text += name + (pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") + " \(value)\n"
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : value.description
  }
}
