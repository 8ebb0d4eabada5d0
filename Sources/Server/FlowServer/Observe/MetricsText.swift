/// The text form of Prometheus, version 0.0.4, composed a family at a time.
struct MetricsText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""

  mutating func add(_ family: Family<Counter>) {
    addHead(family.name, help: family.help, type: "counter")
    for (values, counter) in family.all {
      addSample(family.name, labels: zip(family.labels, values), value: "\(counter.count)")
    }
  }

  mutating func add(_ family: Family<Gauge>) {
    gauges(
      family.name, help: family.help, labels: family.labels,
      family.all.map { ($0.labels, Double($0.instrument.current)) })
  }

  mutating func add(_ family: Family<Histogram>) {
    addHead(family.name, help: family.help, type: "histogram")
    for (values, histogram) in family.all {
      addSamples(of: histogram, named: family.name, labels: Array(zip(family.labels, values)))
    }
  }

  mutating func add(_ histogram: Histogram, named name: String, help: String) {
    addHead(name, help: help, type: "histogram")
    addSamples(of: histogram, named: name, labels: [])
  }

  mutating func gauge(_ name: String, help: String, _ value: Double) {
    addHead(name, help: help, type: "gauge")
    addSample(name, labels: [], value: MetricsText.number(value))
  }

  mutating func counter(_ name: String, help: String, _ value: Double) {
    addHead(name, help: help, type: "counter")
    addSample(name, labels: [], value: MetricsText.number(value))
  }

  mutating func gauges(_ name: String, help: String, labels: [String], _ values: [([String], Double)]) {
    add(name, help: help, type: "gauge", labels: labels, values)
  }

  mutating func counters(_ name: String, help: String, labels: [String], _ values: [([String], Double)]) {
    add(name, help: help, type: "counter", labels: labels, values)
  }

  private mutating func add(
    _ name: String, help: String, type: String, labels: [String], _ values: [([String], Double)]
  ) {
    addHead(name, help: help, type: type)
    for (labelValues, value) in values {
      addSample(name, labels: zip(labels, labelValues), value: MetricsText.number(value))
    }
  }

  private mutating func addSamples(of histogram: Histogram, named name: String, labels: [(String, String)]) {
    let counts = histogram.cumulative
    for (index, count) in counts.enumerated() {
      let bound = index < histogram.bounds.count ? MetricsText.number(histogram.bounds[index]) : "+Inf"
      addSample("\(name)_bucket", labels: labels + [("le", bound)], value: "\(count)")
    }
    addSample("\(name)_sum", labels: labels, value: MetricsText.number(histogram.sum))
    addSample("\(name)_count", labels: labels, value: "\(counts.last ?? 0)")
  }

  private mutating func addHead(_ name: String, help: String, type: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  private mutating func addSample(_ name: String, labels: some Sequence<(String, String)>, value: String) {
    let pairs = labels.map { "\($0.0)=\"\(MetricsText.escaped($0.1))\"" }
    text += name + (pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") + " \(value)\n"
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : value.description
  }
}
